"""Small pictures that carry nothing but pixels."""

import io
from base64 import b64decode
from pathlib import Path

import numpy as np
from PIL import Image

from stages.report.thumbnails import picture, thumbnail, thumbnail_side, thumbnails


def opened(uri: str) -> Image.Image:
    """Return the picture in a data URI."""
    kind, content = uri.split(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(b64decode(content)))


def test_a_thumbnail_keeps_its_shape() -> None:
    """The longer side is as asked, the other in proportion, the colours much the same."""
    pixels = np.full((300, 600, 3), (200, 30, 90), np.uint8)
    small = opened(thumbnail(pixels, 100))
    assert small.size == (100, 50)
    assert np.abs(np.asarray(small).astype(int) - (200, 30, 90)).max() < 6


def test_small_images_are_not_enlarged() -> None:
    """A picture of one pixel stays one pixel; a read-only array will do."""
    pixels = np.zeros((1, 1, 3), np.uint8)
    pixels.flags.writeable = False
    assert opened(thumbnail(pixels, 100)).size == (1, 1)


def test_no_metadata_survives(tmp_path: Path) -> None:
    """A picture with EXIF is drawn again without it: nobody learns where it was taken."""
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"
    Image.new("RGBA", (40, 30), "red").save(tmp_path / "a.png", exif=exif)
    drawn = opened(picture(tmp_path / "a.png", 20))
    assert drawn.size == (20, 15)
    assert not drawn.getexif()
    assert not [key for key in drawn.info if key in {"exif", "icc_profile", "comment"}]


def test_same_pixels_same_text() -> None:
    """Nothing but the pixels decides the bytes."""
    pixels = np.random.default_rng(0).integers(0, 255, (90, 90, 3)).astype(np.uint8)
    assert thumbnail(pixels, 64) == thumbnail(pixels.copy(), 64)


def test_more_pictures_are_smaller() -> None:
    """All the pictures that params allow, of pure noise even, stay under 5 MB."""
    sides = [thumbnail_side(count) for count in (0, 72, 100, 101, 400, 1200)]
    assert sides == [224, 224, 224, 160, 128, 96]
    noise = np.random.default_rng(0).integers(0, 255, (160, 213, 3)).astype(np.uint8)
    soft = np.asarray(Image.fromarray(noise[::8, ::8]).resize((213, 160)))
    for count in (100, 250, 500, 1200):
        assert count * len(thumbnail(soft, thumbnail_side(count))) < 5e6


def test_many_thumbnails_are_smaller_ones() -> None:
    """Every path has its picture; a hundred more make each of them smaller."""
    pixels = np.full((300, 400, 3), 90, np.uint8)
    few = thumbnails(["b", "a"], lambda _: pixels)
    assert list(few) == ["b", "a"]
    assert opened(few["a"]).size == (224, 168)
    many = thumbnails([str(number) for number in range(200)], lambda _: pixels)
    assert opened(many["7"]).size == (160, 120)
