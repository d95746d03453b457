"""Reliability, calibration error and temperature, against scikit-learn and scipy."""

import json

import numpy as np
import pytest
from scipy.special import expit, log_softmax, logit, softmax
from scipy.stats import binomtest
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from stages.base.seed import derive
from stages.report.calibration import (
    COLDEST,
    calibration,
    calibration_error,
    fit_temperature,
    if_calibrated,
    mend,
    reliability,
    tempered,
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


def names(images: int) -> np.ndarray:
    """Return paths."""
    return np.array([f"{number}.jpg" for number in range(images)])


def test_reliability_agrees_with_scikit_learn() -> None:
    """Bins by quantile have scikit-learn's mean confidence and share of right answers."""
    confidence, right = sure_and_right(*judged())
    table = reliability(confidence, right)
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
    assert len(reliability(confidence, right)) == 2
    assert len(reliability(confidence[:1], right[:1])) == 1
    same = reliability(np.array([1.0] * 90 + [0.5] * 10), np.arange(100) % 2 == 0)
    assert same["images"].tolist() == [10, 90]


def test_the_error_is_the_weighted_distance_of_the_bins() -> None:
    """The value follows from the table of `reliability`, and lies in its interval."""
    confidence, right = sure_and_right(*judged(over=2))
    table = reliability(confidence, right)
    distance = (table["confidence"] - table["accuracy"]).abs()
    found = calibration_error(confidence, right, derive(1, "ece"))
    assert found.value == pytest.approx(np.average(distance, weights=table["images"]))
    assert found.low <= found.value <= found.high
    assert found == calibration_error(confidence, right, derive(1, "ece"))


def test_the_error_of_a_calibrated_model_is_chance() -> None:
    """Over 40 draws a calibrated model exceeds the bound seldom, an overconfident one always."""
    exceeds = []
    for over in (1.0, 3.0):
        beyond = 0
        for seed in range(40):
            confidence, right = sure_and_right(*judged(200, over, seed))
            error = calibration_error(confidence, right, derive(seed, "ece")).value or 0.0
            beyond += error > if_calibrated(confidence, right, derive(seed, "chance"))[0]
        exceeds.append(beyond)
    assert exceeds[0] <= 6  # 2 are expected; 7 or more have a chance of .5 %
    assert exceeds[1] == 40


@pytest.mark.parametrize(
    ("over", "tendency"), [(0.4, "not sure enough"), (1.0, "cannot tell"), (3.0, "too sure")]
)
def test_the_tendency_is_told_in_words(over: float, tendency: str) -> None:
    """Logits too large make a model too sure, logits too small not sure enough."""
    assert if_calibrated(*sure_and_right(*judged(over=over)), derive(0, "x"))[1] == tendency


def test_the_temperature_is_that_of_scikit_learn() -> None:
    """On the probabilities of a frozen classifier both find the same temperature."""
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 3, 600)
    features = rng.normal(0, 1, (600, 4)) + 1.2 * np.eye(3, 4)[targets]
    sharp = LogisticRegression(C=1e6).fit(features[:30], targets[:30])
    rows = sharp.predict_proba(features)
    value = fit_temperature(targets[300:], rows[300:])
    theirs = CalibratedClassifierCV(FrozenEstimator(sharp), method="temperature")
    theirs.fit(features[300:], targets[300:])
    assert value > 1
    assert tempered(rows, value) == pytest.approx(theirs.predict_proba(features), abs=2e-3)


@pytest.mark.parametrize("over", [0.5, 2.5])
def test_a_known_temperature_is_found(over: float) -> None:
    """Logits that are some times too large want that temperature."""
    targets, rows = judged(6000, over)
    assert fit_temperature(targets, rows) == pytest.approx(over, rel=0.1)


def test_tempering_divides_logits() -> None:
    """By softmax, and by one sigmoid a class; predictions stay what they were."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (50, 4))
    one, each = softmax(logits, axis=1), expit(logits)
    assert tempered(one, 2.0) == pytest.approx(softmax(logits / 2, axis=1))
    assert tempered(each, 2.0) == pytest.approx(expit(logits / 2))
    assert logit(tempered(each, 1.0)) == pytest.approx(logits)
    assert (tempered(one, 3.0).argmax(axis=1) == one.argmax(axis=1)).all()


def test_certainty_survives() -> None:
    """Probabilities of exactly 0 and 1 stay finite, whichever way they are tempered."""
    for rows in (np.eye(3, dtype="float32"), np.ones((3, 3), "float32")):
        for temperature in (0.05, 1.0, 20.0):
            assert np.isfinite(tempered(rows, temperature)).all()
        assert fit_temperature(np.arange(3), rows) > 0


def test_one_half_mends_and_the_other_judges() -> None:
    """An overconfident model gains on images that the temperature never saw."""
    targets, rows = judged(800, 3.0)
    first = np.arange(800) % 2 == 0
    found = mend(targets, rows, first, derive(0, "t"))
    assert found is not None
    assert (found.fitted_on, found.judged_on) == (400, 400)
    assert found.value == fit_temperature(targets[first], rows[first])
    assert found.ece_after < found.ece_before
    mean = -log_softmax(np.log(rows[~first]), axis=1)[np.arange(400), targets[~first]].mean()
    assert found.nll_before == pytest.approx(mean, rel=1e-5)
    assert found.nll_change.value == pytest.approx(found.nll_after - found.nll_before)
    assert found.nll_change.high < 0


def test_a_calibrated_model_is_left_alone() -> None:
    """Where there is nothing to mend the interval of the change holds zero, or next to it."""
    targets, rows = judged(2000)
    found = mend(targets, rows, np.arange(2000) < 1000, derive(0, "t"))
    assert found is not None
    assert found.value == pytest.approx(1, abs=0.12)
    assert abs(found.nll_change.value or 0) < 0.005


def test_bce_is_judged_class_by_class() -> None:
    """Rows that sum to anything are yes or no for each class, and mend likewise."""
    rng = np.random.default_rng(5)
    targets = rng.integers(0, 4, 3000)
    logits = rng.normal(-1, 1, (3000, 4))
    logits[np.arange(3000), targets] += 2
    given = np.eye(4)[targets]
    best = fit_temperature(targets, expit(3 * logits))
    losses = {
        t: -np.mean(given * np.log(p) + (1 - given) * np.log(1 - p))
        for t in (0.8 * best, best, 1.25 * best)
        for p in [expit(3 * logits / t)]
    }
    assert min(losses, key=losses.__getitem__) == best


def test_too_few_images_have_no_temperature() -> None:
    """With fewer than ten images in a half nothing is fitted, and the rest is still told."""
    targets, rows = judged(15)
    told = calibration(names(15), targets, rows, 0)
    assert told["temperature"] is None
    assert 0 <= told["ece"]["low"] <= told["ece"]["value"] <= told["ece"]["high"]


def test_halves_depend_on_paths_alone() -> None:
    """Another order of the images gives the same temperature: each path knows its half."""
    targets, rows = judged(200, 2.0)
    turn = np.random.default_rng(0).permutation(200)
    one = calibration(names(200), targets, rows, 7)["temperature"]
    other = calibration(names(200)[turn], targets[turn], rows[turn], 7)["temperature"]
    assert one["value"] == pytest.approx(other["value"], rel=1e-4)
    assert 70 < one["fitted_on"] < 130


@pytest.mark.parametrize("right", [True, False])
def test_all_right_and_all_wrong(right: bool) -> None:
    """Both extremes give finite numbers that JSON can hold."""
    rows = np.full((60, 3), 0.05, "float32")
    rows[:, 0] = 0.9
    told = calibration(names(60), np.full(60, 0 if right else 1), rows, 0)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["tendency"] == ("not sure enough" if right else "too sure")
    if right:
        assert COLDEST <= told["temperature"]["value"] < 0.2
