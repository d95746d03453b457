"""WebP: whether the decoder needs the compressed data to their end.

WebP has no checksum, and libwebp takes any bits for a picture: of 450 damaged copies of a lossy one
it took 287 that were visibly wrong, of a lossless one 280; this takes none and 98. Damaged bits
rarely decode to as many bytes as the stream has. Where they need more libwebp fails; where they
need fewer, it also decodes a stream whose last bytes are cut off, impossible for a whole one.
"""

import io
import struct

from PIL import Image

# Bytes cut off. libwebp writes at most 2 that the last pixel does not need (120 pictures of all
# qualities); libvpx, and encoders made from it, 6.
_CUT = 8
_HEADER = 20  # bytes of a stream before its first pixel
_STREAMS = (b"VP8 ", b"VP8L")
_FRAME = b"ANMF"
_FRAME_HEADER = 16


def check_webp(content: bytes) -> None:
    """Raise a ValueError when the first picture of a readable WebP leaves some of its bytes unread.

    Decodes it once more, up to the missing bytes.
    """
    kind, stream = _first_stream(content)
    used = stream.rstrip(b"\0")  # an encoder may pad
    if len(used) <= _HEADER + _CUT:
        return
    try:
        Image.open(io.BytesIO(_webp(kind, used[:-_CUT]))).load()
    except Exception:  # as it must: the last pixels are missing
        return
    raise ValueError("the picture ends before its data do")


def _webp(kind: bytes, stream: bytes) -> bytes:
    """Return the file of a stream of pixels and nothing else."""
    chunk = struct.pack("<4sI", kind, len(stream)) + stream + bytes(len(stream) % 2)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunk), b"WEBP") + chunk


def _first_stream(content: bytes) -> tuple[bytes, bytes]:
    """Return kind and bytes of the first stream of pixels, of a film's first frame."""
    start = 12
    while start + 8 <= len(content):
        kind = content[start : start + 4]
        length = int.from_bytes(content[start + 4 : start + 8], "little")
        if kind in _STREAMS:
            return kind, content[start + 8 : start + 8 + length]
        start += 8 + (_FRAME_HEADER if kind == _FRAME else length + length % 2)
    return b"", b""
