"""Folds that keep duplicates together, and the probe on features with a known answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.train.probe import FOLDS, assign_folds, fit_probe, out_of_fold, predict_probe

RNG = np.random.default_rng(0)
TARGETS = np.repeat(np.arange(3), 30)
FEATURES = RNG.standard_normal((90, 8)).astype(np.float32)
FEATURES[np.arange(90), TARGETS] += 4


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 30)), min_size=1, max_size=80))
def test_duplicates_share_a_fold(rows: list[tuple[int, int]]) -> None:
    """Whatever the labels, images of one group are in one fold."""
    targets, groups = (np.array(column) for column in zip(*rows, strict=True))
    fold = assign_folds(targets, groups)
    for group in np.unique(groups):
        assert len(set(fold[groups == group].tolist())) == 1
    assert fold.min() >= 0
    assert fold.max() < FOLDS


def test_classes_are_spread_evenly() -> None:
    """Each fold holds a fifth of every class."""
    fold = assign_folds(TARGETS, np.arange(90))
    counts = np.array([[(fold[c == TARGETS] == f).sum() for f in range(FOLDS)] for c in range(3)])
    assert (counts == 6).all()


def test_folds_at_a_hundred_thousand_images() -> None:
    """A hundred thousand images of a thousand classes are dealt out in no time."""
    targets = RNG.integers(0, 1000, 100_000)
    fold = assign_folds(targets, np.arange(100_000))
    assert np.bincount(fold).tolist() == [20_000] * FOLDS


def test_out_of_fold_finds_the_classes() -> None:
    """Features that tell the classes apart give small error, from probes that did not see them."""
    p = out_of_fold(FEATURES, TARGETS, np.arange(90), 3)
    assert p.shape == (90, 3)
    assert p.dtype == np.float32
    assert p.sum(axis=1) == pytest.approx(np.ones(90), abs=1e-5)
    assert (p.argmax(axis=1) != TARGETS).mean() < 0.05


def test_out_of_fold_does_not_see_its_own_label() -> None:
    """A wrong label does not pull its own out-of-fold prediction to itself."""
    wrong = TARGETS.copy()
    wrong[0] = 2
    p = out_of_fold(FEATURES, wrong, np.arange(90), 3)
    assert p[0].argmax() == 0


def test_noise_gives_chance() -> None:
    """On features that know nothing, out-of-fold error is about that of guessing."""
    noise = RNG.standard_normal((300, 5))
    targets = RNG.integers(0, 3, 300)
    error = (out_of_fold(noise, targets, np.arange(300), 3).argmax(axis=1) != targets).mean()
    assert 0.5 < error < 0.8


def test_a_class_never_seen_has_probability_zero() -> None:
    """A class without training images gets no probability, and the columns keep their places."""
    kept = TARGETS != 1
    probe = fit_probe(FEATURES[kept], TARGETS[kept])
    p = predict_probe(probe, FEATURES, 3)
    assert (p[:, 1] == 0).all()
    assert (p[TARGETS == 2].argmax(axis=1) == 2).mean() > 0.9


def test_no_images_no_predictions() -> None:
    """An empty side gives an empty table of the right width."""
    assert predict_probe(fit_probe(FEATURES, TARGETS), FEATURES[:0], 3).shape == (0, 3)


def test_same_input_same_bytes() -> None:
    """The probe is the same every time."""
    first = out_of_fold(FEATURES, TARGETS, np.arange(90), 3)
    assert np.array_equal(first, out_of_fold(FEATURES, TARGETS, np.arange(90), 3))
