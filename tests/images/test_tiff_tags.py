"""The tags of a TIFF are read without its pixels, and name what no decoder knows."""

import io

import numpy as np
import pytest

from stages.images.decode import Undecodable, decode
from stages.images.tiff_tags import is_tiff, read_directory, sub_directories, unread_tiff
from tests.images.image_files import file_of, smooth, tiff_directory, tiff_of

GREY = np.zeros((20, 30), np.uint8)


def test_the_first_directory_is_read() -> None:
    """Width and height are those of the first picture, in both kinds of TIFF."""
    for big in (False, True):
        content = file_of(smooth(), "TIFF", big_tiff=big)
        assert is_tiff(content)
        tags = read_directory(io.BytesIO(content))
        assert (tags[256], tags[257]) == (64, 48)
    assert not is_tiff(file_of(smooth(), "PNG"))


def test_directories_below_are_listed() -> None:
    """Each offset that the first directory lists leads to a directory."""
    bare = tiff_of(GREY, (330, 4, [0]))
    below = tiff_directory([(256, 4, [7])], len(bare))
    file = io.BytesIO(tiff_of(GREY, (330, 4, [len(bare)])) + below)
    assert [tags[256] for tags in sub_directories(file, read_directory(file))] == [7]


@pytest.mark.parametrize(
    ("pixels", "sample_format", "text"),
    [
        (np.zeros((20, 20), "<i2"), 2, "TIFF of mode I"),
        (np.zeros((20, 20), "<f4"), 3, "TIFF of mode F"),
        (np.zeros((20, 20), "<u4"), 1, "TIFF of mode I"),
        (np.zeros((20, 20), "<f8"), 3, "float 64 bits a pixel"),
        (np.zeros((20, 20, 3), "<i2"), 2, r"signed 16 \+ 16 \+ 16 bits a pixel"),
    ],
)
def test_samples_without_a_known_range_are_named(
    pixels: np.ndarray, sample_format: int, text: str
) -> None:
    """Signed, floating and 32-bit samples are refused as such, and never black in silence."""
    content = tiff_of(pixels, (339, 3, [sample_format]))
    with pytest.raises(Undecodable, match=text) as caught:
        decode(content)
    assert caught.value.problem == "unsupported mode"


def test_pillow_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """A TIFF of 65,535 samples a pixel, which Pillow logs as an error, is refused in silence."""
    with pytest.raises(Undecodable, match="TIFF of 8 bits"):
        decode(tiff_of(GREY, (277, 3, [65535])))
    assert capfd.readouterr().err == ""


def test_a_tiff_without_its_directory_is_truncated() -> None:
    """Most TIFFs have their directory at the end; without it nothing is known."""
    content = tiff_of(GREY)
    assert unread_tiff(io.BytesIO(content[:100]))[0] == "truncated"
    with pytest.raises(Undecodable, match="truncated"):
        decode(content[:100])
