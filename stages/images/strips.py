"""Strips: a large picture is read, converted and made smaller a few rows at a time.

So memory is bounded by what the decoder takes: a PNG of 14,100 x 14,100 pixels with alpha takes
.8 GB; converted to RGB as a whole it took 3.9.
"""

from collections.abc import Callable, Iterator

from PIL import Image

from stages.images.picture import Picture, as_image

# Pixels of a picture that is converted as a whole: then there is nothing to gain.
WHOLE_PIXELS = 8_000_000
# Pixels of a strip. To convert alpha takes 15 bytes of memory for each of them.
STRIP_PIXELS = 2_000_000

# Height -> strips of so many rows from the top on, the last perhaps lower.
Strips = Callable[[int], Iterator[Image.Image]]
Convert = Callable[[Image.Image], Picture]


def strips_of(image: Image.Image) -> Strips:
    """Return the strips of a picture that is in memory."""

    def cut(rows: int) -> Iterator[Image.Image]:
        if rows >= image.height:
            yield image
            return
        for top in range(0, image.height, rows):
            yield image.crop((0, top, image.width, min(top + rows, image.height)))

    return cut


def rows_of_strip(size: tuple[int, int], multiple: int = 1) -> int:
    """Return the rows of a strip of a picture (width, height), a multiple of so many.

    >>> rows_of_strip((4000, 3000), 8), rows_of_strip((640, 480))
    (496, 480)
    """
    if size[0] * size[1] <= WHOLE_PIXELS:
        return size[1]
    return max(1, STRIP_PIXELS // (size[0] * multiple)) * multiple


def convert_in_strips(
    strips: Strips, size: tuple[int, int], boxes: tuple[int, int], convert: Convert
) -> Picture:
    """Return a picture converted to RGB, each box of so many pixels averaged to one.

    size, boxes: width and height. `convert` must treat each pixel by itself: then the result is
    that of the whole picture, to the bit.
    """
    width, height = size
    rows = rows_of_strip(size, boxes[1])
    if rows >= height:
        (whole,) = strips(height)
        return _averaged(convert(whole), boxes)
    converted = Image.new("RGB", (-(-width // boxes[0]), -(-height // boxes[1])))
    top = 0
    for strip in strips(rows):
        part = as_image(_averaged(convert(strip), boxes))
        converted.paste(part, (0, top))
        top += part.height
    return converted


def _averaged(picture: Picture, boxes: tuple[int, int]) -> Picture:
    return picture if boxes == (1, 1) else as_image(picture).reduce(boxes)
