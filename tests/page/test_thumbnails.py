"""Small pictures that carry nothing but pixels."""

import io
from base64 import b64decode
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from stages.page.thumbnails import (
    THUMBNAIL_BUDGET,
    overlay,
    overlays,
    sheet_uri,
    thumbnail,
    thumbnails,
)


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
    """A picture with EXIF, comment and XMP is drawn again without them, however it is called."""
    exif = Image.Exif()
    exif[0x010F] = "Secret camera"
    exif.get_ifd(0x8825)[1] = "N"
    texts = PngInfo()
    for keyword in ("comment", "Comment", "xmp", "XML:com.adobe.xmp"):
        texts.add_text(keyword, "Secret place")
    picture = Image.new("RGBA", (40, 30), "red")
    picture.save(tmp_path / "a.png", exif=exif, pnginfo=texts)
    picture.convert("RGB").save(tmp_path / "a.jpg", exif=exif, comment=b"Secret", xmp=b"Secret")
    for name in ("a.png", "a.jpg"):
        uri = sheet_uri(tmp_path / name, 20)
        drawn = opened(uri)
        assert drawn.size == (20, 15)
        assert not drawn.getexif()
        assert not {"exif", "icc_profile", "comment", "xmp", "dpi"} & drawn.info.keys()
        assert b"Secret" not in b64decode(uri.partition(",")[2])


def test_same_pixels_same_text() -> None:
    """The bytes depend on the pixels alone."""
    pixels = np.random.default_rng(0).integers(0, 255, (90, 90, 3)).astype(np.uint8)
    assert thumbnail(pixels, 64) == thumbnail(pixels.copy(), 64)


def noise(path: str) -> np.ndarray:
    """Return the picture that compresses worst, another for each path."""
    return np.random.default_rng(int(path)).integers(0, 255, (160, 213, 3)).astype(np.uint8)


def test_a_few_pictures_have_the_best_size() -> None:
    """Each path has its picture, at the largest size."""
    uris = thumbnails(["2", "1", "2"], noise)
    assert list(uris) == ["1", "2"]
    assert [opened(uri).size for uri in uris.values()] == [(213, 160)] * 2
    assert uris["2"] != uris["1"]


def test_more_pictures_are_smaller_and_fit_the_budget() -> None:
    """Pictures of noise become so small that all fit; one that stands twice counts twice."""
    paths = [str(number) for number in range(90)]
    once = thumbnails(paths, noise)
    twice = thumbnails(paths * 2, noise)
    assert sum(map(len, once.values())) <= THUMBNAIL_BUDGET
    assert 2 * sum(map(len, twice.values())) <= THUMBNAIL_BUDGET
    assert 213 > opened(once["0"]).width > opened(twice["0"]).width


def test_no_picture_is_left_out_when_even_the_smallest_are_too_many() -> None:
    """Beyond the last size a page grows rather than lose pictures."""
    uris = thumbnails(map(str, range(5)), noise, budget=2000)
    assert len(uris) == 5
    assert {opened(uri).width for uri in uris.values()} == {48}


def test_an_overlay_is_bright_where_saliency_is_high() -> None:
    """One cell of the map has its colour; the rest of the square, and outside, is grey and dark."""
    pixels = np.full((100, 200, 3), (220, 60, 60), np.uint8)
    saliency = np.zeros((4, 4), np.float32)
    saliency[0, 0] = 1
    drawn = opened(overlay(pixels, saliency, 200))
    assert drawn.size == (200, 100)
    colours = np.asarray(drawn).astype(int)
    assert np.abs(colours[4, 54] - (220, 60, 60)).max() < 12  # the square begins at x = 50
    for y, x in ((90, 140), (50, 10), (50, 190)):
        assert colours[y, x].max() < 70
        assert np.ptp(colours[y, x]) < 12


def test_an_overlay_is_no_larger_than_asked() -> None:
    """A large picture with a map of any size fits, and the same input gives the same bytes."""
    pixels = np.random.default_rng(0).integers(0, 256, (900, 600, 3), dtype=np.uint8)
    for shape in ((1, 1), (3, 3), (14, 14)):
        drawn = overlay(pixels, np.ones(shape, np.float32), 96)
        assert opened(drawn).size == (64, 96)
        assert drawn == overlay(pixels, np.ones(shape, np.float32), 96)
        assert len(drawn) < 12_000


def test_only_images_with_a_map_have_an_overlay() -> None:
    """Where nothing is known about a path there is no picture."""
    pixels = np.zeros((30, 30, 3), np.uint8)
    assert list(overlays(["a", "b"], {"b": np.ones((2, 2))}, lambda _: pixels)) == ["b"]
