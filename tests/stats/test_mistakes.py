"""The mistakes that the page shows first."""

import numpy as np
import pytest

from stages.stats.intervals import wilson
from stages.stats.metrics import confusion
from stages.stats.mistakes import confident_mistakes, most_confused, top_losses
from stages.stats.outcomes import outcomes_table

VOCAB = np.array(["ant", "bee", "cat", "dog"])
TARGETS = np.array([0, 0, 0, 1, 1, 2, 2, 2])  # no dog in validation
PREDICTED = np.array([0, 0, 1, 1, 1, 0, 0, 3])  # never a cat
PATHS = np.array(list("hgfedcba"))
SURENESS = np.array([0.9, 0.5, 0.6, 0.7, 0.8, 0.6, 0.7, 0.6])
MATRIX = confusion(TARGETS, PREDICTED, 4)


def pred_probs(predicted: np.ndarray) -> np.ndarray:
    """Return rows in which the predicted class has its sureness and the others share the rest."""
    rows = np.repeat((1 - SURENESS)[:, None] / 3, 4, axis=1)
    rows[np.arange(8), predicted] = SURENESS
    return rows


TABLE = outcomes_table(VOCAB, PATHS, TARGETS, pred_probs(PREDICTED))


def test_the_costliest_come_first() -> None:
    """The highest loss leads, ties go by path, and no more than asked for are returned."""
    assert top_losses(TABLE, 2)["path"].tolist() == ["b", "a"]
    flat = outcomes_table(VOCAB, PATHS, TARGETS, np.full((8, 4), 0.25))
    assert top_losses(flat, 9)["path"].tolist() == sorted(PATHS)


def test_the_surest_mistakes_leave_out_what_is_right() -> None:
    """Only wrong predictions, the surest first, ties by path."""
    assert confident_mistakes(TABLE, 10)["path"].tolist() == ["b", "a", "c", "f"]
    assert confident_mistakes(TABLE, 1)["path"].tolist() == ["b"]
    right = outcomes_table(VOCAB, PATHS, TARGETS, pred_probs(TARGETS))
    assert confident_mistakes(right, 10).empty


def test_most_confused_counts_and_orders() -> None:
    """The most frequent mistake leads; ties go to the higher rate, then by name."""
    table = most_confused(VOCAB, MATRIX, TABLE, 10)
    assert table.iloc[:, :5].to_dict("records") == [
        {"actual": "cat", "predicted": "ant", "count": 2, "of": 3, "rate": pytest.approx(2 / 3)},
        {"actual": "ant", "predicted": "bee", "count": 1, "of": 3, "rate": pytest.approx(1 / 3)},
        {"actual": "cat", "predicted": "dog", "count": 1, "of": 3, "rate": pytest.approx(1 / 3)},
    ]
    assert len(most_confused(VOCAB, MATRIX, TABLE, 1)) == 1


def test_a_pair_has_its_interval_and_examples() -> None:
    """The rate comes with Wilson's interval, and with the images where the model was surest."""
    pair = most_confused(VOCAB, MATRIX, TABLE, 1).iloc[0]
    assert (pair["rate_low"], pair["rate_high"]) == (wilson(2, 3).low, wilson(2, 3).high)
    assert pair[["example_1", "example_2", "example_3"]].tolist() == ["b", "c", ""]


def test_nothing_is_confused_when_all_is_right() -> None:
    """The table is empty but has its columns."""
    right = outcomes_table(VOCAB, PATHS, TARGETS, pred_probs(TARGETS))
    table = most_confused(VOCAB, confusion(TARGETS, TARGETS, 4), right, 10)
    assert list(table.columns) == [
        "actual", "predicted", "count", "of", "rate", "rate_low", "rate_high",
        "example_1", "example_2", "example_3",
    ]  # fmt: skip
    assert table.empty
