"""Ranking: average precision and ROC area of each class against the rest, with 95 % intervals."""

from math import sqrt

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtri
from sklearn.metrics import average_precision_score, roc_auc_score

from stages.base.stored_array import Rows
from stages.stats.effective_images import effective_images
from stages.stats.intervals import CONFIDENCE, Interval, wilson_around
from stages.stats.metrics import interval_columns
from stages.stats.placements import placements
from stages.stats.probability_blocks import class_columns

_STEP = 1e-9  # from the measured area, whose own variance is 0 at 0 and 1
_Z = float(ndtri((1 + CONFIDENCE) / 2))


def ranking_metrics(
    targets: np.ndarray, pred_probs: Rows, groups: np.ndarray | None = None
) -> pd.DataFrame:
    """Return a row for each class: average_precision and roc_area, with low and high.

    targets: class numbers (V,); pred_probs: (V, C). NaN for a class without images, or without any
    images beside it.
    """
    rows = []
    for number, scores in enumerate(class_columns(pred_probs)):
        of_class = targets == number
        precision = average_precision(of_class, scores, groups)
        area = roc_area(of_class, scores, groups)
        rows.append(
            {
                **interval_columns("average_precision", precision),
                **interval_columns("roc_area", area),
            }
        )
    return pd.DataFrame(rows)


def average_precision(
    of_class: np.ndarray, scores: np.ndarray, groups: np.ndarray | None = None
) -> Interval:
    """Return the mean precision over the images of a class, by falling score.

    Its variance is taken for that of a proportion of the class's images (Boyd, Eng and Page 2013),
    and the interval has Wilson's form, which holds at 1 too. With groups, (N,) int, the images are
    the effective ones of the precisions, each at the score of an image of the class.
    """
    images = int(of_class.sum())
    if images in (0, len(of_class)):
        return Interval(None, 0.0, 1.0)
    mean = min(float(average_precision_score(of_class, scores)), 1.0)
    if groups is None:
        return wilson_around(mean, images)
    own = np.sort(scores[of_class])
    above = images - np.searchsorted(own, scores[of_class])
    above_of_all = len(scores) - np.searchsorted(np.sort(scores), scores[of_class])
    return wilson_around(mean, effective_images(above / above_of_all, groups[of_class]))


def roc_area(
    of_class: np.ndarray, scores: np.ndarray, groups: np.ndarray | None = None
) -> Interval:
    """Return how often an image of the class has a higher score than another, with its interval.

    The interval is Newcombe's (2006, method 5): the areas at which the variance of Hanley and
    McNeil does not reject what was measured, so that it holds at 1 too. With groups, (N,) int, the
    images on either side are the effective ones of how many of the other side each is above.
    """
    images = int(of_class.sum())
    others = len(of_class) - images
    if not images or not others:
        return Interval(None, 0.0, 1.0)
    area = float(roc_auc_score(of_class, scores))
    sides = (float(images), float(others))
    if groups is not None:
        placed = placements(of_class, scores)
        sides = (
            effective_images(placed[of_class], groups[of_class]),
            effective_images(placed[~of_class], groups[~of_class]),
        )

    def beyond(true_area: float) -> float:
        reach = _Z * sqrt(_hanley_mcneil(true_area, *sides))
        return abs(area - true_area) - reach

    below = area * (1 - _STEP)  # where it does not reject
    above = area + (1 - area) * _STEP
    low = float(brentq(beyond, 0.0, below)) if beyond(0.0) > 0 > beyond(below) else 0.0
    high = float(brentq(beyond, above, 1.0)) if beyond(1.0) > 0 > beyond(above) else 1.0
    return Interval(area, low, high)


def _hanley_mcneil(area: float, images: float, others: float) -> float:
    """Return the variance of a measured ROC area, with Newcombe's one count for both sides."""
    half = (images + others) / 2 - 1
    spread = 1 + half * ((1 - area) / (2 - area) + area / (1 + area))
    return area * (1 - area) * spread / (images * others)
