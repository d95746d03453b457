"""A linear probe: scikit-learn's logistic regression on the features of a frozen body."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

FOLDS = 5


def assign_folds(targets: np.ndarray, groups: np.ndarray, count: int = FOLDS) -> np.ndarray:
    """Return the fold of every image, (N,) int: duplicates together, classes spread evenly.

    Within each class the groups are dealt out in turn; a group with several labels goes with its
    first. Linear in N, where scikit-learn's StratifiedGroupKFold is not.
    """
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    label = targets[first]
    order = np.argsort(label, kind="stable")
    fold = np.empty(len(first), dtype=int)
    fold[order] = np.arange(len(first)) % count
    return fold[group]


def fit_probe(features: np.ndarray, targets: np.ndarray) -> Pipeline:
    """Return the probe fitted on features (N, F) and class numbers (N,)."""
    # C=1 on standardised features: 16.7 % error on 37 breeds of pets at 128 px, C=0.01 18.0 %;
    # the largest activations beside the means change nothing (16.9 %) and double the work.
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=100, tol=1e-3))
    with warnings.catch_warnings():
        # A probe stopped early is still a fair baseline, and it must end on a large set.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return probe.fit(features, targets)


def predict_probe(probe: Pipeline, features: np.ndarray, classes: int) -> np.ndarray:
    """Return probabilities (N, classes) float32; 0 for a class that the probe never saw."""
    pred_probs = np.zeros((len(features), classes), dtype=np.float32)
    if len(features):
        pred_probs[:, probe.classes_] = probe.predict_proba(features)
    return pred_probs


def out_of_fold(
    features: np.ndarray, targets: np.ndarray, groups: np.ndarray, classes: int
) -> np.ndarray:
    """Return the probabilities (N, classes) of every image from a probe that did not see it."""
    fold = assign_folds(targets, groups)
    pred_probs = np.zeros((len(targets), classes), dtype=np.float32)
    for number in tqdm(range(FOLDS), "linear probe", unit="fold", delay=1, leave=False):
        held = fold == number
        if held.any() and len(np.unique(targets[~held])) > 1:
            probe = fit_probe(features[~held], targets[~held])
            pred_probs[held] = predict_probe(probe, features[held], classes)
    return pred_probs
