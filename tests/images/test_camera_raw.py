"""A camera's raw file is refused by name; ordinary TIFFs, of pages or as pyramids, are read."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.dataset.scan import FileFacts, read_file_facts
from stages.images.camera_raw import CAMERA_RAW, REDUCED_COPY, camera_raw
from stages.images.decode import Undecodable, decode
from tests.images.image_files import file_of, smooth, tiff_directory, tiff_of

THUMBNAIL = np.asarray(smooth(96, 64))
REDUCED = (254, 4, [1])


def with_sub_directory(photometric: int, compression: int) -> bytes:
    """Return a TIFF with a thumbnail first, and a directory below it of some kind."""
    bare = tiff_of(THUMBNAIL, REDUCED, (330, 4, [0]))
    below = tiff_directory([(259, 3, [compression]), (262, 3, [photometric])], len(bare))
    return tiff_of(THUMBNAIL, REDUCED, (330, 4, [len(bare)])) + below


RAW = {
    "DNG": tiff_of(THUMBNAIL, REDUCED, (50706, 3, [1, 4])),
    "DNG with its full picture first": tiff_of(THUMBNAIL, (50706, 3, [1, 4])),
    "NEF": with_sub_directory(32803, 34713),
    "ARW": with_sub_directory(32803, 32767),
    "PEF": tiff_of(THUMBNAIL, (259, 3, [65535])),
    "linear": tiff_of(THUMBNAIL, (262, 3, [34892])),
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + bytes(100),
    "IIQ": b"II*\0\x10\0\0\0IIII" + bytes(100),
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(100),
    "CRW": b"II\x1a\0\0\0HEAPCCDR" + bytes(100),
    "RW2": b"IIU\0\x18\0\0\0" + bytes(100),
    "ORF": b"IIRO\x08\0\0\0" + bytes(100),
    "RAF": b"FUJIFILMCCD-RAW 0201" + bytes(100),
    "X3F": b"FOVb\0\0\3\0" + bytes(100),
    "MRW": b"\0MRM\0\0\0\0" + bytes(100),
}


@pytest.mark.parametrize("name", RAW)
def test_a_camera_raw_file_is_refused_by_name(name: str) -> None:
    """Whatever its maker, the thumbnail in it is not taken for the photo."""
    assert camera_raw(io.BytesIO(RAW[name])) == CAMERA_RAW
    with pytest.raises(Undecodable, match="camera raw: convert it to JPEG") as caught:
        decode(RAW[name])
    assert caught.value.problem == "not an image"


def test_a_reduced_copy_is_not_taken_for_the_picture() -> None:
    """A TIFF whose first picture is by its own words a smaller copy of another is refused."""
    assert camera_raw(io.BytesIO(tiff_of(THUMBNAIL, REDUCED))) == REDUCED_COPY


def test_ingest_knows_no_format_of_it(tmp_path: Path) -> None:
    """The manifest lists it without format and size, so presize refuses it by name."""
    (tmp_path / "a.dng").write_bytes(RAW["DNG"])
    facts = read_file_facts(tmp_path, "a.dng")
    assert isinstance(facts, FileFacts)
    assert (facts.format, facts.width, facts.height) == ("", 0, 0)


def test_pages_and_pyramids_are_read() -> None:
    """A TIFF whose full picture comes first is read, whatever follows it."""
    levels = [smooth(32, 24), smooth(16, 16)]
    pages = file_of(smooth(), "TIFF", save_all=True, append_images=levels)
    bare = tiff_of(THUMBNAIL, (254, 4, [0]), (330, 4, [0]))
    below = tiff_directory([REDUCED, (259, 3, [1]), (262, 3, [2])], len(bare))
    pyramid = tiff_of(THUMBNAIL, (254, 4, [0]), (330, 4, [len(bare)])) + below
    for content, size in ((pages, (64, 48)), (pyramid, (96, 64))):
        assert camera_raw(io.BytesIO(content)) == ""
        found = decode(content)
        assert (found.width, found.height) == size


@pytest.mark.parametrize("format_name", ["AVIF", "BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP"])
def test_other_formats_are_no_camera_raw(format_name: str) -> None:
    """No other file is refused, and the file is left at its beginning."""
    file = io.BytesIO(file_of(smooth(), format_name))
    file.seek(7)
    assert camera_raw(file) == ""
    assert Image.open(file).format == format_name


def test_a_damaged_directory_is_left_to_the_decoder() -> None:
    """A TIFF that cannot be read is no camera raw."""
    assert camera_raw(io.BytesIO(b"II*\0" + struct.pack("<I", 8) + b"\xff" * 40)) == ""
    assert camera_raw(io.BytesIO(b"MM\0*")) == ""
