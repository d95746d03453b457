"""TIFFs of every kind give the picture that was saved, and damage in them is refused."""

import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.images.decode import Undecodable, decode
from stages.images.tiff import is_negative, read_tiff, stated_bits
from tests.images.image_files import (
    damaged_copies,
    file_of,
    grainy,
    smooth,
    tiff_directory,
    tiff_of,
    visibly_wrong,
)

COMPRESSIONS = [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "lzma"]
WIDE = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype("<u2")
WHITE_IS_ZERO = (262, 3, [0])


def pixels(content: bytes) -> np.ndarray:
    """Return a decoded picture as signed numbers."""
    return np.asarray(decode(content).image).astype(int)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_and_compression(mode: str, compression: str | None) -> None:
    """Pixels are those that Pillow reads, alpha over white."""
    image = smooth(mode="RGBA").convert(mode)
    content = file_of(image, "TIFF", compression=compression)
    expected = Image.open(io.BytesIO(content)).convert("RGBA")
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), expected)
    assert np.array_equal(pixels(content), np.asarray(white.convert("RGB")))


def test_a_tall_picture_is_read_in_strips() -> None:
    """A picture larger than a strip is that of Pillow, averaged in boxes."""
    image = smooth(2500, 3600)
    content = file_of(image, "TIFF", compression="tiff_lzw")
    reduced = decode(content, shorter=100).image
    assert reduced.size == (313, 450)
    assert np.array_equal(np.asarray(reduced), np.asarray(image.reduce(8)))


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_where_zero_is_white(bits: int) -> None:
    """A negative comes out positive, whatever its depth."""
    if bits == 1:
        grey = np.packbits(np.eye(16, dtype=bool), axis=1)
        tags = [(256, 4, [16]), (258, 3, [1])]
        expected = np.where(np.eye(16, dtype=bool), 0, 255)
    else:
        grey = WIDE if bits == 16 else (WIDE // 257).astype(np.uint8)
        tags = []
        expected = 255 - np.round(grey / (1 << bits >> 8) / (1 if bits == 8 else 257 / 256))
    content = tiff_of(grey, WHITE_IS_ZERO, *tags)
    assert abs(pixels(content)[..., 0] - expected).max() <= 1
    assert is_negative({262: 0})
    assert not is_negative({})


@pytest.mark.parametrize("more", [[], [(281, 3, [4095])]])
def test_12_bits_in_16(more: list[tuple[int, int, list[int]]]) -> None:
    """Samples of 12 bits use the whole range, by the file's word or their own, in negatives too."""
    grey = WIDE // 16
    found = decode(tiff_of(grey, *more))
    assert found.traits == ("12 bits in 16", "16-bit", "grey")
    expected = np.round(grey / 4095 * 255)
    assert np.array_equal(pixels(tiff_of(grey, *more))[..., 0], expected)
    assert np.array_equal(pixels(tiff_of(grey, WHITE_IS_ZERO, *more))[..., 0], 255 - expected)
    colour = np.stack([grey, grey[::-1], grey // 2], axis=2)
    assert np.array_equal(pixels(tiff_of(colour, *more)), np.round(colour / 4095 * 255))


def test_12_bits_packed() -> None:
    """Three bytes for two samples, which only Pillow reads, are 12 bits too."""
    grey = (WIDE // 16).reshape(-1, 2).astype(int)
    packed = np.stack(
        [grey[:, 0] >> 4, (grey[:, 0] & 15) << 4 | grey[:, 1] >> 8, grey[:, 1] & 255], axis=1
    )
    content = tiff_of(packed.astype(np.uint8).reshape(64, 96), (256, 4, [64]), (258, 3, [12]))
    assert np.array_equal(pixels(content)[..., 0], np.round(WIDE // 16 / 4095 * 255))


def test_the_bits_that_a_file_states() -> None:
    """The largest sample, a microscope's description, or the bits a sample."""
    assert stated_bits({281: (1023,), 258: (16,)}) == 10
    assert stated_bits({281: 4095}) == 12
    assert stated_bits({270: '<OME><Pixels SignificantBits="14"/></OME>', 258: (16,)}) == 14
    assert stated_bits({258: (16, 16, 16)}) == 16
    assert stated_bits({}) == 0


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "jpeg"])
def test_damage_is_refused(compression: str) -> None:
    """Of 45 damaged copies none is accepted with a wrong picture."""
    content = file_of(grainy(), "TIFF", compression=compression)
    right = pixels(content)
    refused = 0
    wrong = 0
    for copy in damaged_copies(content, 45):
        try:
            wrong += visibly_wrong(pixels(copy), right)
        except Undecodable:
            refused += 1
    assert refused >= 30
    assert wrong <= (0 if compression != "jpeg" else 4)


def test_a_wrong_checksum_behind_the_last_row_is_damage() -> None:
    """A changed byte that inflates to as many bytes is noticed by its checksum only."""
    content = bytearray(file_of(smooth(), "TIFF", compression="tiff_adobe_deflate"))
    photo = Image.open(io.BytesIO(content))
    end = photo.tag_v2[273][0] + photo.tag_v2[279][0]  # type: ignore[attr-defined]
    content[end - 1] ^= 1
    with pytest.raises(Undecodable, match="incorrect data check"):
        decode(bytes(content))


def test_nothing_of_libtiff_reaches_the_terminal(tmp_path: Path) -> None:
    """Damage in all kinds of TIFFs, those that only Pillow reads too, leaves stderr empty."""
    for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "lzma"):
        content = file_of(grainy(), "TIFF", compression=name)
        for number, copy in enumerate(damaged_copies(content, 9)):
            (tmp_path / f"{name}_{number}.tif").write_bytes(copy)
    script = (
        "import sys; from pathlib import Path; from stages.images.decode import *\n"
        "for file in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try: decode(file.read_bytes())\n"
        "    except Undecodable as error: print(file.name, error.problem)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert done.stderr == ""
    assert done.stdout.count("lzma") >= 6
    assert done.stdout.count("\n") >= 25


def test_what_libvips_does_not_read_is_left_to_pillow() -> None:
    """Alpha that is multiplied in, and rare compressions, give no strips here."""
    content = file_of(smooth(), "TIFF", compression="lzma")
    assert read_tiff(content, Image.open(io.BytesIO(content))) is None  # type: ignore[arg-type]
    multiplied = tiff_of(np.full((20, 20, 4), 100, np.uint8), (338, 3, [1]))
    assert read_tiff(multiplied, Image.open(io.BytesIO(multiplied))) is None  # type: ignore[arg-type]
    assert pixels(multiplied)[0, 0].tolist() == [255, 255, 255]


def test_tiles_of_one_band_each() -> None:
    """A tiled TIFF whose bands lie apart is read by Pillow, in its right colours."""
    bands = [np.full((16, 16), level, np.uint8) for level in (200, 100, 50)]
    places = [8 + 256 * number for number in range(3)]
    tags = [(256, 4, [16]), (257, 4, [16]), (258, 3, [8, 8, 8]), (262, 3, [2]), (277, 3, [3])]
    tiles = [(284, 3, [2]), (322, 4, [16]), (323, 4, [16]), (324, 4, places), (325, 4, [256] * 3)]
    start = 8 + 3 * 256
    header = b"II*\0" + struct.pack("<I", start) + b"".join(band.tobytes() for band in bands)
    content = header + tiff_directory([*tags, (259, 3, [1]), *tiles], start)
    assert pixels(content)[5, 5].tolist() == [200, 100, 50]
