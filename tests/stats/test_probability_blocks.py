"""Probabilities by blocks are what the whole array gives, in memory or in a file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.base import stored_array
from stages.base.stored_array import Rows, store_rows
from stages.stats import probability_blocks as by_blocks
from stages.stats.probability_blocks import (
    class_columns,
    largest_probability,
    most_probable,
    probability_of,
)
from tests.measured_memory import measured_memory

RNG = np.random.default_rng(0)
WHOLE = RNG.dirichlet(np.ones(7), 50).astype("float32")
WHOLE[3] = 1 / 7  # all alike
CLASSES = RNG.integers(0, 7, 50)


@pytest.fixture(params=["memory", "file"])
def rows(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rows]:
    """Return the same probabilities as an array or in a file, to be read some rows at a time."""
    monkeypatch.setattr(stored_array, "_BLOCK_VALUES", 70)
    monkeypatch.setattr(by_blocks, "_COLUMN_VALUES", 100)
    with (tmp_path / "file").open("w+b") as file:
        yield WHOLE if request.param == "memory" else store_rows(file, [WHOLE[::-1]])[::-1]


def test_each_row_has_its_class_and_probability(rows: Rows) -> None:
    """The most probable class (of equal ones the first), its probability, and that of a class."""
    assert np.array_equal(most_probable(rows), WHOLE.argmax(axis=1))
    assert np.array_equal(largest_probability(rows), WHOLE.max(axis=1))
    assert np.array_equal(probability_of(CLASSES, rows), WHOLE[np.arange(50), CLASSES])


def test_each_class_has_its_column(rows: Rows) -> None:
    """The columns are those of the array, one a class, in order, also of rows that are none."""
    assert np.array_equal(np.stack(list(class_columns(rows))), WHOLE.T)
    assert [len(column) for column in class_columns(rows[:0])] == [0] * 7


def test_what_lies_in_a_file_is_never_in_memory_at_once(tmp_path: Path) -> None:
    """Of 100 MB the columns take half at most, and what goes by rows an eighth."""
    with (tmp_path / "file").open("w+b") as file:
        blocks = (np.full((2500, 1000), number, "float32") for number in range(10))
        stored = store_rows(file, blocks)
        with measured_memory() as memory:
            most_probable(stored)
            largest_probability(stored)
            probability_of(np.zeros(len(stored), int), stored)
        assert memory.peak < 12e6
        with measured_memory() as memory:
            assert all(column[-1] == 9 for column in class_columns(stored))
        assert memory.peak < 50e6
