"""A dropped photo: the model is loaded once, and again when its files are others."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stages.base.errors import UserError
from stages.images.picture import Pixels
from stages.predict.trust import Trust
from stages.serve.dropped_photo import DroppedPhotos, LoadedModel
from tests.predict.small_model import make_photo


class Fixed:
    """A classifier that always gives the same answer, and looks to the left."""

    class_names = ("cat", "dog", "hen", "owl")
    engine = "none"
    presize = 48
    may_refuse = False
    batch_size = 1

    def __init__(self, places: int = 2) -> None:
        """Take how many places the map has either way."""
        self._places = places

    def pred_probs(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return probabilities."""
        return np.array([[0.1, 0.6, 0.25, 0.05]] * len(photos), np.float32)

    def saliency(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return a map whose left side counts."""
        maps = np.zeros((len(photos), self._places, self._places), np.float32)
        maps[:, :, 0] = 1
        return maps if self._places > 1 else np.zeros((0, 0, 0), np.float32)


class Disk:
    """The model on a disk: its key, and how often it was loaded."""

    def __init__(self, places: int = 2) -> None:
        """Begin with a model."""
        self.key = "one"
        self.loaded = 0
        self._places = places

    def load(self) -> LoadedModel:
        """Load it."""
        if not self.key:
            raise UserError("no model")
        self.loaded += 1
        trust = Trust(threshold=0.5, lines=("calibrated",))
        return LoadedModel(classifier=Fixed(self._places), trust=trust, key=self.key)


@pytest.fixture
def disk() -> Disk:
    """Return a disk with a model."""
    return Disk()


@pytest.fixture
def dropped(disk: Disk) -> Iterator[DroppedPhotos]:
    """Return what answers photos by the model on the disk."""
    photos = DroppedPhotos(lambda: disk.key, disk.load)
    yield photos
    photos.end()


@pytest.fixture
def photo(tmp_path: Path) -> bytes:
    """Return the bytes of a photo."""
    return make_photo(tmp_path / "photo.png").read_bytes()


def test_the_answer_has_what_the_page_shows(dropped: DroppedPhotos, photo: bytes) -> None:
    """Three classes, whether it is sure, the photo, the places, and the words of trust."""
    opinion = dropped.ask(photo)
    assert [each.name for each in opinion.top] == ["dog", "hen", "cat"]
    assert (opinion.predicted, opinion.sure, opinion.trust) == ("dog", True, ("calibrated",))
    assert opinion.picture.startswith("data:image/jpeg")
    assert opinion.saliency.startswith("data:image/jpeg")
    assert opinion.saliency != opinion.picture


def test_a_network_without_places_shows_none(photo: bytes) -> None:
    """Where there is no map the answer stands without one."""
    disk = Disk(places=1)
    dropped = DroppedPhotos(lambda: disk.key, disk.load)
    assert dropped.ask(photo).saliency == ""
    dropped.end()


def test_the_model_is_loaded_once_for_all_photos(
    dropped: DroppedPhotos, disk: Disk, photo: bytes
) -> None:
    """The second photo finds it; after a run with another model that one answers."""
    dropped.ask(photo)
    dropped.ask(photo)
    assert disk.loaded == 1
    disk.key = "two"
    dropped.ask(photo)
    assert disk.loaded == 2


def test_while_a_run_has_removed_it_the_old_one_answers(
    dropped: DroppedPhotos, disk: Disk, photo: bytes
) -> None:
    """A model that is gone from the disk stays in memory; one that never was is an error."""
    dropped.ask(photo)
    disk.key = ""
    assert dropped.ask(photo).predicted == "dog"
    nothing = DroppedPhotos(lambda: disk.key, disk.load)
    with pytest.raises(UserError, match="no model"):
        nothing.ask(photo)


def test_a_broken_photo_is_a_problem_and_the_next_is_answered(
    dropped: DroppedPhotos, photo: bytes
) -> None:
    """Half of a photo is told as presize tells it, and ends nothing."""
    assert dropped.ask(photo[: len(photo) // 2]).problem
    assert dropped.ask(photo).problem == ""
