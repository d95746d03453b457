"""TIFFs of every kind give the picture that was saved, and damage in them is refused."""

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.images.decode import Undecodable, decode
from stages.images.tiff import is_negative, read_tiff, stated_bits
from tests.images.image_files import (
    Tag,
    damage_counts,
    damaged_copies,
    file_of,
    grainy,
    pixels_of,
    smooth,
    tiff_directory,
    tiff_of,
)
from tests.measured_work import measured_work

COMPRESSIONS = [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "lzma"]
WIDE = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype("<u2")
WHITE_IS_ZERO = (262, 3, [0])


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_and_compression(mode: str, compression: str | None) -> None:
    """Pixels are those that Pillow reads, alpha over white."""
    image = smooth(mode="RGBA").convert(mode)
    content = file_of(image, "TIFF", compression=compression)
    expected = Image.open(io.BytesIO(content)).convert("RGBA")
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), expected)
    assert np.array_equal(pixels_of(content), np.asarray(white.convert("RGB")))


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
    assert abs(pixels_of(content)[..., 0] - expected).max() <= 1
    assert is_negative({262: 0})
    assert not is_negative({})


@pytest.mark.parametrize("more", [[], [(281, 3, [4095])]])
def test_12_bits_in_16(more: list[tuple[int, int, list[int]]]) -> None:
    """Samples of 12 bits use the whole range, by the file's word or their own, in negatives too."""
    grey = WIDE // 16
    found = decode(tiff_of(grey, *more))
    assert found.traits == ("12 bits in 16", "16-bit", "grey")
    expected = np.round(grey / 4095 * 255)
    assert np.array_equal(pixels_of(tiff_of(grey, *more))[..., 0], expected)
    assert np.array_equal(pixels_of(tiff_of(grey, WHITE_IS_ZERO, *more))[..., 0], 255 - expected)
    colour = np.stack([grey, grey[::-1], grey // 2], axis=2)
    assert np.array_equal(pixels_of(tiff_of(colour, *more)), np.round(colour / 4095 * 255))


def test_12_bits_packed() -> None:
    """Three bytes for two samples, which only Pillow reads, are 12 bits too."""
    grey = (WIDE // 16).reshape(-1, 2).astype(int)
    packed = np.stack(
        [grey[:, 0] >> 4, (grey[:, 0] & 15) << 4 | grey[:, 1] >> 8, grey[:, 1] & 255], axis=1
    )
    content = tiff_of(packed.astype(np.uint8).reshape(64, 96), (256, 4, [64]), (258, 3, [12]))
    assert np.array_equal(pixels_of(content)[..., 0], np.round(WIDE // 16 / 4095 * 255))


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
    refused, wrong = damage_counts(file_of(grainy(), "TIFF", compression=compression), 45)
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
    assert pixels_of(multiplied)[0, 0].tolist() == [255, 255, 255]


def test_tiles_of_one_band_each() -> None:
    """A tiled TIFF whose bands lie apart is read by Pillow, in its right colours."""
    bands = [np.full((16, 16), level, np.uint8) for level in (200, 100, 50)]
    places = [8 + 256 * number for number in range(3)]
    tags = [(256, 4, [16]), (257, 4, [16]), (258, 3, [8, 8, 8]), (262, 3, [2]), (277, 3, [3])]
    tiles = [(284, 3, [2]), (322, 4, [16]), (323, 4, [16]), (324, 4, places), (325, 4, [256] * 3)]
    start = 8 + 3 * 256
    header = b"II*\0" + struct.pack("<I", start) + b"".join(band.tobytes() for band in bands)
    content = header + tiff_directory([*tags, (259, 3, [1]), *tiles], start)
    assert pixels_of(content)[5, 5].tolist() == [200, 100, 50]


def deflated(*blocks: bytes, tags: Sequence[Tag] = (), rows: int = 1) -> bytes:
    """Return a grey TIFF of 16 x 16 pixels, its strips packed by deflate; tags replace its own."""
    ends = np.cumsum([8, *map(len, blocks)]).tolist()
    own: dict[int, Tag] = {
        256: (256, 4, [16]),
        257: (257, 4, [16]),
        258: (258, 3, [8]),
        259: (259, 3, [8]),
        262: (262, 3, [1]),
        277: (277, 3, [1]),
        273: (273, 4, ends[:-1]),
        278: (278, 4, [rows]),
        279: (279, 4, [len(block) for block in blocks]),
    }
    own |= {tag[0]: tag for tag in tags}
    directory = tiff_directory(list(own.values()), ends[-1])
    return b"II*\0" + struct.pack("<I", ends[-1]) + b"".join(blocks) + directory


def test_no_block_inflates_past_its_pixels() -> None:
    """Sixteen strips on one block that inflates to 64 MB are refused in no time."""
    bomb = zlib.compress(bytes(64 << 20), 9)
    with measured_work() as work:
        sixteen: list[Tag] = [(273, 4, [8] * 16), (279, 4, [len(bomb)] * 16)]
        with pytest.raises(Undecodable, match="block 0 inflates to more than its 16 bytes"):
            decode(deflated(bomb, tags=sixteen))
    assert work.seconds < 1.5


def test_no_block_is_read_past_what_its_pixels_need() -> None:
    """Two thousand rows that share 1 MB of deflate blocks of no bytes are refused in no time."""
    nothing = b"\x78\x01" + b"\0\0\0\xff\xff" * 200_000
    shared: list[Tag] = [(257, 4, [2000]), (273, 4, [8] * 2000), (279, 4, [len(nothing)] * 2000)]
    with measured_work() as work, pytest.raises(Undecodable):
        decode(deflated(nothing, tags=shared))
    assert work.seconds < 2


def test_strips_that_no_decoder_reads_are_not_inflated() -> None:
    """Further strips than the rows need are passed over, broken ones too."""
    row = zlib.compress(bytes(range(0, 160, 10)))
    content = deflated(*[row] * 16, b"broken")
    assert pixels_of(content)[:, 3, 0].tolist() == [30] * 16


@pytest.mark.parametrize("rows", [6, 16, 2**32 - 1])
def test_the_last_strip_may_have_all_rows(rows: int) -> None:
    """Rows below the picture in its last strip are no damage, nor is a strip without a limit."""
    strips = -(-16 // rows)
    block = zlib.compress(bytes([7]) * (16 * min(rows, 16)))
    assert pixels_of(deflated(*[block] * strips, rows=rows))[15, 15].tolist() == [7, 7, 7]


def test_a_tile_far_larger_than_the_picture_is_refused() -> None:
    """A tile of 32,768 x 32,768 for 16 x 16 pixels, in a file of 1 MB, costs nothing."""
    tile = zlib.compress(bytes(1 << 20))
    tags: list[Tag] = [(322, 4, [32768]), (323, 4, [32768]), (324, 4, [8]), (325, 4, [len(tile)])]
    with pytest.raises(Undecodable, match="tiles of 32768 x 32768 pixels in a picture of 16 x 16"):
        decode(deflated(tile, tags=tags))
