"""Order, prefetching and stacking of batches."""

import io
import time
from pathlib import Path
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from stages.base.files import sha256_bytes, write_bytes
from stages.batch import loader
from stages.batch.loader import Photos, RenderSpec, collate, prefetch, train_batches, train_steps
from stages.batch.views import AugmentParams
from stages.batch.windows import Windows, full_windows
from stages.images.resize import PresizeParams
from stages.store.reader import Store
from stages.store.writer import write_store

LOOK = RenderSpec(16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), torch.device("cpu"))
AUGMENT = AugmentParams(
    size=16, min_scale=0.5, max_rotate=10.0, max_zoom=1.1, max_warp=0.2,
    max_lighting=0.2, p_affine=0.75, p_lighting=0.75, flip=True,
)  # fmt: skip


def photos(count: int = 11) -> Photos:
    """Return images of different sizes, with their row as target."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(16, 30, (count, 2))
    images = [torch.from_numpy(rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]
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
    small, large = (
        {int(row): image for b in found for row, image in zip(b.rows, b.images, strict=True)}
        for found in (batches(batch_size=2), batches(batch_size=5))
    )
    for row in small.keys() & large.keys():
        assert torch.allclose(small[row], large[row], atol=1e-4)


def test_validation_keeps_the_order_and_everything() -> None:
    """Validation shows every image in order, the last batch being smaller."""
    found = list(loader.valid_batches(photos(), LOOK, 4))
    assert [len(batch.rows) for batch in found] == [4, 4, 3]
    assert np.concatenate([batch.rows for batch in found]).tolist() == list(range(11))


def test_a_subset_shows_its_images_alone() -> None:
    """The images in some rows come with their paths and targets, as all together show them."""
    rows = np.array([2, 7, 10])
    [some] = loader.valid_batches(photos().subset(rows), LOOK, 4)
    [every] = loader.valid_batches(photos(), LOOK, 11)
    assert torch.allclose(some.images, every.images[rows], atol=1e-5)
    assert some.targets.tolist() == rows.tolist()
    assert some.rows.tolist() == [0, 1, 2]
    assert photos().subset(rows).paths == ["2.jpg", "7.jpg", "10.jpg"]


def test_no_images_no_batches() -> None:
    """An empty side gives no batch and no error."""
    assert list(loader.valid_batches(photos(0), LOOK, 4)) == []


def test_collate_pads_with_zeros() -> None:
    """Every image stands at the top left of its place, and zeros fill the rest."""
    images = [
        torch.full((3, 5, 3), 7, dtype=torch.uint8),
        torch.full((4, 2, 3), 9, dtype=torch.uint8),
    ]
    got = collate(images, full_windows(np.array([[3, 5], [4, 2]])))
    assert got.shape == (2, 3, 4, 5)
    assert (got[0, :, :3] == 7).all()
    assert (got[0, :, 3] == 0).all()
    assert (got[1, :, :, 2:] == 0).all()


def test_collate_takes_the_windows_alone() -> None:
    """Of each image only its window is stacked."""
    image = torch.arange(60, dtype=torch.uint8).reshape(4, 5, 3)
    got = collate([image], Windows(np.array([[1, 2]]), np.array([[2, 3]])))
    assert torch.equal(got[0].permute(1, 2, 0), image[1:3, 2:5])


def test_ahead_keeps_order() -> None:
    """Results come in the order of the items."""
    assert list(prefetch(lambda n: n * n, range(7))) == [0, 1, 4, 9, 16, 25, 36]
    assert list(prefetch(lambda n: n, [])) == []


def test_ahead_works_while_the_consumer_does() -> None:
    """The next result is made during the work on this one."""
    made: list[int] = []
    results = prefetch(lambda n: made.append(n) or n, range(5))
    assert next(results) == 0
    deadline = time.monotonic() + 5
    while len(made) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert made == [0, 1, 2]


def test_ahead_works_on_several_at_once() -> None:
    """With four threads four items are in the making together, and come out in order."""
    together = Barrier(4, timeout=10)
    assert list(prefetch(lambda n: (together.wait(), n)[1], range(8), threads=4)) == list(range(8))


def test_ahead_passes_errors_on() -> None:
    """An error in the thread is raised where the result is taken."""
    results = prefetch(lambda n: 1 / n, [1, 0, 2])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store of two photographs, made by the real writer."""
    photos = tmp_path / "photos"
    for name, level in (("a.png", 50), ("b.png", 200)):
        write_bytes(photos / name, png(np.full((40, 30, 3), level, np.uint8)))
    rows = [{"path": p.name, "sha256": sha256_bytes(p.read_bytes())} for p in photos.iterdir()]
    manifest = pd.DataFrame(rows).sort_values("path", ignore_index=True)
    made = PresizeParams(size=16, format="raw", quality=90, shards=2, max_rejected=0.0)
    write_store(manifest, photos, tmp_path / "presized", tmp_path / "kept", made, workers=1)
    return Store(tmp_path / "presized")


def png(pixels: np.ndarray) -> bytes:
    """Return an image file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


SPLITS = pd.DataFrame({"path": ["b.png", "a.png"], "label": ["y", "x"]})


def test_images_that_fit_are_decoded_once(store: Store) -> None:
    """Within the budget an image is decoded once: asked for twice it is the same array."""
    opened = loader.open_photos(store, SPLITS, ["x", "y"], 2, LOOK.device)
    assert [int(opened.image(row).float().mean()) for row in (0, 1)] == [200, 50]
    assert opened.image(0) is opened.image(0)
    assert opened.targets.tolist() == [1, 0]


def test_images_that_do_not_fit_are_decoded_on_demand(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the budget nothing is kept, and the pixels are the same."""
    monkeypatch.setattr(loader, "MEMORY_BUDGET", 10)
    opened = loader.open_photos(store, SPLITS, ["x", "y"], 2, LOOK.device)
    assert [int(opened.image(row).float().mean()) for row in (0, 1)] == [200, 50]
    assert opened.image(0) is not opened.image(0)
    assert opened.threads == 2
    drawn = [batch.rows.tolist() for batch in loader.valid_batches(opened, LOOK, 1)]
    assert drawn == [[0], [1]]
