"""Accuracy, confusion matrix, scores by class, top-k accuracy and macro scores, with intervals."""

import numpy as np
import pandas as pd

from stages.base.stored_array import Rows, row_blocks
from stages.stats.intervals import Interval, bootstrap, wilson, wilson_f1
from stages.stats.macro import Score, macro_statistic


def confusion(targets: np.ndarray, predicted: np.ndarray, class_count: int) -> np.ndarray:
    """Return the confusion matrix in images, (C, C) int64: row = actual, column = predicted."""
    # scikit-learn's own takes .6 s to import.
    cells = np.bincount(targets * class_count + predicted, minlength=class_count**2)
    return cells.reshape(class_count, class_count)


def class_metrics(class_names: np.ndarray, matrix: np.ndarray) -> pd.DataFrame:
    """Return a row for each class, from the confusion matrix (C, C).

    Columns: label, support, predicted, and precision, recall and F1 with 95 % intervals. Where the
    denominator is zero the value is left empty: recall and F1 of a class without validation images,
    precision of a class that is never predicted.
    """
    true_positives = np.diag(matrix)
    supports = matrix.sum(axis=1)
    predictions = matrix.sum(axis=0)
    rows = []
    for number, label in enumerate(class_names):
        hits = int(true_positives[number])
        support = int(supports[number])
        predicted = int(predictions[number])
        f1 = wilson_f1(hits, support, predicted) if support else wilson_f1(0, 0, 0)
        rows.append(
            {
                "label": label,
                "support": support,
                "predicted": predicted,
                **interval_columns("precision", wilson(hits, predicted)),
                **interval_columns("recall", wilson(hits, support)),
                **interval_columns("f1", f1),
            }
        )
    return pd.DataFrame(rows)


def interval_columns(name: str, interval: Interval) -> dict[str, float]:
    """Return an interval as three columns, NaN where it has no value."""
    if interval.value is None:
        return {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan}
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def accuracy(targets: np.ndarray, predicted: np.ndarray) -> Interval:
    """Return the share of images that are right, with Wilson's interval."""
    return wilson(int(np.sum(targets == predicted)), len(targets))


def top_k(targets: np.ndarray, pred_probs: Rows, k: int) -> Interval:
    """Return the top-k accuracy: the share of images whose label is among the k most probable.

    Of equal probabilities the earlier class counts as the more probable, as in argmax.
    """
    hits = 0
    for rows in row_blocks(pred_probs):
        block = np.asarray(pred_probs[rows])
        labels = targets[rows, None]
        p_label = np.take_along_axis(block, labels, axis=1)
        # Counted, not sorted: the order of all classes would take 8 bytes a probability.
        above = (block > p_label).sum(axis=1)
        earlier = (np.arange(block.shape[1]) < labels) & (block == p_label)
        hits += int(np.sum(above + earlier.sum(axis=1) < k))
    return wilson(hits, len(targets))


def macro(
    score: Score,
    targets: np.ndarray,
    predicted: np.ndarray,
    class_count: int,
    generator: np.random.Generator,
) -> Interval:
    """Return the mean of a score over the classes that have images, with a bootstrap interval.

    The precision of a class that is never predicted counts as 0. Resampling cannot show mistakes
    that no image made, and by itself covers the true F1 too seldom when there are few (85 % of the
    time at 1 % error, 200 images, 10 classes). So the interval reaches at least as far either way
    as that of the accuracy does (99 % then, 96 % at 4.5 % error).
    """
    statistic = macro_statistic(score, targets, predicted, class_count)
    resampled = bootstrap(statistic, len(targets), generator)
    plain = accuracy(targets, predicted)
    if resampled.value is None or plain.value is None:
        return resampled
    low = min(resampled.low, resampled.value - (plain.value - plain.low))
    high = max(resampled.high, resampled.value + (plain.high - plain.value))
    return Interval(resampled.value, max(low, 0.0), min(high, 1.0))
