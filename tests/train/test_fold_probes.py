"""The probe of each fold has not seen it, and predicts it as one fitted on the others does."""

from dataclasses import fields, replace

import numpy as np
import pytest

from stages.model.classifier import mean_activations
from stages.model.probe import Probe
from stages.train.discriminant import fit_probe
from stages.train.fold_probes import ProbeImages, with_fold_probes
from stages.train.linear_probe import fit_probe_start, out_of_fold
from stages.train.probe_start import ProbeStart

RNG = np.random.default_rng(0)
TARGETS = np.repeat(np.arange(3), 20)
GROUPS = np.array([f"{number:02}" for number in range(60)])
PATHS = np.array([f"{number}.jpg" for number in range(60)])
POOLED = RNG.standard_normal((60, 12)).astype(np.float32)
POOLED[np.arange(60), 6 + TARGETS] += 1.5
FOLD_OF = np.arange(60) % 4
FOLDS = {number: np.where(number == FOLD_OF, "valid", "train").astype("U8") for number in (1, 2, 3)}
FOLDS[2][:9] = "excluded"  # fold 0 is in none: its images are of no fold


def fitted(targets: np.ndarray = TARGETS) -> tuple[ProbeStart, np.ndarray]:
    """Return the start with three fold probes, and their probabilities."""
    images = ProbeImages(paths=PATHS, targets=targets, groups=GROUPS, pooled=POOLED)
    probe = fit_probe(mean_activations(POOLED), targets)
    start = fit_probe_start(probe, POOLED, targets, np.arange(60), PATHS, 3)
    with_probes, answers = with_fold_probes(start, images, FOLDS, 3)
    return with_probes, np.concatenate([*answers.blocks()])


def same(first: Probe, second: Probe) -> bool:
    """Return whether every number of two probes is the same."""
    names = [field.name for field in fields(Probe)]
    return all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names)


def test_a_fold_is_predicted_by_the_probe_of_the_others() -> None:
    """Probabilities, answers and temperature are those of a probe fitted on what trains alone."""
    start, pred_probs = fitted()
    features = mean_activations(POOLED)
    for number, side in FOLDS.items():
        train = side == "train"
        valid = side == "valid"
        _, temperature = out_of_fold(features[train], TARGETS[train], GROUPS[train], 3)
        probe = replace(fit_probe(features[train], TARGETS[train]), temperature=temperature)
        expected = probe.probabilities(features[valid], 3)
        fold = start.folds[number]
        assert np.array_equal(pred_probs[valid], expected)
        assert fold.paths.tolist() == PATHS[valid].tolist()
        assert np.array_equal(fold.right, expected.argmax(axis=1) == TARGETS[valid])
        assert fold.probe.weights == pytest.approx(probe.weights)
        assert fold.probe.means == pytest.approx(POOLED[train].mean(axis=0), abs=1e-6)
        assert fold.probe.temperature == temperature
    assert not pred_probs[FOLD_OF == 0].any()


@pytest.mark.parametrize("number", FOLDS)
def test_labels_of_a_fold_do_not_reach_its_probe(number: int) -> None:
    """With the labels of a fold, or of what leaves its training, shuffled its probe is the same."""
    targets = TARGETS.copy()
    unseen = np.flatnonzero(FOLDS[number] != "train")
    targets[unseen] = RNG.permutation(targets[unseen])
    assert np.any(targets != TARGETS)
    start, pred_probs = fitted()
    shuffled, again = fitted(targets)
    assert same(start.folds[number].probe, shuffled.folds[number].probe)
    valid = FOLDS[number] == "valid"
    assert np.array_equal(pred_probs[valid], again[valid])
    others = [other for other in FOLDS if other != number]
    assert not any(same(start.folds[one].probe, shuffled.folds[one].probe) for one in others)


def test_a_class_that_a_probe_has_not_seen_is_never_predicted() -> None:
    """An image whose class is in its fold alone is wrong, and the probe gives the class nothing."""
    targets = np.where(FOLD_OF == 1, 2, np.arange(60) % 2)
    start, pred_probs = fitted(targets)
    assert not start.folds[1].right.any()
    assert not pred_probs[FOLD_OF == 1, 2].any()
