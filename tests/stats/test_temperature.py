"""Temperature scaling, against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from stages.base import stored_array
from stages.base.seed import derive
from stages.stats import temperature
from stages.stats.temperature import (
    LOWEST_TEMPERATURE,
    apply_temperature,
    evaluate_temperature,
    fit_temperature,
)
from tests.measured_memory import measured_memory
from tests.stats.test_calibration import example_model


def test_the_temperature_is_that_of_scikit_learn() -> None:
    """On the probabilities of a frozen classifier both find the same temperature."""
    rng = np.random.default_rng(2)
    targets = rng.integers(0, 3, 600)
    features = rng.normal(0, 1, (600, 4)) + 1.2 * np.eye(3, 4)[targets]
    sharp = LogisticRegression(C=1e6).fit(features[:30], targets[:30])
    rows = sharp.predict_proba(features)
    value = fit_temperature(targets[300:], rows[300:])
    reference = CalibratedClassifierCV(FrozenEstimator(sharp), method="temperature")
    reference.fit(features[300:], targets[300:])
    assert value > 1
    expected = reference.predict_proba(features)
    assert apply_temperature(rows, value) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("overconfidence", [0.5, 2.5])
def test_a_known_temperature_is_found(overconfidence: float) -> None:
    """The temperature is the factor by which the logits are too large."""
    targets, rows = example_model(6000, overconfidence)
    assert fit_temperature(targets, rows) == pytest.approx(overconfidence, rel=0.1)


def test_a_part_of_many_images_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of the rows, spread over all, gives about the same temperature."""
    targets, rows = example_model(20_000, 2.0)
    whole = fit_temperature(targets, rows)
    monkeypatch.setattr(temperature, "_MOST_PROBABILITIES", rows.size // 10)
    part = fit_temperature(targets, rows)
    assert part == fit_temperature(targets[::10], rows[::10])
    assert part == pytest.approx(whole, rel=0.1)


def test_logits_are_divided() -> None:
    """With softmax, and with one sigmoid for each class; predictions stay the same."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (50, 4))
    by_softmax = softmax(logits, axis=1)
    by_sigmoid = expit(logits)
    assert apply_temperature(by_softmax, 2.0) == pytest.approx(softmax(logits / 2, axis=1))
    assert apply_temperature(by_sigmoid, 2.0) == pytest.approx(expit(logits / 2))
    assert logit(apply_temperature(by_sigmoid, 1.0)) == pytest.approx(logits)
    assert (apply_temperature(by_softmax, 3.0).argmax(axis=1) == by_softmax.argmax(axis=1)).all()


def test_probabilities_of_zero_and_one_stay_finite() -> None:
    """Certain predictions can be scaled by any temperature, and fitted."""
    for rows in (np.eye(3, dtype="float32"), np.ones((3, 3), "float32")):
        for value in (0.05, 1.0, 20.0):
            assert np.isfinite(apply_temperature(rows, value)).all()
        assert fit_temperature(np.arange(3), rows) > 0


def test_fitted_on_one_half_and_evaluated_on_the_other() -> None:
    """An overconfident model gains on images that the temperature was not fitted on."""
    targets, rows = example_model(800, 3.0)
    in_first_half = np.arange(800) % 2 == 0
    result = evaluate_temperature(targets, rows, in_first_half, derive(0, "t"))
    assert result is not None
    assert (result.fitted_on, result.evaluated_on) == (400, 400)
    assert result.value == fit_temperature(targets[in_first_half], rows[in_first_half])
    assert result.ece_after < result.ece_before
    log_p = log_softmax(np.log(rows[~in_first_half]), axis=1)
    expected = -log_p[np.arange(400), targets[~in_first_half]].mean()
    assert result.nll_before == pytest.approx(expected, rel=1e-5)
    assert result.nll_change.value == pytest.approx(result.nll_after - result.nll_before)
    assert result.nll_change.high < 0


def test_a_temperature_that_surely_harms_is_not_applied() -> None:
    """Fitted on images unlike those that it is evaluated on, it is found but not applied."""
    targets, sharp = example_model(800, 3.0)
    _, calibrated = example_model(800)
    in_first_half = np.arange(800) < 400
    both = np.where(in_first_half[:, None], sharp, calibrated)
    harmful = evaluate_temperature(targets, both, in_first_half, derive(0, "t"))
    useful = evaluate_temperature(targets, sharp, in_first_half, derive(0, "t"))
    assert harmful is not None
    assert useful is not None
    assert harmful.nll_change.low > 0
    assert (harmful.applied, useful.applied) == (1.0, useful.value)


def test_a_calibrated_model_is_left_alone() -> None:
    """The temperature of a calibrated model is about 1, and hardly changes its loss."""
    targets, rows = example_model(2000)
    result = evaluate_temperature(targets, rows, np.arange(2000) < 1000, derive(0, "t"))
    assert result is not None
    assert result.value == pytest.approx(1, abs=0.12)
    assert abs(result.nll_change.value or 0) < 0.005


def test_bce_is_fitted_class_by_class() -> None:
    """Where rows sum to anything the loss is the mean binary cross-entropy of the classes."""
    rng = np.random.default_rng(5)
    targets = rng.integers(0, 4, 3000)
    logits = rng.normal(-1, 1, (3000, 4))
    logits[np.arange(3000), targets] += 2
    is_label = np.eye(4)[targets]
    best = fit_temperature(targets, expit(3 * logits))
    losses = {
        t: -np.mean(is_label * np.log(p) + (1 - is_label) * np.log(1 - p))
        for t in (0.8 * best, best, 1.25 * best)
        for p in [expit(3 * logits / t)]
    }
    assert min(losses, key=losses.__getitem__) == best


def test_too_few_images_have_no_temperature() -> None:
    """With fewer than ten images in a half nothing is fitted."""
    targets, rows = example_model(24)
    assert evaluate_temperature(targets, rows, np.arange(24) < 9, derive(0, "t")) is None
    assert evaluate_temperature(targets, rows, np.arange(24) >= 9, derive(0, "t")) is None
    assert evaluate_temperature(targets, rows, np.arange(24) < 10, derive(0, "t")) is not None


def test_a_model_without_mistakes_becomes_more_confident() -> None:
    """Without a mistake the temperature falls, but not to zero."""
    rows = np.full((60, 3), 0.05, "float32")
    rows[:, 0] = 0.9
    assert LOWEST_TEMPERATURE <= fit_temperature(np.zeros(60, int), rows) < 0.2


def test_the_record_has_every_field_in_order() -> None:
    """As in details.json, with the interval as a mapping."""
    targets, rows = example_model(40)
    result = evaluate_temperature(targets, rows, np.arange(40) < 20, derive(0, "t"))
    assert result is not None
    assert list(result.as_dict().items()) == [
        ("value", result.value),
        ("fitted_on", 20),
        ("judged_on", 20),
        ("ece_before", result.ece_before),
        ("ece_after", result.ece_after),
        ("nll_before", result.nll_before),
        ("nll_after", result.nll_after),
        ("nll_change", result.nll_change.as_dict()),
    ]


def test_smoothing_limits_the_confidence() -> None:
    """Where all are right, smoothed labels leave the share of doubt that they hold."""
    rows = softmax(np.log([[0.8, 0.1, 0.1]] * 50), axis=1)
    targets = np.zeros(50, int)
    assert fit_temperature(targets, rows) < 0.1
    smoothed = apply_temperature(rows, fit_temperature(targets, rows, 0.03))
    assert smoothed.max(axis=1) == pytest.approx(0.98, abs=1e-3)


def test_confidence_is_computed_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks give what all rows give at once, of softmax and of bce, with any number of rows."""
    draw = derive(3, "blocks")
    logits = draw.normal(0, 3, (101, 7))
    for rows in (softmax(logits, axis=1), expit(logits), softmax(logits, axis=1)[:1]):
        monkeypatch.setattr(stored_array, "_BLOCK_VALUES", 70)
        found = temperature.calibrated_confidence(rows, 2.0)
        assert (found == apply_temperature(rows, 2.0).max(axis=1)).all()


def test_the_evaluation_does_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number of the evaluation is the same from blocks of ten rows."""
    draw = derive(4, "blocks")
    targets = draw.integers(0, 5, 200)
    pred_probs = softmax(draw.normal(0, 2, (200, 5)), axis=1)
    half = np.arange(200) % 2 == 0
    whole = temperature.evaluate_temperature(targets, pred_probs, half, derive(5, "draws"))
    monkeypatch.setattr(stored_array, "_BLOCK_VALUES", 50)
    assert whole == temperature.evaluate_temperature(targets, pred_probs, half, derive(5, "draws"))


def test_calibrating_many_probabilities_takes_little_memory() -> None:
    """However many images there are, 100 MB suffice to calibrate them; at once it took 500."""
    pred_probs = np.full((10_000, 1000), 0.001, np.float32)
    with measured_memory() as memory:
        temperature.calibrated_confidence(pred_probs, 2.0)
    assert memory.peak < 100e6
