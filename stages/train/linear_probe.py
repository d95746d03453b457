"""Linear probe: linear discriminant analysis on the features of a frozen backbone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax
from tqdm import tqdm

from stages.base.stored_array import Rows, row_blocks
from stages.model.classifier import mean_activations
from stages.model.probe import Probe
from stages.stats.temperature import fit_temperature
from stages.train.discriminant import LinearProbe, fit_probe, means_and_variances
from stages.train.probe_start import ProbeStart

FOLDS = 5
# Where a temperature is looked for from: exp(-20) is still a probability in float32.
_LARGEST_ACTIVATION = 20.0
_MOST_ACTIVATIONS = 2**22  # to fit a temperature from


def assign_folds(targets: np.ndarray, groups: np.ndarray, count: int = FOLDS) -> np.ndarray:
    """Return the fold of every image, (N,) int: duplicates together, classes spread evenly.

    targets: class numbers (N,); groups: group numbers (N,), of which duplicates share one. Within
    each class the groups go to the folds in turn; a group with several labels counts as its first.
    Linear in N, where scikit-learn's StratifiedGroupKFold is not.
    """
    _, first_rows, group_of_row = np.unique(groups, return_index=True, return_inverse=True)
    order = np.argsort(targets[first_rows], kind="stable")
    fold_of_group = np.empty(len(first_rows), dtype=int)
    fold_of_group[order] = np.arange(len(first_rows)) % count
    return fold_of_group[group_of_row]


@dataclass(frozen=True, kw_only=True)
class ProbeAnswers:
    """The probabilities of N images, each by one of several probes, as they are asked for."""

    features: Rows  # (N, F)
    probe_of: np.ndarray  # (N,) int, the number of the probe of each image
    probes: Mapping[int, LinearProbe]  # by number; an image may have one that could not be fitted
    classes: int

    def __getitem__(self, rows: np.ndarray) -> "ProbeAnswers":
        """Return those for some of the images, by their numbers or (N,) bool."""
        return replace(self, features=self.features[rows], probe_of=self.probe_of[rows])

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield probabilities (n, classes) float32 of all images; 0 where there is no probe."""
        for rows in row_blocks(self.features, self.classes):
            yield self._pred_probs(self.features[rows], self.probe_of[rows])

    def right(self, targets: np.ndarray) -> np.ndarray:
        """Return which images have their label as most probable class, (N,) bool."""
        by_block = [
            np.where(pred_probs.any(axis=1), pred_probs.argmax(axis=1), -1)
            for pred_probs in self.blocks()
        ]
        right: np.ndarray = np.concatenate(by_block) == targets
        return right

    def _pred_probs(self, features: Rows, probe_of: np.ndarray) -> np.ndarray:
        pred_probs = np.zeros((len(features), self.classes), dtype=np.float32)
        for number, probe in self.probes.items():
            rows = probe_of == number
            pred_probs[rows] = probe.probabilities(features[rows], self.classes)
        return pred_probs


def one_probe(probe: LinearProbe, features: Rows, classes: int) -> ProbeAnswers:
    """Return the answers of one probe for all images."""
    probe_of = np.zeros(len(features), dtype=int)
    return ProbeAnswers(features=features, probe_of=probe_of, probes={0: probe}, classes=classes)


def as_probe(probe: LinearProbe, pooled: Rows) -> Probe:
    """Return a fitted probe as numbers; pooled: (N, 2F), of the images that it was fitted on."""
    means, variances = means_and_variances(pooled)
    return Probe(
        classes=probe.classes.astype(np.int64),
        means=means,
        variances=variances,
        weights=probe.weights,
        biases=probe.biases,
        temperature=np.array(probe.temperature),
    )


def out_of_fold(
    features: Rows, targets: np.ndarray, groups: np.ndarray, classes: int
) -> tuple[ProbeAnswers, float]:
    """Return out-of-fold answers, of each image by a probe fitted without it.

    And the temperature by which their activations are divided. There is no probe, and probabilities
    are 0, where the rest of the images has one class alone.
    """
    folds = assign_folds(targets, groups)
    probes: dict[int, LinearProbe] = {}
    for fold in tqdm(range(FOLDS), "linear probe", unit="fold", delay=1, leave=False):
        train = folds != fold
        if not train.all() and len(np.unique(targets[train])) > 1:
            probes[fold] = fit_probe(features[train], targets[train])
    known = np.flatnonzero(np.isin(folds, list(probes)))
    spaced = known[:: max(1, -(-len(known) * classes // _MOST_ACTIVATIONS))]
    activations = np.zeros((len(spaced), classes))
    for fold, probe in probes.items():
        test = np.flatnonzero(folds[spaced] == fold)
        own = features[spaced[test]]
        for block in row_blocks(own, classes):
            activations[test[block]] = probe.activations(own[block], classes)
    temperature = _fit_temperature(targets[spaced], activations)
    calibrated = {fold: replace(probe, temperature=temperature) for fold, probe in probes.items()}
    answers = ProbeAnswers(features=features, probe_of=folds, probes=calibrated, classes=classes)
    return answers, temperature


def error_out_of_fold(
    features: Rows, targets: np.ndarray, groups: np.ndarray, classes: int
) -> float:
    """Return the share of images that a probe fitted without them does not have right."""
    answers, _ = out_of_fold(features, targets, groups, classes)
    return float(np.mean(~answers.right(targets)))


def _fit_temperature(targets: np.ndarray, activations: np.ndarray) -> float:
    """Return the temperature that calibrates activations, at least 1.

    Of a few hundred images with 1,280 features it is 12 to 20: discriminant analysis is that much
    too sure. Images that have no activation of their own class take no part in it.
    """
    finite = activations[np.isfinite(activations)]
    scale = max(1.0, float(np.abs(finite).max(initial=0)) / _LARGEST_ACTIVATION)
    known = np.isfinite(activations[np.arange(len(targets)), targets])
    if not known.any():
        return scale
    pred_probs = softmax(activations[known] / scale, axis=1)
    share = 1 / (known.sum() + 2)
    return max(1.0, scale * fit_temperature(targets[known], pred_probs, share))


def fit_probe_start(
    probe: LinearProbe,
    pooled: Rows,
    targets: np.ndarray,
    groups: np.ndarray,
    paths: np.ndarray,
    classes: int,
) -> ProbeStart:
    """Return the probe of all training images, and fit one without the first fold, held out.

    pooled: (T, 2F). None is held out where the others would be of one class alone. No error of
    another probe is known yet.
    """
    features = mean_activations(pooled)
    answers, temperature = out_of_fold(features, targets, groups, classes)
    test = assign_folds(targets, groups) == 0
    if len(np.unique(targets[~test])) < 2:
        test[:] = False
    trial_probe = fit_probe(features[~test], targets[~test])
    right = trial_probe.predict(features[test]) == targets[test] if test.any() else test[:0]
    return ProbeStart(
        probe=as_probe(replace(probe, temperature=temperature), pooled),
        trial_probe=as_probe(replace(trial_probe, temperature=temperature), pooled[~test]),
        held_out=paths[test],
        held_out_right=right,
        error=np.array(np.mean(~answers.right(targets))),
        shallow_error=np.array(np.nan),
        images=np.array(len(targets)),
    )
