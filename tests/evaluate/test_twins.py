"""Copies are found within a set and among the photos of the model, by the rules of the split."""

import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.base.files import sha256_bytes, sha256_file
from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.known_photos import KnownPhotos, find_known_photos
from stages.evaluate.measure_photo import MeasuredPhoto, PhotoMeasurer
from stages.evaluate.twins import Twins, find_twins
from stages.images.picture import Pixels
from stages.predict.answer import PhotoAnswer
from stages.predict.photo_source import PhotoSource
from stages.predict.read_photo import PhotoRequest
from tests.evaluate.example_evaluation import FILES, make_scene, unread, write_known_project


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KnownPhotos:
    """Return the photos of a project, which is the working folder."""
    write_known_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    found = find_known_photos(FILES, sha256_file(Path(FILES.card)))
    assert isinstance(found, KnownPhotos)
    return found


def saved_again(path: Path, change: Callable[[Image.Image], Image.Image] | None = None) -> bytes:
    """Return a photo saved again at another quality, perhaps changed."""
    buffer = io.BytesIO()
    with Image.open(path) as image:
        (change(image) if change else image).save(buffer, "JPEG", quality=70)
    return buffer.getvalue()


def twins(contents: dict[str, bytes], known: KnownPhotos | None) -> tuple[Twins, list[str]]:
    """Return the twins of photos, and which had to be looked at again."""
    measured = {}
    for name, content in contents.items():
        photo = PhotoMeasurer(92)(PhotoRequest(PhotoSource(name, content), 48))
        assert isinstance(photo, MeasuredPhoto)
        measured[name] = photo
    photos = [
        JudgedPhoto(answer=PhotoAnswer(path=name), label="cat", facts=photo.facts)
        for name, photo in measured.items()
    ]
    asked: list[str] = []

    def image(path: str) -> Pixels:
        asked.append(path)
        return measured[path].pixels

    return find_twins([*photos, unread("broken")], known, image), asked


def test_bytes_and_copies_of_what_was_seen_are_found(known: KnownPhotos) -> None:
    """Equal files and near-duplicates of training and validation are seen; others are new."""
    photos = Path("data/photos")
    found, asked = twins(
        {
            "equal.jpg": (photos / "0.jpg").read_bytes(),
            "near.jpg": saved_again(photos / "1.jpg"),
            "half.jpg": saved_again(photos / "2.jpg", lambda image: image.resize((80, 60))),
            "validated.jpg": saved_again(photos / "5.jpg"),
            "excluded.jpg": (photos / "7.jpg").read_bytes(),
            "new.jpg": make_scene(Path("new.jpg"), 500).read_bytes(),
        },
        known,
    )
    assert found.seen == {
        "equal.jpg": "training", "near.jpg": "training", "half.jpg": "training",
        "validated.jpg": "validation",
    }  # fmt: skip
    assert all(path == first for path, first in found.picture.items())
    assert "new.jpg" not in asked


def test_a_copy_of_a_test_photo_is_known_as_one(known: KnownPhotos) -> None:
    """What make test-set opens and counts is told from new photos, saved again or not."""
    photos = known.photos.assign(
        split=known.photos["split"].mask(known.photos["path"] == "5.jpg", "test")
    )
    contents = {
        "equal.jpg": Path("data/photos/5.jpg").read_bytes(),
        "near.jpg": saved_again(Path("data/photos/5.jpg")),
    }
    found, _ = twins(contents, replace(known, photos=photos))
    assert found.seen == {"equal.jpg": "test", "near.jpg": "test"}


def test_copies_within_the_set_are_one_picture(known: KnownPhotos) -> None:
    """Copies of a new photo are named by the first of them, whether or not anything is known."""
    content = make_scene(Path("new.jpg"), 500).read_bytes()
    other = make_scene(Path("other.jpg"), 501).read_bytes()
    set_of = {"b": content, "a": content, "c": saved_again(Path("new.jpg")), "d": other}
    for photos in (known, None):
        found, _ = twins(set_of, photos)
        assert found.seen == {}
        assert found.picture == {"a": "a", "b": "a", "c": "a", "d": "d"}


def test_copies_of_one_seen_photo_are_all_seen(known: KnownPhotos) -> None:
    """Two copies of a training photo are one picture, and both were trained on."""
    photo = Path("data/photos/0.jpg")
    found, _ = twins({"a": photo.read_bytes(), "b": saved_again(photo)}, known)
    assert found.seen == {"a": "training", "b": "training"}
    assert found.picture == {"a": "a", "b": "a"}


def test_many_copies_of_one_photo_are_no_series(known: KnownPhotos) -> None:
    """However many copies there are, those of a training photo are seen, others one picture."""
    new = make_scene(Path("new.jpg"), 500)
    old = Path("data/photos/0.jpg")
    sizes = [(160 - 4 * step, 120 - 3 * step) for step in range(12)]
    contents = {
        f"{name}{at:02}": saved_again(photo, partial(Image.Image.resize, size=size))
        for name, photo in (("new", new), ("old", old))
        for at, size in enumerate(sizes)
    }
    found, _ = twins(contents, known)
    assert found.seen == {name: "training" for name in contents if name.startswith("old")}
    assert {found.picture[name] for name in contents if name.startswith("new")} == {"new00"}
    alone, _ = twins(contents, None)
    assert set(alone.picture.values()) == {"new00", "old00"}


def test_different_photos_that_look_alike_all_count(known: KnownPhotos) -> None:
    """Photos of one scene that are not the same picture stay apart, in a series too."""
    scene = make_scene(Path("scene.jpg"), 600)

    def with_object(at: int) -> bytes:
        def draw(image: Image.Image) -> Image.Image:
            image = image.copy()
            image.paste((255, 0, 255), (10 * at + 2, 40, 10 * at + 14, 56))
            return image

        return saved_again(scene, draw)

    found, _ = twins({f"{at:02}": with_object(at) for at in range(12)}, known)
    assert all(path == first for path, first in found.picture.items())


def test_what_is_known_is_not_compared_with_itself(
    known: KnownPhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of known photos only those near a new one are looked at again."""
    looked: list[str] = []
    image = known.store.image

    def watched(path: str) -> Pixels:
        looked.append(path)
        return image(path)

    monkeypatch.setattr(known.store, "image", watched)
    twins({"a": saved_again(Path("data/photos/3.jpg"))}, known)
    assert looked == ["3.jpg"]


def test_no_photo_has_no_twins() -> None:
    """A set of which nothing was read has none."""
    found, _ = twins({}, None)
    assert (found.seen, found.picture) == ({}, {})


def test_a_blank_photo_is_like_its_equals_alone(known: KnownPhotos) -> None:
    """A picture without a hash is the same as another only where the bytes are."""
    blanks = {}
    for name, level in (("a", 200), ("b", 200), ("c", 201)):
        buffer = io.BytesIO()
        Image.fromarray(np.full((60, 70, 3), level, np.uint8)).save(buffer, "PNG")
        blanks[name] = buffer.getvalue()
    assert sha256_bytes(blanks["a"]) == sha256_bytes(blanks["b"])
    found, _ = twins(blanks, known)
    assert found.picture == {"a": "a", "b": "a", "c": "c"}
