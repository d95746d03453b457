"""One temperature for all logits, against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from stages.base.seed import derive
from stages.stats import temperature
from stages.stats.temperature import (
    COLDEST,
    apply_temperature,
    evaluate_temperature,
    fit_temperature,
)
from tests.stats.test_calibration import judged


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
    assert apply_temperature(rows, value) == pytest.approx(theirs.predict_proba(features), abs=2e-3)


@pytest.mark.parametrize("over", [0.5, 2.5])
def test_a_known_temperature_is_found(over: float) -> None:
    """Logits that are some times too large want that temperature."""
    targets, rows = judged(6000, over)
    assert fit_temperature(targets, rows) == pytest.approx(over, rel=0.1)


def test_a_part_of_many_images_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the rows, spread over all, gives about the same temperature."""
    targets, rows = judged(20_000, 2.0)
    whole = fit_temperature(targets, rows)
    monkeypatch.setattr(temperature, "ENOUGH", rows.size // 10)
    part = fit_temperature(targets, rows)
    assert part == fit_temperature(targets[::10], rows[::10])
    assert part == pytest.approx(whole, rel=0.1)


def test_tempering_divides_logits() -> None:
    """By softmax, and by one sigmoid a class; predictions stay what they were."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (50, 4))
    one, each = softmax(logits, axis=1), expit(logits)
    assert apply_temperature(one, 2.0) == pytest.approx(softmax(logits / 2, axis=1))
    assert apply_temperature(each, 2.0) == pytest.approx(expit(logits / 2))
    assert logit(apply_temperature(each, 1.0)) == pytest.approx(logits)
    assert (apply_temperature(one, 3.0).argmax(axis=1) == one.argmax(axis=1)).all()


def test_certainty_survives() -> None:
    """Probabilities of exactly 0 and 1 stay finite, whichever way they are tempered."""
    for rows in (np.eye(3, dtype="float32"), np.ones((3, 3), "float32")):
        for value in (0.05, 1.0, 20.0):
            assert np.isfinite(apply_temperature(rows, value)).all()
        assert fit_temperature(np.arange(3), rows) > 0


def test_one_half_mends_and_the_other_judges() -> None:
    """An overconfident model gains on images that the temperature never saw."""
    targets, rows = judged(800, 3.0)
    first = np.arange(800) % 2 == 0
    found = evaluate_temperature(targets, rows, first, derive(0, "t"))
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
    found = evaluate_temperature(targets, rows, np.arange(2000) < 1000, derive(0, "t"))
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
    """With fewer than ten images in a half nothing is fitted."""
    targets, rows = judged(24)
    assert evaluate_temperature(targets, rows, np.arange(24) < 9, derive(0, "t")) is None
    assert evaluate_temperature(targets, rows, np.arange(24) >= 9, derive(0, "t")) is None
    assert evaluate_temperature(targets, rows, np.arange(24) < 10, derive(0, "t")) is not None


def test_what_is_all_right_becomes_surer() -> None:
    """Without a mistake the temperature falls, but not to zero."""
    rows = np.full((60, 3), 0.05, "float32")
    rows[:, 0] = 0.9
    assert COLDEST <= fit_temperature(np.zeros(60, int), rows) < 0.2
