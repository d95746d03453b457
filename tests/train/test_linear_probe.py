"""Linear probe: folds with duplicates together, and features with a known answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.base.seed import derive
from stages.train.linear_probe import (
    FOLDS,
    _shrink,
    assign_folds,
    fit_probe,
    out_of_fold,
    predict_probe,
)
from tests.bounded_memory import bounded_memory

RNG = np.random.default_rng(0)
TARGETS = np.repeat(np.arange(3), 30)
FEATURES = RNG.standard_normal((90, 8)).astype(np.float32)
FEATURES[np.arange(90), TARGETS] += 4


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=80))
def test_duplicates_share_a_fold(rows: list[tuple[int, int]]) -> None:
    """Whatever the labels, images of one group are in one fold."""
    targets, groups = (np.array(column) for column in zip(*rows, strict=True))
    folds = assign_folds(targets, groups)
    for group in np.unique(groups):
        assert len(set(folds[groups == group].tolist())) == 1
    assert folds.min() >= 0
    assert folds.max() < FOLDS


def test_classes_are_spread_evenly() -> None:
    """Each fold has a fifth of every class."""
    folds = assign_folds(TARGETS, np.arange(90))
    for target in range(3):
        assert np.bincount(folds[target == TARGETS]).tolist() == [6] * FOLDS


def test_folds_at_a_hundred_thousand_images() -> None:
    """A hundred thousand images of a thousand classes make five folds of equal size."""
    targets = RNG.integers(0, 1000, 100_000)
    folds = assign_folds(targets, np.arange(100_000))
    assert np.bincount(folds).tolist() == [20_000] * FOLDS


def test_separable_classes_are_predicted_out_of_fold() -> None:
    """Features that separate the classes give a small error, by probes fitted without the image."""
    pred_probs, _ = out_of_fold(FEATURES, TARGETS, np.arange(90), 3)
    assert pred_probs.shape == (90, 3)
    assert pred_probs.dtype == np.float32
    assert pred_probs.sum(axis=1) == pytest.approx(np.ones(90), abs=1e-5)
    assert (pred_probs.argmax(axis=1) != TARGETS).mean() < 0.05


def test_a_wrong_label_does_not_change_its_own_prediction() -> None:
    """The out-of-fold prediction of an image is by a probe that was not fitted on its label."""
    targets = TARGETS.copy()
    targets[0] = 2
    pred_probs, _ = out_of_fold(FEATURES, targets, np.arange(90), 3)
    assert pred_probs[0].argmax() == 0


def test_one_class_alone_predicts_nothing() -> None:
    """Where all images have one class there is nothing to fit, and every probability is 0."""
    targets = np.zeros(90, dtype=int)
    pred_probs, temperature = out_of_fold(FEATURES, targets, np.arange(90), 3)
    assert (pred_probs == 0).all()
    assert temperature == 1


def test_noise_gives_chance() -> None:
    """On features without information, out-of-fold error is about that of guessing."""
    noise = RNG.standard_normal((300, 5))
    targets = RNG.integers(0, 3, 300)
    pred_probs, _ = out_of_fold(noise, targets, np.arange(300), 3)
    assert 0.5 < (pred_probs.argmax(axis=1) != targets).mean() < 0.8


def test_a_class_without_training_images_has_probability_zero() -> None:
    """Such a class gets no probability, and the columns of the others stay in their places."""
    train = TARGETS != 1
    probe = fit_probe(FEATURES[train], TARGETS[train])
    pred_probs = predict_probe(probe, FEATURES, 3, 1.0)
    assert (pred_probs[:, 1] == 0).all()
    assert (pred_probs[TARGETS == 2].argmax(axis=1) == 2).mean() > 0.9


def test_no_images_no_predictions() -> None:
    """An empty side gives an empty table of the right width."""
    assert predict_probe(fit_probe(FEATURES, TARGETS), FEATURES[:0], 3, 1.0).shape == (0, 3)


def test_same_input_same_bytes() -> None:
    """The probe is the same every time."""
    first, temperature = out_of_fold(FEATURES, TARGETS, np.arange(90), 3)
    second, again = out_of_fold(FEATURES, TARGETS, np.arange(90), 3)
    assert np.array_equal(first, second)
    assert temperature == again


@pytest.mark.parametrize("rows", [slice(None), slice(40)])
@pytest.mark.parametrize("features", [8, 60])
def test_covariances_are_shrunk_as_ledoit_and_wolf_say(rows: slice, features: int) -> None:
    """With fewer rows than features, and with more, the shrinkage is scikit-learn's."""
    drawn = np.random.default_rng(features).standard_normal((90, features))[rows]
    centred = (drawn @ np.diag(np.linspace(0.5, 2, features))) - drawn.mean(axis=0)
    shrinkage, variance = _shrink(centred)
    expected, reference = ledoit_wolf(centred, assume_centered=True)
    assert shrinkage == pytest.approx(reference)
    assert (1 - shrinkage) * np.cov(centred.T, bias=True)[0, 1] == pytest.approx(
        expected[0, 1] - (1 - shrinkage) * centred.mean(axis=0)[0] * centred.mean(axis=0)[1]
    )
    assert np.trace(expected) == pytest.approx(variance * features)


@pytest.mark.parametrize("count", [2, 3])
def test_it_is_linear_discriminant_analysis(count: int) -> None:
    """Its probabilities are scikit-learn's, with the covariance of each class shrunk, unscaled."""
    rows = count > TARGETS
    features = np.concatenate([FEATURES, 3 * FEATURES[:, :2] ** 2], axis=1)[rows]
    reference = make_pipeline(
        StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    )
    expected = reference.fit(features, TARGETS[rows]).predict_proba(features)
    probe = fit_probe(features, TARGETS[rows])
    assert predict_probe(probe, features, count, 1.0) == pytest.approx(expected, abs=1e-4)
    assert (probe.predict(features) == expected.argmax(axis=1)).all()


def test_the_confidence_is_calibrated_out_of_fold() -> None:
    """With more features than images the answers are as sure as they are often right."""
    features = RNG.standard_normal((300, 400))
    targets = RNG.integers(0, 3, 300)
    features[np.arange(300), targets] += 3
    pred_probs, temperature = out_of_fold(features, targets, np.arange(300), 3)
    right = (pred_probs.argmax(axis=1) == targets).mean()
    assert 0.6 < right < 0.97
    assert pred_probs.max(axis=1).mean() == pytest.approx(right, abs=0.05)
    assert temperature > 1.5


def test_few_images_that_are_all_right_do_not_make_it_certain() -> None:
    """Twelve images right out of fold are evidence of about thirteen in fourteen, not of all."""
    targets = np.repeat(np.arange(3), 4)
    features = RNG.standard_normal((12, 6)) + 40 * np.eye(6)[targets]
    pred_probs, _ = out_of_fold(features, targets, np.arange(12), 3)
    assert (pred_probs.argmax(axis=1) == targets).all()
    assert 0.85 < pred_probs.max(axis=1).mean() < 0.99


@pytest.mark.filterwarnings("error")
def test_classes_of_a_single_image_are_fitted() -> None:
    """One class with a single image, or every class, gives a probe that knows its own images."""
    for targets in (np.array([0] * 29 + [1]), np.arange(30)):
        features = FEATURES[:30] + 5 * np.eye(30, 8)[targets]
        probe = fit_probe(features, targets)
        assert (probe.predict(features)[-1] == targets[-1]).all()
        pred_probs, temperature = out_of_fold(features, targets, np.arange(30), 30)
        assert np.isfinite(pred_probs).all()
        activations = fit_probe(features, targets).activations(features, 30)[:, targets]
        assert temperature >= 1
        assert np.abs(activations / temperature).max() < 1000


def test_fitting_takes_one_copy_of_the_features() -> None:
    """Beside the features (float32), one copy of them in float64 and the half of one suffice."""
    features = derive(1, "features").random((20_000, 64), dtype=np.float32)
    with bounded_memory(2.5 * 8 * features.size):
        fit_probe(features, np.arange(20_000) % 50)


def test_probabilities_out_of_fold_are_computed_block_by_block() -> None:
    """Of many classes, activations and probabilities out of fold take 17 bytes a probability."""
    features = derive(2, "features").random((10_000, 8), dtype=np.float32)
    targets = np.arange(10_000) % 500
    with bounded_memory(100e6 + 17 * 500 * 10_000):
        out_of_fold(features, targets, np.arange(10_000), 500)
