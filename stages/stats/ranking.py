"""Ranking: average precision and ROC area of each class against the rest, with 95 % intervals."""

from math import sqrt

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtri
from sklearn.metrics import average_precision_score, roc_auc_score

from stages.base.stored_array import Rows
from stages.stats.intervals import CONFIDENCE, Interval, wilson_around
from stages.stats.metrics import interval_columns
from stages.stats.probability_blocks import class_columns

_STEP = 1e-9  # from the measured area, whose own variance is 0 at 0 and 1
_Z = float(ndtri((1 + CONFIDENCE) / 2))


def ranking_metrics(targets: np.ndarray, pred_probs: Rows) -> pd.DataFrame:
    """Return a row for each class: average_precision and roc_area, with low and high.

    targets: class numbers (V,); pred_probs: (V, C). NaN for a class without images, or without any
    images beside it.
    """
    rows = []
    for number, scores in enumerate(class_columns(pred_probs)):
        of_class = targets == number
        precision = average_precision(of_class, scores)
        area = roc_area(of_class, scores)
        rows.append(
            {
                **interval_columns("average_precision", precision),
                **interval_columns("roc_area", area),
            }
        )
    return pd.DataFrame(rows)


def average_precision(of_class: np.ndarray, scores: np.ndarray) -> Interval:
    """Return the mean precision over the images of a class, by falling score.

    Its variance is taken for that of a proportion of the class's images (Boyd, Eng and Page 2013),
    and the interval has Wilson's form, which holds at 1 too.
    """
    images = int(of_class.sum())
    if images in (0, len(of_class)):
        return Interval(None, 0.0, 1.0)
    return wilson_around(min(float(average_precision_score(of_class, scores)), 1.0), images)


def roc_area(of_class: np.ndarray, scores: np.ndarray) -> Interval:
    """Return how often an image of the class has a higher score than another, with its interval.

    The interval is Newcombe's (2006, method 5): the areas at which the variance of Hanley and
    McNeil does not reject what was measured, so that it holds at 1 too.
    """
    images = int(of_class.sum())
    others = len(of_class) - images
    if not images or not others:
        return Interval(None, 0.0, 1.0)
    area = float(roc_auc_score(of_class, scores))

    def beyond(true_area: float) -> float:
        reach = _Z * sqrt(_hanley_mcneil(true_area, images, others))
        return abs(area - true_area) - reach

    below = area * (1 - _STEP)  # where it does not reject
    above = area + (1 - area) * _STEP
    low = float(brentq(beyond, 0.0, below)) if beyond(0.0) > 0 > beyond(below) else 0.0
    high = float(brentq(beyond, above, 1.0)) if beyond(1.0) > 0 > beyond(above) else 1.0
    return Interval(area, low, high)


def _hanley_mcneil(area: float, images: int, others: int) -> float:
    """Return the variance of a measured ROC area, with Newcombe's one count for both sides."""
    half = (images + others) / 2 - 1
    spread = 1 + half * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) * spread / (images * others)
