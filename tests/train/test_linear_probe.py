"""Linear probe: folds with duplicates together, and features with a known answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.train.linear_probe import FOLDS, assign_folds, fit_probe, out_of_fold, predict_probe

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
    pred_probs = out_of_fold(FEATURES, TARGETS, np.arange(90), 3)
    assert pred_probs.shape == (90, 3)
    assert pred_probs.dtype == np.float32
    assert pred_probs.sum(axis=1) == pytest.approx(np.ones(90), abs=1e-5)
    assert (pred_probs.argmax(axis=1) != TARGETS).mean() < 0.05


def test_a_wrong_label_does_not_change_its_own_prediction() -> None:
    """The out-of-fold prediction of an image is by a probe that was not fitted on its label."""
    targets = TARGETS.copy()
    targets[0] = 2
    pred_probs = out_of_fold(FEATURES, targets, np.arange(90), 3)
    assert pred_probs[0].argmax() == 0


def test_one_class_alone_predicts_nothing() -> None:
    """Where all images have one class there is nothing to fit, and every probability is 0."""
    targets = np.zeros(90, dtype=int)
    assert (out_of_fold(FEATURES, targets, np.arange(90), 3) == 0).all()


def test_noise_gives_chance() -> None:
    """On features without information, out-of-fold error is about that of guessing."""
    noise = RNG.standard_normal((300, 5))
    targets = RNG.integers(0, 3, 300)
    predicted = out_of_fold(noise, targets, np.arange(300), 3).argmax(axis=1)
    assert 0.5 < (predicted != targets).mean() < 0.8


def test_a_class_without_training_images_has_probability_zero() -> None:
    """Such a class gets no probability, and the columns of the others stay in their places."""
    train = TARGETS != 1
    probe = fit_probe(FEATURES[train], TARGETS[train])
    pred_probs = predict_probe(probe, FEATURES, 3)
    assert (pred_probs[:, 1] == 0).all()
    assert (pred_probs[TARGETS == 2].argmax(axis=1) == 2).mean() > 0.9


def test_no_images_no_predictions() -> None:
    """An empty side gives an empty table of the right width."""
    assert predict_probe(fit_probe(FEATURES, TARGETS), FEATURES[:0], 3).shape == (0, 3)


def test_same_input_same_bytes() -> None:
    """The probe is the same every time."""
    first = out_of_fold(FEATURES, TARGETS, np.arange(90), 3)
    assert np.array_equal(first, out_of_fold(FEATURES, TARGETS, np.arange(90), 3))
