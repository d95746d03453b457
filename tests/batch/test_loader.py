"""Order, prefetching and stacking of batches."""

import time

import numpy as np
import pandas as pd
import pytest
import torch

from stages.batch import loader
from stages.batch.loader import Look, Photos, ahead, collate, train_batches, train_steps
from stages.batch.views import AugmentParams

LOOK = Look(16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), torch.device("cpu"))
AUGMENT = AugmentParams(
    size=16, min_scale=0.5, max_rotate=10.0, max_zoom=1.1, max_warp=0.2,
    max_lighting=0.2, p_affine=0.75, p_lighting=0.75, flip=True,
)  # fmt: skip


def photos(count: int = 11) -> Photos:
    """Return images of different sizes, with their row as target."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(16, 30, (count, 2))
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    return Photos([f"{i}.jpg" for i in range(count)], np.arange(count), images.__getitem__)


def batches(epoch: int = 1, seed: int = 5, count: int = 11, batch_size: int = 4):
    """Return the batches of one epoch as a list."""
    return list(train_batches(photos(count), LOOK, AUGMENT, batch_size, seed, epoch))


def test_an_epoch_shows_each_image_at_most_once() -> None:
    """Whole batches only: 11 images in fours give two batches of different images."""
    rows = np.concatenate([batch.rows for batch in batches()])
    assert len(rows) == 8
    assert len(set(rows.tolist())) == 8


def test_targets_belong_to_their_rows() -> None:
    """Targets travel with their images through the shuffle."""
    for batch in batches():
        assert batch.targets.tolist() == batch.rows.tolist()


def test_same_epoch_same_bytes() -> None:
    """The same seed and epoch give the same pixels; another epoch another order."""
    first, again, other = batches(1), batches(1), batches(2)
    assert all(torch.equal(a.images, b.images) for a, b in zip(first, again, strict=True))
    assert [b.rows.tolist() for b in first] != [b.rows.tolist() for b in other]


def test_another_seed_another_order() -> None:
    """The seed decides the order."""
    assert batches(seed=1)[0].rows.tolist() != batches(seed=2)[0].rows.tolist()


def test_few_images_make_one_batch() -> None:
    """Fewer images than a batch still train, all of them."""
    (batch,) = batches(count=3)
    assert sorted(batch.rows.tolist()) == [0, 1, 2]
    assert train_steps(3, 4) == 1
    assert train_steps(8, 4) == 2
    assert train_steps(11, 4) == 2


def test_views_do_not_depend_on_the_batch() -> None:
    """An image has the same view in an epoch whatever the batch size."""
    small = {int(r): i for b in batches(batch_size=2) for r, i in zip(b.rows, b.images, strict=True)}
    large = {int(r): i for b in batches(batch_size=5) for r, i in zip(b.rows, b.images, strict=True)}
    for row in small.keys() & large.keys():
        assert torch.allclose(small[row], large[row], atol=1e-4)


def test_validation_keeps_the_order_and_everything() -> None:
    """Validation shows every image in order, the last batch being smaller."""
    found = list(loader.valid_batches(photos(), LOOK, 4))
    assert [len(batch.rows) for batch in found] == [4, 4, 3]
    assert np.concatenate([batch.rows for batch in found]).tolist() == list(range(11))


def test_no_images_no_batches() -> None:
    """An empty side gives no batch and no error."""
    assert list(loader.valid_batches(photos(0), LOOK, 4)) == []


def test_collate_pads_with_zeros() -> None:
    """Every image stands at the top left of its place, and zeros fill the rest."""
    images = [np.full((3, 5, 3), 7, np.uint8), np.full((4, 2, 3), 9, np.uint8)]
    got = collate(Photos(["a", "b"], np.array([0, 1]), images.__getitem__), np.array([0, 1]))
    assert got.pixels.shape == (2, 3, 4, 5)
    assert got.sizes.tolist() == [[3, 5], [4, 2]]
    assert (got.pixels[0, :, :3] == 7).all()
    assert (got.pixels[0, :, 3] == 0).all()
    assert (got.pixels[1, :, :, 2:] == 0).all()


def test_ahead_keeps_order() -> None:
    """Results come in the order of the items."""
    assert list(ahead(lambda n: n * n, range(7))) == [0, 1, 4, 9, 16, 25, 36]
    assert list(ahead(lambda n: n, [])) == []


def test_ahead_works_while_the_consumer_does() -> None:
    """The next result is made during the work on this one."""
    made: list[int] = []
    results = ahead(lambda n: made.append(n) or n, range(5), depth=2)
    assert next(results) == 0
    deadline = time.monotonic() + 5
    while len(made) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert made == [0, 1, 2]


def test_ahead_passes_errors_on() -> None:
    """An error in the thread is raised where the result is taken."""
    results = ahead(lambda n: 1 / n, [1, 0, 2])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


class FakeDisk:
    """Images by path, with the index that a store has; counts how often each is decoded."""

    def __init__(self) -> None:
        self.index = pd.DataFrame({"path": ["a", "b"], "width": [4, 4], "height": [4, 4]})
        self.reads: list[str] = []

    def image(self, path: str) -> np.ndarray:
        """Return the image, counted."""
        self.reads.append(path)
        return np.full((4, 4, 3), ord(path), np.uint8)


SPLITS = pd.DataFrame({"path": ["b", "a"], "label": ["y", "x"]})


def test_images_that_fit_are_decoded_once() -> None:
    """Within the budget each image is decoded once, however often it is asked for."""
    disk = FakeDisk()
    opened = loader.open_photos(disk, SPLITS, ["x", "y"], workers=2)
    assert [opened.image(i)[0, 0, 0] for i in (0, 1, 0)] == [ord("b"), ord("a"), ord("b")]
    assert sorted(disk.reads) == ["a", "b"]
    assert opened.targets.tolist() == [1, 0]


def test_images_that_do_not_fit_are_decoded_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the budget nothing is kept and the pixels are the same."""
    monkeypatch.setattr(loader, "MEMORY_BUDGET", 10)
    disk = FakeDisk()
    opened = loader.open_photos(disk, SPLITS, ["x", "y"], workers=2)
    assert disk.reads == []
    assert opened.image(0)[0, 0, 0] == ord("b")
    assert disk.reads == ["b"]
