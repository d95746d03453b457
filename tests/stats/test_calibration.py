"""Reliability and its error, against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from stages.base.seed import derive
from stages.stats.calibration import (
    calibration_by_chance,
    calibration_error_interval,
    expected_calibration_error,
    reliability_table,
)


def judged(images: int = 400, over: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and probabilities (N, 5) of a model whose logits are `over` times too large.

    With over = 1 the targets are drawn from the probabilities themselves.
    """
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (images, 5))
    targets = np.array([rng.choice(5, p=row) for row in softmax(logits, axis=1)])
    return targets, softmax(over * logits, axis=1).astype("float32")


def sure_and_right(targets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return confidence and whether the prediction is right."""
    return rows.max(axis=1).astype(float), rows.argmax(axis=1) == targets


def test_reliability_agrees_with_scikit_learn() -> None:
    """Bins by quantile have scikit-learn's mean confidence and share of right answers."""
    confidence, right = sure_and_right(*judged())
    table = reliability_table(confidence, right)
    share, mean = calibration_curve(right, confidence, n_bins=10, strategy="quantile")
    assert table["accuracy"].to_numpy() == pytest.approx(share)
    assert table["confidence"].to_numpy() == pytest.approx(mean)
    assert table["images"].sum() == 400
    first = table.iloc[0]
    hits = round(first["accuracy"] * first["images"])
    ends = binomtest(hits, int(first["images"])).proportion_ci(method="wilson")
    assert (first["accuracy_low"], first["accuracy_high"]) == pytest.approx((ends.low, ends.high))


def test_few_images_and_equal_confidences_make_few_bins() -> None:
    """A bin holds fifteen images or more, and equal confidences are never parted."""
    confidence, right = sure_and_right(*judged(44))
    assert len(reliability_table(confidence, right)) == 2
    assert len(reliability_table(confidence[:1], right[:1])) == 1
    same = reliability_table(np.array([1.0] * 90 + [0.5] * 10), np.arange(100) % 2 == 0)
    assert same["images"].tolist() == [10, 90]


def test_the_error_is_the_weighted_distance_of_the_bins() -> None:
    """The value follows from the table of `reliability`, and lies in its interval."""
    confidence, right = sure_and_right(*judged(over=2))
    table = reliability_table(confidence, right)
    distance = (table["confidence"] - table["accuracy"]).abs()
    found = calibration_error_interval(confidence, right, 0.02, derive(1, "ece"))
    assert found.value == pytest.approx(np.average(distance, weights=table["images"]))
    assert found.value == pytest.approx(expected_calibration_error(confidence, right))
    assert found.low <= found.value <= found.high
    assert found == calibration_error_interval(confidence, right, 0.02, derive(1, "ece"))


def test_the_error_of_a_calibrated_model_is_chance() -> None:
    """Over 40 draws a calibrated model exceeds the bound seldom, an overconfident one always."""
    exceeds = []
    for over in (1.0, 3.0):
        beyond = 0
        for seed in range(40):
            confidence, right = sure_and_right(*judged(200, over, seed))
            error = expected_calibration_error(confidence, right)
            beyond += error > calibration_by_chance(confidence, right, derive(seed, "chance"))[0]
        exceeds.append(beyond)
    assert exceeds[0] <= 6  # 2 are expected; 7 or more have a chance of .5 %
    assert exceeds[1] == 40


@pytest.mark.parametrize(
    ("over", "tendency"), [(0.4, "not sure enough"), (1.0, "cannot tell"), (3.0, "too sure")]
)
def test_the_tendency_is_told_in_words(over: float, tendency: str) -> None:
    """Logits too large make a model too sure, logits too small not sure enough."""
    assert calibration_by_chance(*sure_and_right(*judged(over=over)), derive(0, "x"))[1] == tendency


@pytest.mark.parametrize("right", [True, False])
def test_all_right_and_all_wrong(right: bool) -> None:
    """Both extremes have an error, an interval that holds it, and a tendency."""
    confidence = np.full(60, 0.9)
    outcome = np.full(60, right)
    chance, tendency = calibration_by_chance(confidence, outcome, derive(0, "x"))
    found = calibration_error_interval(confidence, outcome, chance, derive(0, "ece"))
    assert (found.value, found.low, found.high) == pytest.approx([0.1 if right else 0.9] * 3)
    assert tendency == ("not sure enough" if right else "too sure")


@pytest.mark.parametrize("shift", [0.0, 0.05])
def test_the_interval_covers_the_true_error(shift: float) -> None:
    """Of 25 sets of 200 images, 20 intervals or more hold the error of the true probabilities."""
    covered = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        confidence = 1 - rng.beta(1, 8, 200)
        truth = np.clip(confidence - shift, 0, 1)
        right = rng.random(200) < truth
        chance, _ = calibration_by_chance(confidence, right, derive(seed, "chance"))
        found = calibration_error_interval(confidence, right, chance, derive(seed, "ece"))
        covered += found.low <= expected_calibration_error(confidence, truth) <= found.high
    assert covered >= 20
