"""How often the model is right: over all, by class, and which classes it takes for which."""

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from stages.stats.intervals import Interval, bootstrap, wilson, wilson_f1
from stages.stats.macro import Score, macro_statistic


def confusion(targets: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return counts of images, (C, C) int64: row = actual, column = predicted."""
    if len(targets) == 0:
        return np.zeros((classes, classes), np.int64)
    return confusion_matrix(targets, predicted, labels=np.arange(classes))


def class_metrics(class_names: np.ndarray, matrix: np.ndarray) -> pd.DataFrame:
    """Return a row a class: support, predicted, and precision, recall, F1 with 95 % intervals.

    A share of nothing is left empty: recall and F1 of a class without validation images,
    precision of a class that is never predicted.
    """
    right, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    rows = []
    for place, label in enumerate(class_names):
        hits, actual, named = int(right[place]), int(support[place]), int(predicted[place])
        f1 = wilson_f1(hits, actual, named) if actual else wilson_f1(0, 0, 0)
        rows.append(
            {
                "label": label,
                "support": actual,
                "predicted": named,
                **_columns("precision", wilson(hits, named)),
                **_columns("recall", wilson(hits, actual)),
                **_columns("f1", f1),
            }
        )
    return pd.DataFrame(rows)


def _columns(name: str, interval: Interval) -> dict[str, float]:
    value, low, high = interval.value, interval.low, interval.high
    if value is None:
        value = low = high = np.nan
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def accuracy(targets: np.ndarray, predicted: np.ndarray) -> Interval:
    """Return the share of images that are right, with Wilson's interval."""
    return wilson(int(np.sum(targets == predicted)), len(targets))


def top_k(targets: np.ndarray, pred_probs: np.ndarray, k: int) -> Interval:
    """Return the share of images whose label is among the k most probable, with its interval.

    Of equal probabilities the earlier class counts as the more probable, as argmax has it.
    """
    best = np.argsort(-pred_probs, axis=1, kind="stable")[:, :k]
    return wilson(int(np.sum(best == targets[:, None])), len(targets))


def macro(
    score: Score,
    targets: np.ndarray,
    predicted: np.ndarray,
    classes: int,
    generator: np.random.Generator,
) -> Interval:
    """Return the mean of a score over the classes that have images, with a bootstrap interval.

    The precision of a class that is never predicted counts as 0. Resampling cannot show mistakes
    that no image made, and alone covers the true F1 too seldom when there are few (85 % of the time
    at 1 % error, 200 images, 10 classes). So the interval reaches at least as far either way as
    that of the accuracy does (99 % then, 96 % at 4.5 % error).
    """
    statistic = macro_statistic(score, targets, predicted, classes)
    drawn = bootstrap(statistic, len(targets), generator)
    plain = accuracy(targets, predicted)
    if drawn.value is None or plain.value is None:
        return drawn
    low = min(drawn.low, drawn.value - (plain.value - plain.low))
    high = max(drawn.high, drawn.value + (plain.high - plain.value))
    return Interval(drawn.value, max(low, 0.0), min(high, 1.0))
