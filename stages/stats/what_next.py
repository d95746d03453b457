"""What next: what more photos, cleaner labels and more training would pay, and what may be a limit.

Numbers only; the page has the sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.base.stored_array import row_blocks
from stages.stats.effective_images import share_interval
from stages.stats.intervals import CONFIDENCE, Interval
from stages.stats.photo_outlook import PhotoOutlook
from stages.stats.predictions import Predictions
from stages.stats.probability_blocks import most_probable
from stages.stats.temperature import apply_temperature

# The share of the first label issues whose label had been changed, where 5 % of the labels of pets
# had been: .87 to .91 over five seeds (benchmarks/suspects.py).
MEASURED_PRECISION = 0.89
# A label issue counts where both sources together leave the label less than one chance in ten.
_LEAST_DOUBT = 0.9
# A toss-up: label and prediction share nearly all of the probability, the label at least a quarter.
_BOTH = 0.9
_LEAST_OF_LABEL = 0.25


@dataclass(frozen=True, kw_only=True)
class LabelCost:
    """How much of the error is that of labels, if the label issues are as often right as measured.

    What wrong labels in training cost is not in it.
    """

    mistakes: int  # in validation
    doubted: int  # of these, with a label that looks wrong
    cost: Interval  # share of the validation images


@dataclass(frozen=True, kw_only=True)
class TossUps:
    """Mistakes between two classes that share nearly all of the probability."""

    mistakes: int
    near: int  # of these
    share: Interval  # of the validation images


@dataclass(frozen=True, kw_only=True)
class WhatNext:
    """What is known of each thing that one could do next."""

    photos: PhotoOutlook
    labels: LabelCost
    training: Sequence[str]  # see diagnose_training
    toss_ups: TossUps


def label_cost(predictions: Predictions, label_issues: pd.DataFrame) -> LabelCost:
    """Return what the labels of validation cost, from the issues with their scores.

    label_issues: path, score. The interval begins at 0: in a class that is rare and badly learned
    all doubts may be mistaken. Of 430 photos of trash none of 6 doubted labels was wrong to see,
    where 5 were to be expected. It ends with how many of so many are wrong by chance, of a group
    all or none.
    """
    wrong = most_probable(predictions.pred_probs) != predictions.targets
    surely = label_issues.loc[label_issues["score"] >= _LEAST_DOUBT, "path"]
    doubted = wrong & np.isin(predictions.paths, surely.to_numpy(str))
    count = int(doubted.sum())
    groups = np.arange(count) if predictions.groups is None else predictions.groups[doubted]
    at_most = np.cumsum(_wrong_by_chance(np.unique(groups, return_counts=True)[1]))
    high = int(np.searchsorted(at_most, (1 + CONFIDENCE) / 2)) / len(wrong)
    cost = Interval(MEASURED_PRECISION * count / len(wrong), 0.0, high)
    return LabelCost(mistakes=int(wrong.sum()), doubted=count, cost=cost)


def _wrong_by_chance(sizes: np.ndarray) -> np.ndarray:
    """Return the probability that 0, 1, ... doubted labels are wrong, of groups of these sizes.

    Labels of one group are wrong together or not at all.
    """
    probabilities = np.ones(1)
    for size in sizes.tolist():
        right = np.pad((1 - MEASURED_PRECISION) * probabilities, (0, size))
        probabilities = right + np.pad(MEASURED_PRECISION * probabilities, (size, 0))
    return probabilities


def find_toss_ups(predictions: Predictions, temperature: float) -> TossUps:
    """Return the mistakes near the boundary between the label and the prediction alone."""
    wrong = most_probable(predictions.pred_probs) != predictions.targets
    near = np.zeros(len(wrong), bool)
    for rows in row_blocks(predictions.pred_probs):
        pred_probs = apply_temperature(np.asarray(predictions.pred_probs[rows]), temperature)
        p_label = pred_probs[np.arange(len(pred_probs)), predictions.targets[rows]]
        both = p_label + pred_probs.max(axis=1)
        near[rows] = wrong[rows] & (both >= _BOTH) & (p_label >= _LEAST_OF_LABEL)
    share = share_interval(near, predictions.groups)
    return TossUps(mistakes=int(wrong.sum()), near=int(near.sum()), share=share)
