"""What stands beside the pixels of a PNG may be broken or huge."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from stages.base.seed import derive
from stages.images.decode import Undecodable, decode
from stages.images.png_chunks import read_png
from tests.measured_work import measured_work

PIXELS = derive(1, "png").integers(0, 256, (40, 60, 3)).astype(np.uint8)


def saved(image: Image.Image | None = None, **options: object) -> bytes:
    """Return the bytes of a PNG."""
    buffer = io.BytesIO()
    (image or Image.fromarray(PIXELS)).save(buffer, "PNG", **options)
    return buffer.getvalue()


def chunk(name: bytes, body: bytes, wrong: int = 0) -> bytes:
    """Return a chunk, its checksum wrong if so wished."""
    checksum = zlib.crc32(name + body) ^ wrong
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


PLAIN = saved()


def with_chunks(*chunks: bytes) -> bytes:
    """Return a PNG with chunks after its header."""
    return PLAIN[:33] + b"".join(chunks) + PLAIN[33:]


LONG = b"x" * 1_200_000
TEXT = PngImagePlugin.PngInfo()
TEXT.add_text("workflow", LONG.decode(), zip=True)
ODD = {
    "long compressed text": saved(pnginfo=TEXT),
    "long international text": with_chunks(
        chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(LONG)),
        chunk(b"iTXt", b"b\0\0\0\0\0" + LONG),
    ),
    "many texts": with_chunks(*[chunk(b"zTXt", b"a\0\0" + zlib.compress(LONG[:1_000_000]))] * 66),
    "unknown compression": with_chunks(chunk(b"zTXt", b"a\0\7abc")),
    "short gamma": with_chunks(chunk(b"gAMA", b"\0")),
    **{
        f"wrong checksum in {name}": with_chunks(chunk(name.encode(), bytes(32), wrong=1))
        for name in ("tEXt", "zTXt", "iTXt", "iCCP", "eXIf", "pHYs", "tIME", "cHRM", "sBIT")
    },
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_metadata_are_a_trait(kind: str) -> None:
    """The picture is read as it is, and the file is counted."""
    found = decode(ODD[kind])
    assert np.array_equal(np.asarray(found.image), PIXELS)
    assert found.traits == ("odd metadata",)


def test_a_large_profile_is_read() -> None:
    """A profile of 1.5 MB, as scanners embed, is not refused for its size; this one is noise."""
    noise = derive(2, "profile").integers(0, 256, 1_500_000, dtype=np.uint8).tobytes()
    content = saved(icc_profile=noise)
    assert read_png(content).profile == noise
    assert decode(content).traits == ("broken colour profile", "odd metadata")
    assert np.array_equal(np.asarray(decode(content).image), PIXELS)


def test_a_bomb_of_a_profile_is_not_inflated() -> None:
    """20 MB of zeros in 20 kB are read up to the limit for profiles, and are a broken one."""
    bomb = with_chunks(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(20 << 20), 9)))
    profile = read_png(bomb).profile
    assert profile is not None
    assert len(profile) < 17 << 20
    assert "broken colour profile" in decode(bomb).traits


def test_one_profile_is_inflated() -> None:
    """Of 40 profiles of 16 MB only the first is inflated; the others are left out."""
    more = [chunk(b"iCCP", b"b\0\0" + zlib.compress(bytes(16 << 20), 9))] * 40
    first = chunk(b"iCCP", b"a\0\0" + zlib.compress(b"first"))
    content = with_chunks(first, *more)
    with measured_work() as work:
        png = read_png(content)
    assert work.seconds < 1
    assert png.profile == b"first"
    assert png.odd
    assert png.content == with_chunks(first)


def test_an_ordinary_png_is_read_as_it_is() -> None:
    """Without odd chunks the bytes are the file's own, texts and a turn included."""
    exif = Image.Exif()
    exif[0x0112] = 6
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "a photo")
    content = saved(pnginfo=text, exif=exif, dpi=(72, 72), gamma=0.45)
    assert read_png(content).content is content
    assert decode(content).traits == ("EXIF turn",)


@pytest.mark.parametrize("name", ["PLTE", "tRNS", "IDAT", "IHDR", "IEND", "acTL", "abCD"])
def test_damage_of_the_picture_stays_damage(name: str) -> None:
    """A wrong checksum in anything that pixels need, or in what nobody knows, is refused."""
    image = Image.fromarray(PIXELS).quantize(16)
    content = saved(image, transparency=0)
    if name.encode() not in content:
        content = content[:33] + chunk(name.encode(), bytes(8)) + content[33:]
    place = content.index(name.encode())
    (length,) = struct.unpack(">I", content[place - 4 : place])
    damaged = bytearray(content)
    damaged[place + 4 + length] ^= 1
    if name == "IEND":
        assert decode(bytes(damaged)).image == decode(content).image
        return
    with pytest.raises(Undecodable):
        decode(bytes(damaged))


def test_no_damaged_png_is_accepted_with_wrong_pixels() -> None:
    """Of 450 files with a text beside the pixels, damaged anywhere, none gives wrong pixels."""
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "made for a test" * 200)
    image = Image.fromarray(PIXELS).quantize(16)
    content = saved(image, pnginfo=text, transparency=0)
    right = np.asarray(decode(content).image)
    draw = derive(3, "mutations")
    odd = 0
    for _ in range(450):
        damaged = bytearray(content)
        for place in draw.integers(0, len(content), int(draw.integers(1, 9))):
            damaged[place] ^= 1 << int(draw.integers(8))
        try:
            found = decode(bytes(damaged))
        except Undecodable:
            continue
        assert np.array_equal(np.asarray(found.image), right)
        odd += "odd metadata" in found.traits
    assert odd > 20
