"""Linear probe: folds with duplicates together, and features with a known answer."""

from tempfile import TemporaryFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.base import stored_array
from stages.base.seed import derive
from stages.base.stored_array import store_rows
from stages.model.classifier import mean_activations
from stages.train import linear_probe
from stages.train.discriminant import fit_probe
from stages.train.linear_probe import FOLDS, assign_folds, error_out_of_fold, one_probe, out_of_fold
from tests.measured_memory import measured_memory

RNG = np.random.default_rng(0)
TARGETS = np.repeat(np.arange(3), 30)
FEATURES = RNG.standard_normal((90, 8)).astype(np.float32)
FEATURES[np.arange(90), TARGETS] += 4


def out_of_fold_whole(
    features: np.ndarray, targets: np.ndarray, groups: np.ndarray, classes: int
) -> tuple[np.ndarray, float]:
    """Return all probabilities (N, classes) out of fold, and their temperature."""
    answers, temperature = out_of_fold(features, targets, groups, classes)
    return np.concatenate([*answers.blocks()]), temperature


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
    pred_probs, _ = out_of_fold_whole(FEATURES, TARGETS, np.arange(90), 3)
    assert pred_probs.shape == (90, 3)
    assert pred_probs.dtype == np.float32
    assert pred_probs.sum(axis=1) == pytest.approx(np.ones(90), abs=1e-5)
    assert (pred_probs.argmax(axis=1) != TARGETS).mean() < 0.05


def test_a_wrong_label_does_not_change_its_own_prediction() -> None:
    """The out-of-fold prediction of an image is by a probe that was not fitted on its label."""
    targets = TARGETS.copy()
    targets[0] = 2
    pred_probs, _ = out_of_fold_whole(FEATURES, targets, np.arange(90), 3)
    assert pred_probs[0].argmax() == 0


def test_one_class_alone_predicts_nothing() -> None:
    """Where all images have one class there is nothing to fit, and every probability is 0."""
    targets = np.zeros(90, dtype=int)
    pred_probs, temperature = out_of_fold_whole(FEATURES, targets, np.arange(90), 3)
    assert (pred_probs == 0).all()
    assert temperature == 1


def test_noise_gives_chance() -> None:
    """On features without information, out-of-fold error is about that of guessing."""
    noise = RNG.standard_normal((300, 5))
    targets = RNG.integers(0, 3, 300)
    pred_probs, _ = out_of_fold_whole(noise, targets, np.arange(300), 3)
    assert 0.5 < (pred_probs.argmax(axis=1) != targets).mean() < 0.8


def test_same_input_same_bytes() -> None:
    """The probe is the same every time."""
    first, temperature = out_of_fold_whole(FEATURES, TARGETS, np.arange(90), 3)
    second, again = out_of_fold_whole(FEATURES, TARGETS, np.arange(90), 3)
    assert np.array_equal(first, second)
    assert temperature == again


def test_the_confidence_is_calibrated_out_of_fold() -> None:
    """With more features than images the answers are as sure as they are often right."""
    features = RNG.standard_normal((300, 400))
    targets = RNG.integers(0, 3, 300)
    features[np.arange(300), targets] += 3
    pred_probs, temperature = out_of_fold_whole(features, targets, np.arange(300), 3)
    right = (pred_probs.argmax(axis=1) == targets).mean()
    assert 0.6 < right < 0.97
    assert pred_probs.max(axis=1).mean() == pytest.approx(right, abs=0.05)
    assert temperature > 1.5


def test_few_images_that_are_all_right_do_not_make_it_certain() -> None:
    """Twelve images right out of fold are evidence of about thirteen in fourteen, not of all."""
    targets = np.repeat(np.arange(3), 4)
    features = RNG.standard_normal((12, 6)) + 40 * np.eye(6)[targets]
    pred_probs, _ = out_of_fold_whole(features, targets, np.arange(12), 3)
    assert (pred_probs.argmax(axis=1) == targets).all()
    assert 0.85 < pred_probs.max(axis=1).mean() < 0.99


@pytest.mark.filterwarnings("error")
def test_classes_of_a_single_image_are_fitted() -> None:
    """One class with a single image, or every class, gives a probe that knows its own images."""
    for targets in (np.array([0] * 29 + [1]), np.arange(30)):
        features = FEATURES[:30] + 5 * np.eye(30, 8)[targets]
        probe = fit_probe(features, targets)
        assert (probe.predict(features)[-1] == targets[-1]).all()
        pred_probs, temperature = out_of_fold_whole(features, targets, np.arange(30), 30)
        assert np.isfinite(pred_probs).all()
        activations = fit_probe(features, targets).activations(features, 30)[:, targets]
        assert temperature >= 1
        assert np.abs(activations / temperature).max() < 1000


def test_probabilities_out_of_fold_are_computed_block_by_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Probabilities out of fold take the memory of a block, with however many images."""
    monkeypatch.setattr(stored_array, "_BLOCK_VALUES", 2**17)
    monkeypatch.setattr(linear_probe, "_MOST_ACTIVATIONS", 2**16)
    features = derive(2, "features").random((40_000, 8), dtype=np.float32)
    targets = np.arange(40_000) % 40
    # It takes 6 MB; activations and probabilities of all images at once are 19.
    with measured_memory() as memory:
        answers, _ = out_of_fold(features, targets, np.arange(40_000), 40)
        assert sum(len(block) for block in answers.blocks()) == 40_000
    assert memory.peak < 12e6


def test_answers_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """From blocks of a few images come the same folds, temperature and probabilities."""
    whole, temperature = out_of_fold_whole(FEATURES, TARGETS, np.arange(90), 3)
    monkeypatch.setattr(stored_array, "_BLOCK_VALUES", 50)
    by_block, again = out_of_fold_whole(FEATURES, TARGETS, np.arange(90), 3)
    assert by_block == pytest.approx(whole, abs=1e-6)
    assert again == pytest.approx(temperature)


def test_features_of_two_backbones_in_one_file_have_the_errors_of_those_in_memory() -> None:
    """The second, of fewer images and channels, is behind the first, and neither disturbs it."""
    groups = np.arange(90)
    train = groups % 5 > 0
    draw = derive(4, "noise")
    pooled = np.tile(FEATURES + draw.normal(0, 3, FEATURES.shape), 2).astype(np.float32)
    shallow = np.tile(FEATURES[train, :3] + draw.normal(0, 2, (72, 3)), 2).astype(np.float32)
    pooled[:, :8] = shallow[:, :3] = 0
    with TemporaryFile() as scratch:
        first = mean_activations(store_rows(scratch, np.array_split(pooled, 4)))
        second = mean_activations(store_rows(scratch, np.array_split(shallow, 3)))
        shallow_error = error_out_of_fold(second, TARGETS[train], groups[train], 3)
        error = error_out_of_fold(first[train], TARGETS[train], groups[train], 3)
    expected = error_out_of_fold(pooled[train, 8:], TARGETS[train], groups[train], 3)
    assert error == expected
    assert 0 < error < 0.5
    assert shallow_error == error_out_of_fold(shallow[:, 3:], TARGETS[train], groups[train], 3)
    assert 0 < shallow_error < 0.6


def test_some_of_the_answers_are_those_of_some_images() -> None:
    """Answers are picked as rows are, and right where the most probable class is the label."""
    probe = fit_probe(FEATURES, TARGETS)
    answers = one_probe(probe, FEATURES, 3)
    picked = TARGETS == 1
    [block] = answers[picked].blocks()
    assert np.array_equal(block, probe.probabilities(FEATURES[picked], 3))
    assert np.array_equal(answers.right(TARGETS), probe.predict(FEATURES) == TARGETS)
