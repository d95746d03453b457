"""Pictures of every format but JPEG come in 8 bits a sample, whatever depth they had."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from stages.images.decode import decode
from stages.images.raster import read_raster
from tests.images.image_files import file_of, grainy, smooth

WIDE = np.linspace(0, 4095, 64 * 64).reshape(64, 64).astype(np.uint16)


def png_16(samples: np.ndarray) -> bytes:
    """Return a PNG of 16 bits a sample."""
    kind = "rgb16" if samples.ndim == 3 else "grey16"
    image = pyvips.Image.new_from_array(samples).copy(interpretation=kind)
    content: bytes = image.pngsave_buffer(compression=1)
    return content


def pixels(content: bytes) -> np.ndarray:
    """Return a decoded picture as signed numbers."""
    return np.asarray(decode(content).image).astype(int)


def test_12_bits_in_a_png() -> None:
    """Grey, colours and alpha of 12 bits in 16 use the whole range, and are counted."""
    expected = np.round(WIDE / 4095 * 255)
    assert decode(png_16(WIDE)).traits == ("12 bits in 16", "16-bit", "grey")
    assert np.array_equal(pixels(png_16(WIDE))[..., 0], expected)
    colour = np.stack([WIDE, WIDE.T, WIDE[::-1]], axis=2)
    assert np.array_equal(pixels(png_16(colour)), np.round(colour / 4095 * 255))
    opaque = np.dstack([colour, np.full_like(WIDE, 65535)])
    assert np.array_equal(pixels(png_16(opaque)), np.round(colour / 4095 * 255))
    assert "12 bits in 16" in decode(png_16(opaque)).traits


def test_16_bits_in_a_png() -> None:
    """What uses all of its range stays as it is, and so does 12 bits moved up into 16."""
    for samples in (WIDE * 16, np.dstack([WIDE * 16] * 3)):
        content = png_16(samples)
        assert "12 bits in 16" not in decode(content).traits
        assert abs(pixels(content).max() - 255) <= 1


def test_8_bits_in_16() -> None:
    """A picture of 8 bits that was saved with 16 is not black."""
    grey = np.asarray(smooth(mode="L")).astype(np.uint16)
    grey[0, 0] = 255
    found = decode(png_16(grey))
    assert found.traits == ("16-bit", "8 bits in 16", "grey")
    assert np.array_equal(np.asarray(found.image)[..., 0], grey)


def test_12_bits_in_a_pgm_and_in_jpeg_2000() -> None:
    """A largest sample of 4095, and a depth of 12 bits, are what the file says: white."""
    content = b"P5\n64 64\n4095\n" + WIDE.astype(">u2").tobytes()
    assert abs(pixels(content)[..., 0] - WIDE / 4095 * 255).max() <= 1


def bmp_32(alpha: int) -> bytes:
    """Return a BMP of 20 x 20 grey-blue pixels with bit masks, and alpha as given."""
    rows = bytes([200, 90, 90, alpha]) * 400
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", 108, 20, 20, 1, 32, 3, len(rows), 0, 0, 0, 0)
    header = info + masks + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 14 + 108 + len(rows), 0, 0, 14 + 108) + header + rows


def test_a_bmp_whose_alpha_is_0_everywhere_has_none() -> None:
    """Its writer knew of no alpha; as alpha it would be a white picture."""
    found = decode(bmp_32(0))
    assert "empty alpha" in found.traits
    assert pixels(bmp_32(0))[3, 3].tolist() == [90, 90, 200]
    assert "empty alpha" not in decode(bmp_32(255)).traits
    assert pixels(bmp_32(255))[3, 3].tolist() == [90, 90, 200]
    assert pixels(bmp_32(128))[3, 3].tolist() == pytest.approx([172, 172, 227], abs=1)


@pytest.mark.parametrize("format_name", ["BMP", "PNG", "TIFF"])
def test_a_large_picture_is_averaged_in_boxes(format_name: str) -> None:
    """Above 8 megapixels the picture comes reduced as `resize` would, the same to the bit."""
    image = smooth(2900, 2800)
    found = decode(file_of(image, format_name), shorter=160)
    assert (found.width, found.height) == (2900, 2800)
    assert np.array_equal(np.asarray(found.image), np.asarray(image.reduce((5, 5))))


SCRIPT = """
import resource, sys
from pathlib import Path
from stages.images.decode import decode
content = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
decode(content, shorter=160)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize(("kind", "depth", "bands"), [(6, 8, 4), (0, 16, 1)])
def test_memory_is_that_of_the_decoder(tmp_path: Path, kind: int, depth: int, bands: int) -> None:
    """A PNG of 16 megapixels takes 4 bytes a pixel and a strip, whatever its mode; it took 19."""
    side = 4000
    row = bytes(1 + side * bands * depth // 8)
    packed = zlib.compressobj(1)
    rows = b"".join([*(packed.compress(row) for _ in range(side)), packed.flush()])
    header = struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    body = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    file = tmp_path / "large.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(body))
    command = [sys.executable, "-c", SCRIPT, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 4 * side * side + 120_000_000


def test_traits_of_an_ordinary_picture() -> None:
    """There are none."""
    content = file_of(grainy(), "PNG")
    photo = Image.open(io.BytesIO(content))
    assert read_raster(content, photo).traits == frozenset()
