"""Image sets: decoded once where they fit in memory, and otherwise on demand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from stages.batch import image_set
from stages.batch.image_set import open_image_set
from stages.batch.loader import valid_batches
from stages.store.reader import Store
from tests.batch.examples import CPU, example_image_set, imagenet_spec, write_example_store

SPLITS = pd.DataFrame({"path": ["b.png", "a.png"], "label": ["y", "x"]})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store of two photographs."""
    return write_example_store(tmp_path)


def test_images_that_fit_are_decoded_once(store: Store) -> None:
    """Within the budget an image is decoded once: loaded twice it is the same tensor."""
    opened = open_image_set(store, SPLITS, ["x", "y"], 2, CPU)
    assert [int(opened.load_image(row).float().mean()) for row in (0, 1)] == [200, 50]
    assert opened.load_image(0) is opened.load_image(0)
    assert opened.prefetch_threads == 1


def test_images_that_do_not_fit_are_decoded_on_demand(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the budget every load decodes, on as many threads as there are workers."""
    monkeypatch.setattr(image_set, "MEMORY_BUDGET", 10)
    opened = open_image_set(store, SPLITS, ["x", "y"], 2, CPU)
    assert [int(opened.load_image(row).float().mean()) for row in (0, 1)] == [200, 50]
    assert opened.load_image(0) is not opened.load_image(0)
    assert opened.prefetch_threads == 2
    rows = [batch.rows.tolist() for batch in valid_batches(opened, imagenet_spec(), 1)]
    assert rows == [[0], [1]]


def test_targets_are_places_among_the_class_names(store: Store) -> None:
    """A target counts the class names given, not the labels that happen to occur."""
    opened = open_image_set(store, SPLITS, ["w", "x", "y"], 1, CPU)
    assert opened.paths == ["b.png", "a.png"]
    assert opened.targets.tolist() == [2, 1]
    assert opened.targets.dtype == np.int64


def test_no_rows_open_as_an_empty_set(store: Store) -> None:
    """A side of the split without images has length zero."""
    assert len(open_image_set(store, SPLITS[:0], ["x", "y"], 1, CPU)) == 0


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
