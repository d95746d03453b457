"""A photo to predict is read as those that were trained on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.images.decode import decode
from stages.images.resize import resize
from stages.predict.photo_source import PhotoSource, Unread
from stages.predict.read_photo import PhotoRequest, read_photo
from tests.predict.small_model import make_photo


def read(path: Path, size: int = 48) -> np.ndarray | Unread:
    """Return one photo."""
    return read_photo(PhotoRequest(PhotoSource(path.name, path), size))


def test_a_photo_is_presized_upright(tmp_path: Path) -> None:
    """A photo on its side is turned, and its shorter side comes down to the presize."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100), "red").save(tmp_path / "side.jpg", exif=exif)
    turned = read(tmp_path / "side.jpg")
    assert isinstance(turned, np.ndarray)
    assert turned.shape == (96, 48, 3)
    assert turned.flags.c_contiguous


def test_pixels_are_those_of_presize(tmp_path: Path) -> None:
    """Reduced or as it is, a photo has the pixels that presize gives it."""
    file = make_photo(tmp_path / "a.jpg")
    for size, target in ((48, (62, 48)), (100, (90, 70))):
        expected = np.asarray(resize(decode(file.read_bytes(), size).picture, target))
        pixels = read(file, size)
        assert isinstance(pixels, np.ndarray)
        assert np.array_equal(pixels, expected)


def test_a_photo_that_cannot_be_reduced_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails behind the decoder costs one photo; want of memory may pass."""
    file = make_photo(tmp_path / "a.jpg")

    def fail(*_: object) -> object:
        raise failure

    monkeypatch.setattr("stages.predict.read_photo.resize", fail)
    failure: Exception = RuntimeError("unable to call\nresize")
    assert read(file) == Unread("cannot be reduced: unable to call resize")
    failure = MemoryError()
    assert read(file) == Unread("unreadable: too little memory to reduce it", again=True)


def test_what_is_no_photo_gets_its_problem(tmp_path: Path) -> None:
    """A text, an empty file and what is not there have a problem, named as presize does."""
    (tmp_path / "note.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    problem = read(tmp_path / "note.jpg")
    assert isinstance(problem, Unread)
    assert problem.problem.startswith("not an image")
    assert read(tmp_path / "empty.jpg") == Unread("empty: 0 bytes")
    assert read(tmp_path / "absent.jpg") == Unread("unreadable: No such file or directory")
