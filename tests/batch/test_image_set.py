"""Image sets: decoded once where they fit in memory, and otherwise on demand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from stages.batch.flat_images import FlatImages
from stages.batch.image_set import ImageSet, open_image_set, open_image_sets
from stages.batch.loader import valid_batches
from stages.batch.memory_budget import MemoryBudget
from stages.store.reader import Store
from tests.batch.examples import CPU, example_image_set, imagenet_spec, write_example_store

SPLITS = pd.DataFrame({"path": ["b.png", "a.png"], "label": ["y", "x"]})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store of two photographs."""
    return write_example_store(tmp_path)


def test_images_that_fit_are_decoded_once(store: Store) -> None:
    """Within the budget an image is decoded once: loaded twice it is the same tensor."""
    [opened] = open_image_sets(store, [SPLITS], ["x", "y"], 2, CPU)
    assert [int(opened.load_image(row).float().mean()) for row in (0, 1)] == [200, 50]
    assert opened.load_image(0) is opened.load_image(0)
    assert opened.prefetch_threads == 1


NOTHING = MemoryBudget(host=10, device=0)
EITHER = MemoryBudget(host=16 * 21 * 3, device=0)  # one of the two photographs


def test_images_that_do_not_fit_are_decoded_on_demand(store: Store) -> None:
    """Beyond the budget, or where each is needed once, every load decodes, on several threads."""
    [beyond] = open_image_sets(store, [SPLITS], ["x", "y"], 2, CPU, NOTHING)
    for opened in (beyond, open_image_set(store, SPLITS, ["x", "y"], 2)):
        assert [int(opened.load_image(row).float().mean()) for row in (0, 1)] == [200, 50]
        assert opened.load_image(0) is not opened.load_image(0)
        assert opened.prefetch_threads == 2
        rows = [batch.rows.tolist() for batch in valid_batches(opened, imagenet_spec(), 1)]
        assert rows == [[0], [1]]


def test_targets_are_places_among_the_class_names(store: Store) -> None:
    """A target counts the class names given, not the labels that happen to occur."""
    opened = open_image_set(store, SPLITS, ["w", "x", "y"], 1)
    assert opened.paths == ["b.png", "a.png"]
    assert opened.targets.tolist() == [2, 1]
    assert opened.targets.dtype == np.int64


def test_no_rows_open_as_an_empty_set(store: Store) -> None:
    """A side of the split without images has length zero."""
    assert len(open_image_set(store, SPLITS[:0], ["x", "y"], 1)) == 0


def test_a_subset_is_numbered_from_zero() -> None:
    """The images in some rows come with their paths, targets and pixels."""
    images = example_image_set()
    rows = np.array([2, 7, 10])
    subset = images.subset(rows)
    assert len(subset) == 3
    assert subset.paths == ["2.jpg", "7.jpg", "10.jpg"]
    assert subset.targets.tolist() == [2, 7, 10]
    for number, row in enumerate(rows.tolist()):
        assert torch.equal(subset.load_image(number), images.load_image(row))


def test_parts_share_one_budget(store: Store) -> None:
    """What the first part takes of the budget the second has no more."""
    parts = [SPLITS[:1], SPLITS[1:]]
    first, second = open_image_sets(store, parts, ["x", "y"], 2, CPU, EITHER)
    assert first.load_image(0) is first.load_image(0)
    assert second.load_image(0) is not second.load_image(0)


def decoded(opened: ImageSet, row: int) -> NDArray[np.uint8]:
    """Return an image as it is decoded for a device."""
    assert opened.flat is not None
    out = np.zeros((*opened.flat.sizes[row], 3), np.uint8)
    opened.flat.read_into(row, out)
    return out


@pytest.mark.parametrize("budget", [NOTHING, None], ids=["on demand", "in memory"])
def test_a_device_takes_the_same_images(budget: MemoryBudget | None, store: Store) -> None:
    """From memory or decoded anew, a device gets the pixels that a processor has."""
    [opened] = open_image_sets(store, [SPLITS], ["x", "y"], 2, CPU, budget)
    subset = opened.subset(np.array([1]))
    for row in (0, 1):
        assert np.array_equal(decoded(opened, row), opened.load_image(row).numpy())
    assert np.array_equal(decoded(subset, 0), opened.load_image(1).numpy())


def test_on_a_device_images_lie_there_if_they_fit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first part fits the device, and the second one the processor's memory alone."""
    monkeypatch.setattr(FlatImages, "on_device", lambda flat, device: replace(flat, buffer=EMPTY))
    budget = MemoryBudget(host=10**6, device=EITHER.host)
    parts = [SPLITS[:1], SPLITS[1:]]
    first, second = open_image_sets(store, parts, ["x", "y"], 2, torch.device("meta"), budget)
    assert first.flat is not None
    assert first.flat.buffer is EMPTY
    assert second.flat is not None
    assert second.flat.buffer is None
    assert second.load_image(0) is second.load_image(0)


EMPTY = torch.empty(0, dtype=torch.uint8)
