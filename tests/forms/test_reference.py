"""Finetrack's own answers on stored photos, against which each form is held."""

from pathlib import Path

import numpy as np
import pytest

from stages.base.bucket import photo_folder
from stages.base.errors import UserError
from stages.forms.pixel_classifier import PixelClassifier
from stages.forms.reference import (
    CheckedPhotos,
    answer_in_batches,
    checked_photos,
    original_pixels,
    stored_pixels,
)
from stages.model.files import load_model
from stages.store.reader import Store
from tests.forms.export_project import write_export_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project folder."""
    root = tmp_path_factory.mktemp("reference")
    write_export_project(root)
    return root


def photos_of(project: Path, temperature: float = 1.0) -> tuple[CheckedPhotos, PixelClassifier]:
    """Return twelve photos with Finetrack's answers, and the model from pixels."""
    model, card = load_model(project / "data/model")
    store = Store(project / "data/presized")
    paths = store.index["path"].tolist()[:12]
    photos = checked_photos(model, card, store, paths, temperature)
    return photos, PixelClassifier(model, card.loss, temperature)


@pytest.mark.parametrize("temperature", [0.6, 1.0, 2.0])
def test_pillow_and_finetrack_agree_on_stored_photos(project: Path, temperature: float) -> None:
    """From files of the store, through Pillow alone, probabilities are the same to 1e-5."""
    photos, classifier = photos_of(project, temperature)
    assert photos.answers.std() > 0.02
    parity = photos.parity(classifier, bound=1e-5)
    assert parity.images == 12
    assert parity.holds, parity


def test_photos_are_answered_in_order(project: Path) -> None:
    """More photos than are held at once come back in their order."""
    photos, classifier = photos_of(project)
    many = photos.paths * 6
    answers = answer_in_batches(classifier, photos.pixels, many)
    np.testing.assert_allclose(answers, np.tile(photos.answers, (6, 1)), atol=1e-5)


def test_originals_are_read_from_their_folder(project: Path) -> None:
    """Photos that presize stored with their own pixels give the same answers as they came."""
    photos, classifier = photos_of(project)
    _, card = load_model(project / "data/model")
    originals = photos.as_read_by(original_pixels(project / "photos", card))
    assert originals is not None
    assert originals.parity(classifier, bound=1e-5).holds
    bucket = photo_folder(f"file://{project.absolute()}/photos")
    far = photos.as_read_by(original_pixels(bucket, card))
    assert far is not None
    np.testing.assert_array_equal(
        answer_in_batches(classifier, far.pixels, far.paths),
        answer_in_batches(classifier, originals.pixels, originals.paths),
    )


def test_a_bucket_that_does_not_answer_is_no_photos_fault(project: Path) -> None:
    """What ends the reading of all photos is raised, and leaves none out."""
    photos, _ = photos_of(project)

    def read(path: str) -> np.ndarray:
        raise UserError("the network is gone")

    with pytest.raises(UserError, match="gone"):
        photos.as_read_by(read)


def test_what_cannot_be_read_is_left_out(project: Path) -> None:
    """A photo that is gone, or unknown to Pillow, does not count; without any there is None."""
    photos, classifier = photos_of(project)
    gone = photos.paths[3]

    def read(path: str) -> np.ndarray:
        if path == gone:
            raise FileNotFoundError(path)
        return photos.pixels(path)

    left = photos.as_read_by(read)
    assert left is not None
    assert left.paths == [path for path in photos.paths if path != gone]
    assert left.parity(classifier, bound=1e-5).holds
    _, card = load_model(project / "data/model")
    assert photos.as_read_by(original_pixels(project / "nowhere", card)) is None


def test_the_speed_is_that_of_the_form(project: Path) -> None:
    """A form that does nothing is faster than the model."""

    class Constant:
        def answer(self, pixels: np.ndarray) -> np.ndarray:
            return np.zeros((len(pixels), 3))

    photos, classifier = photos_of(project)
    assert photos.speed(Constant()) > photos.speed(classifier) > 0


def test_pixels_of_the_store_have_the_size_of_the_model(project: Path) -> None:
    """What is read from the store is what the model takes."""
    _, card = load_model(project / "data/model")
    pixels = stored_pixels(Store(project / "data/presized"), card)("photo 00000.jpg")
    assert pixels.shape == (card.size, card.size, 3)
    assert pixels.dtype == np.float32
