"""A picture converted and averaged in strips is that of the whole, to the bit."""

import numpy as np
import pytest
from PIL import Image

from stages.images import strips
from stages.images.picture import as_image
from stages.images.strips import convert_in_strips, rows_of_strip, strips_of
from tests.images.image_files import smooth


@pytest.mark.parametrize("boxes", [(1, 1), (3, 4), (10, 10)])
@pytest.mark.parametrize("mode", ["RGBA", "L", "CMYK", "RGB"])
def test_strips_equal_the_whole(
    monkeypatch: pytest.MonkeyPatch, mode: str, boxes: tuple[int, int]
) -> None:
    """Neither conversion nor averaging knows where a strip ends."""
    picture = smooth(101, 157, mode)
    heights = []

    def convert(strip: Image.Image) -> Image.Image:
        heights.append(strip.height)
        return strip.convert("RGB")

    whole = as_image(convert_in_strips(strips_of(picture), picture.size, boxes, convert))
    monkeypatch.setattr(strips, "WHOLE_PIXELS", 10_000)
    monkeypatch.setattr(strips, "STRIP_PIXELS", 2500)
    found = as_image(convert_in_strips(strips_of(picture), picture.size, boxes, convert))
    assert heights[0] == 157
    assert max(heights[1:]) < 50
    assert found.size == (-(-101 // boxes[0]), -(-157 // boxes[1]))
    assert np.array_equal(np.asarray(found), np.asarray(whole))


def test_a_small_picture_is_its_own_strip() -> None:
    """What is low enough is passed on as it is, with its palette and its marks."""
    picture = smooth()
    picture.info["transparency"] = 3
    assert list(strips_of(picture)(48)) == [picture]


def test_a_strip_is_whole_boxes() -> None:
    """The rows of a strip are a multiple of the box, one box at least."""
    assert rows_of_strip((14_100, 14_100), 10) == 140
    assert rows_of_strip((20_000_000, 20), 7) == 7
    assert rows_of_strip((640, 480), 7) == 480
