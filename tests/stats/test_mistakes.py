"""Top losses, confident mistakes and most confused pairs of eight images."""

import numpy as np
import pandas as pd
import pytest

from stages.stats.intervals import wilson
from stages.stats.metrics import confusion
from stages.stats.mistakes import confident_mistakes, most_confused, top_losses
from stages.stats.outcomes import outcomes_table
from stages.stats.predictions import Predictions

CLASS_NAMES = np.array(["ant", "bee", "cat", "dog"])
TARGETS = np.array([0, 0, 0, 1, 1, 2, 2, 2])  # no dog in validation
PREDICTED = np.array([0, 0, 1, 1, 1, 0, 0, 3])  # never a cat
PATHS = np.array(list("hgfedcba"))
CONFIDENCE = np.array([0.9, 0.5, 0.6, 0.7, 0.8, 0.6, 0.7, 0.6])
MATRIX = confusion(TARGETS, PREDICTED, 4)


def outcomes_of(pred_probs: np.ndarray) -> pd.DataFrame:
    """Return the outcomes of a model with these probabilities, (8, 4)."""
    nothing = np.zeros(0)
    predictions = Predictions(
        class_names=CLASS_NAMES,
        paths=PATHS,
        targets=TARGETS,
        pred_probs=pred_probs,
        train_paths=nothing,
        train_targets=nothing,
        train_margins=nothing,
    )
    return outcomes_table(predictions)


def predicting(predicted: np.ndarray) -> pd.DataFrame:
    """Return the outcomes of these predictions; the other classes share the rest of 1."""
    rows = np.repeat((1 - CONFIDENCE)[:, None] / 3, 4, axis=1)
    rows[np.arange(8), predicted] = CONFIDENCE
    return outcomes_of(rows)


OUTCOMES = predicting(PREDICTED)


def test_the_highest_loss_comes_first() -> None:
    """Ties go by path, and no more rows than asked for are returned."""
    assert top_losses(OUTCOMES, 2)["path"].tolist() == ["b", "a"]
    flat = outcomes_of(np.full((8, 4), 0.25))
    assert top_losses(flat, 9)["path"].tolist() == sorted(PATHS)


def test_confident_mistakes_leave_out_what_is_right() -> None:
    """Only wrong predictions, by falling confidence, ties by path."""
    assert confident_mistakes(OUTCOMES, 10)["path"].tolist() == ["b", "a", "c", "f"]
    assert confident_mistakes(OUTCOMES, 1)["path"].tolist() == ["b"]
    right = predicting(TARGETS)
    assert confident_mistakes(right, 10).empty


def test_most_confused_counts_and_orders() -> None:
    """The most frequent mistake leads; ties go to the higher rate, then by name."""
    table = most_confused(CLASS_NAMES, MATRIX, OUTCOMES, 10)
    assert table.iloc[:, :5].to_dict("records") == [
        {"actual": "cat", "predicted": "ant", "count": 2, "of": 3, "rate": pytest.approx(2 / 3)},
        {"actual": "ant", "predicted": "bee", "count": 1, "of": 3, "rate": pytest.approx(1 / 3)},
        {"actual": "cat", "predicted": "dog", "count": 1, "of": 3, "rate": pytest.approx(1 / 3)},
    ]
    assert len(most_confused(CLASS_NAMES, MATRIX, OUTCOMES, 1)) == 1


def test_a_pair_has_its_interval_and_examples() -> None:
    """The rate comes with Wilson's interval, and with its most confident mistakes."""
    pair = most_confused(CLASS_NAMES, MATRIX, OUTCOMES, 1).iloc[0]
    assert (pair["rate_low"], pair["rate_high"]) == (wilson(2, 3).low, wilson(2, 3).high)
    assert pair[["example_1", "example_2", "example_3"]].tolist() == ["b", "c", ""]


def test_nothing_is_confused_when_all_is_right() -> None:
    """The table is empty but has its columns."""
    right = predicting(TARGETS)
    table = most_confused(CLASS_NAMES, confusion(TARGETS, TARGETS, 4), right, 10)
    assert list(table.columns) == [
        "actual", "predicted", "count", "of", "rate", "rate_low", "rate_high",
        "example_1", "example_2", "example_3",
    ]  # fmt: skip
    assert table.empty
