"""What cleaner labels would pay, and which mistakes lie near a boundary."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from stages.stats.intervals import wilson
from stages.stats.what_next import (
    MEASURED_PRECISION,
    _wrong_by_chance,
    find_toss_ups,
    label_cost,
)
from tests.example_results import example_predictions

PREDICTIONS, _ = example_predictions(
    ["a", "b", "c"], np.arange(300) % 3, np.array([f"{number:03}.jpg" for number in range(300)])
)
WRONG = PREDICTIONS.paths[np.asarray(PREDICTIONS.pred_probs).argmax(axis=1) != PREDICTIONS.targets]


def issues(paths: list[str], score: float = 0.95) -> pd.DataFrame:
    """Return label issues, all of one score."""
    return pd.DataFrame({"path": paths, "score": score})


def test_doubted_labels_of_mistakes_cost_what_their_precision_says() -> None:
    """The share of the images is that of so many issues; from none to the end of a binomial."""
    images = len(PREDICTIONS.paths)
    for doubted in (1, 3, len(WRONG)):
        cost = label_cost(PREDICTIONS, issues(WRONG[:doubted].tolist()))
        assert (cost.mistakes, cost.doubted) == (len(WRONG), doubted)
        assert cost.cost.value == pytest.approx(doubted * MEASURED_PRECISION / images)
        assert cost.cost.high == binom.ppf(0.975, doubted, MEASURED_PRECISION) / images
        assert cost.cost.low == 0


def test_labels_of_one_group_are_wrong_together() -> None:
    """The value stays, and the end is all of them, where a binomial of images says fewer."""
    doubted = WRONG[:20].tolist()
    same = replace(PREDICTIONS, groups=np.isin(PREDICTIONS.paths, doubted).astype(int))
    one = label_cost(same, issues(doubted)).cost
    alone = label_cost(PREDICTIONS, issues(doubted)).cost
    assert one.value == alone.value
    assert one.high == len(doubted) / len(PREDICTIONS.paths)
    assert alone.high == binom.ppf(0.975, len(doubted), MEASURED_PRECISION) / len(PREDICTIONS.paths)


@pytest.mark.parametrize("sizes", [[], [1, 1, 1, 1], [3, 1], [2, 2, 2]])
def test_all_ways_to_be_wrong_have_one_probability_each(sizes: list[int]) -> None:
    """They sum to 1, and their mean is that of the precision, of groups of any size."""
    probabilities = _wrong_by_chance(np.array(sizes, int))
    assert len(probabilities) == sum(sizes) + 1
    assert probabilities.sum() == pytest.approx(1)
    mean = probabilities @ np.arange(len(probabilities))
    assert mean == pytest.approx(MEASURED_PRECISION * sum(sizes))


def test_faint_doubts_and_right_predictions_cost_nothing() -> None:
    """An issue with a low score, of a training image or of a right prediction is no mistake's."""
    right = sorted(set(PREDICTIONS.paths.tolist()) - set(WRONG.tolist()))
    for rows in (issues(WRONG.tolist(), 0.89), issues(right), issues(["gone.jpg"]), issues([])):
        cost = label_cost(PREDICTIONS, rows)
        assert (cost.doubted, cost.cost.value, cost.cost.high) == (0, 0, 0)


def pred_probs(rows: list[list[float]]) -> np.ndarray:
    """Return probabilities as the model gives them."""
    return np.array(rows, np.float32)


@pytest.mark.parametrize(
    ("row", "near"),
    [
        ([0.4, 0.58, 0.02], 1),
        ([0.26, 0.7, 0.04], 1),
        ([0.24, 0.7, 0.06], 0),  # sure of the other class
        ([0.35, 0.45, 0.2], 0),  # a third class is as likely
        ([0.6, 0.35, 0.05], 0),  # right
    ],
)
def test_a_toss_up_is_between_the_label_and_one_other_class(row: list[float], near: int) -> None:
    """Both share nine tenths of the probability, and the label has a quarter or more."""
    one = replace(
        PREDICTIONS,
        paths=np.array(["a.jpg"]),
        targets=np.array([0]),
        pred_probs=pred_probs([row]),
    )
    toss_ups = find_toss_ups(one, temperature=1.0)
    assert toss_ups.near == near
    assert toss_ups.share == wilson(near, 1)
    assert toss_ups.mistakes == int(np.argmax(row) != 0)


def test_confidence_counts_as_it_is_calibrated() -> None:
    """A model that is too sure has its toss-ups where the temperature brings them."""
    one = replace(
        PREDICTIONS,
        paths=np.array(["a.jpg"]),
        targets=np.array([0]),
        pred_probs=pred_probs([[0.1, 0.899, 0.001]]),
    )
    assert find_toss_ups(one, temperature=1.0).near == 0
    assert find_toss_ups(one, temperature=2.5).near == 1
