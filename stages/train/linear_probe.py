"""Linear probe: linear discriminant analysis on the features of a frozen backbone."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve
from scipy.special import softmax
from tqdm import tqdm

from stages.model.classifier import mean_activations
from stages.model.probe import Probe
from stages.stats.temperature import fit_temperature, row_blocks
from stages.train.probe_start import ProbeStart

FOLDS = 5
# Of a standardised feature, so that there is an answer where nothing varies within a class.
_LEAST_VARIANCE = 1e-6
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
class LinearProbe:
    """A fitted probe: one linear function of the standardised features for each class."""

    classes: np.ndarray  # (K,) class numbers, those of the images that it was fitted on
    means: np.ndarray  # (F,) float64, of the features
    deviations: np.ndarray  # (F,) float64, 1 of a constant feature
    weights: np.ndarray  # (K, F) float64
    biases: np.ndarray  # (K,) float64

    def activations(self, features: np.ndarray, classes: int) -> np.ndarray:
        """Return one activation per class, (N, classes); -inf of a class that is not its own."""
        activations = np.full((len(features), classes), -np.inf)
        scaled = (features - self.means) / self.deviations
        activations[:, self.classes] = scaled @ self.weights.T + self.biases
        return activations

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the most probable class number of each image."""
        classes = int(self.classes.max()) + 1
        numbers: np.ndarray = self.activations(features, classes).argmax(axis=1)
        return numbers


def fit_probe(features: np.ndarray, targets: np.ndarray) -> LinearProbe:
    """Return linear discriminant analysis of features (N, F) and class numbers (N,).

    As scikit-learn's with solver lsqr and shrinkage auto: each class's covariance is shrunk as
    Ledoit and Wolf (2004) say. Where nothing varies within a class, as with a single image of each,
    the nearest mean is predicted.
    """
    # Error over four divisions, %, beside logistic regression with C=1, of lite0 at 224 pixels:
    # pets 7.4 and 8.4, digits 25.8 and 30.1, grey scans 28.8 and 35.0, trash 12.6 and 14.4,
    # textures 13.0 and 12.5. One covariance of all classes, shrunk by the same rule: scans 35.6.
    classes = np.unique(targets)
    deviations = features.std(axis=0, dtype=np.float64)
    deviations[deviations == 0] = 1.0
    feature_means = features.mean(axis=0, dtype=np.float64)
    scaled = features - feature_means
    scaled /= deviations
    class_means = np.stack([scaled[targets == number].mean(axis=0) for number in classes])
    shares = np.array([np.mean(targets == number) for number in classes])
    # The sum over the classes of each one's share times its covariance, as one product.
    diagonal = np.full(scaled.shape[1], _LEAST_VARIANCE)
    for number, share, mean in zip(classes, shares, class_means, strict=True):
        rows = targets == number
        centred = scaled[rows] - mean
        variances = centred.var(axis=0)
        variances[variances == 0] = 1.0
        shrinkage, variance = _shrink(centred / np.sqrt(variances))
        # In the place of the features, of which each row is needed once.
        scaled[rows] = centred * np.sqrt((1 - shrinkage) / len(targets))
        diagonal += share * shrinkage * variance * variances
    covariance = scaled.T @ scaled
    covariance[np.diag_indices_from(covariance)] += diagonal
    # It is symmetric and positive: Cholesky takes .1 s for 1,280 features, scikit-learn's least
    # squares 2.5 s.
    weights = solve(covariance, class_means.T, assume_a="pos").T
    return LinearProbe(
        classes=classes,
        means=feature_means,
        deviations=deviations,
        weights=weights,
        biases=np.log(shares) - (weights * class_means).sum(axis=1) / 2,
    )


def _shrink(rows: np.ndarray) -> tuple[float, float]:
    """Return how far the covariance of centred rows (N, F) is shrunk to a multiple of the unit one.

    And the multiple, the mean variance: equations 14 of Ledoit and Wolf (2004). Where there are
    more features than rows, the rows' products tell the same as the features', and are fewer:
    for 80 rows of 1,280 features scikit-learn takes .5 s, this .01.
    """
    count, features = rows.shape
    products = rows @ rows.T if count < features else rows.T @ rows
    variance = float((rows**2).sum()) / (count * features)
    squares = float((products**2).sum()) / count**2
    distance = squares - features * variance**2
    noise = (float(((rows**2).sum(axis=1) ** 2).sum()) / count - squares) / count
    return (min(noise, distance) / distance if distance > 0 and noise > 0 else 0.0), variance


def as_probe(probe: LinearProbe, pooled: np.ndarray, temperature: float) -> Probe:
    """Return a fitted probe as numbers; pooled: (N, 2F), of the images that it was fitted on."""
    variances = pooled.var(axis=0, dtype=np.float64)
    means = pooled.mean(axis=0, dtype=np.float64)
    return Probe(
        classes=probe.classes.astype(np.int64),
        means=means,
        variances=variances,
        weights=probe.weights,
        biases=probe.biases,
        temperature=np.array(temperature),
    )


def predict_probe(
    probe: LinearProbe, features: np.ndarray, classes: int, temperature: float
) -> np.ndarray:
    """Return probabilities (N, classes) float32; 0 for a class without training images."""
    return _probabilities(probe.activations(features, classes), temperature)


def out_of_fold(
    features: np.ndarray, targets: np.ndarray, groups: np.ndarray, classes: int
) -> tuple[np.ndarray, float]:
    """Return out-of-fold probabilities (N, classes), of each image by a probe fitted without it.

    And the temperature by which their activations are divided. The probabilities stay 0 where the
    rest of the images has one class alone.
    """
    folds = assign_folds(targets, groups)
    activations = np.full((len(targets), classes), np.nan)
    for fold in tqdm(range(FOLDS), "linear probe", unit="fold", delay=1, leave=False):
        test = folds == fold
        train = ~test
        if test.any() and len(np.unique(targets[train])) > 1:
            probe = fit_probe(features[train], targets[train])
            activations[test] = probe.activations(features[test], classes)
    predicted = ~np.isnan(activations).any(axis=1)
    pred_probs = np.zeros(activations.shape, dtype=np.float32)
    known = np.flatnonzero(predicted)
    spaced = known[:: max(1, -(-len(known) * classes // _MOST_ACTIVATIONS))]
    temperature = _fit_temperature(targets[spaced], activations[spaced])
    for block in row_blocks(activations):
        rows = known[block]
        pred_probs[rows] = _probabilities(activations[rows], temperature)
    return pred_probs, temperature


def error_out_of_fold(
    features: np.ndarray, targets: np.ndarray, groups: np.ndarray, classes: int
) -> float:
    """Return the share of images that a probe fitted without them does not have right."""
    pred_probs, _ = out_of_fold(features, targets, groups, classes)
    return error_of(pred_probs, targets)


def error_of(pred_probs: np.ndarray, targets: np.ndarray) -> float:
    """Return the share of images without the label as most probable class, or without any."""
    wrong = (pred_probs.argmax(axis=1) != targets) | ~pred_probs.any(axis=1)
    return float(np.mean(wrong))


def _probabilities(activations: np.ndarray, temperature: float) -> np.ndarray:
    probabilities: np.ndarray = softmax(activations / temperature, axis=1).astype(np.float32)
    return probabilities


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
    pooled: np.ndarray,
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
    pred_probs, temperature = out_of_fold(features, targets, groups, classes)
    test = assign_folds(targets, groups) == 0
    if len(np.unique(targets[~test])) < 2:
        test[:] = False
    trial_probe = fit_probe(features[~test], targets[~test])
    right = trial_probe.predict(features[test]) == targets[test] if test.any() else test[:0]
    return ProbeStart(
        probe=as_probe(probe, pooled, temperature),
        trial_probe=as_probe(trial_probe, pooled[~test], temperature),
        held_out=paths[test],
        held_out_right=right,
        error=np.array(error_of(pred_probs, targets)),
        shallow_error=np.array(np.nan),
        images=np.array(len(targets)),
    )
