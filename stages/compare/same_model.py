"""The same model on both sides: its scores, and no interval, since nothing is estimated.

A verdict and an interval would suggest that more photos could tell two models apart.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from stages.compare.record import ScoreChange
from stages.compare.score_changes import ScoreChanges
from stages.compare.setups import Setup
from stages.compare.validation_changes import same_model_note
from stages.stats.intervals import Interval


def note_of_same_model(
    base: Setup, other: Setup, base_tables: list[pd.DataFrame], other_tables: list[pd.DataFrame]
) -> tuple[str, bool]:
    """Return the note that two single runs have one model, and whether they answer alike.

    Without one model the note is empty. The tables are of the common images, in
    one order, and empty without any.
    """
    if len(base.members) > 1 or len(other.members) > 1:
        return "", False
    same = None
    if base_tables and other_tables:
        before = base_tables[0]["predicted"].to_numpy()
        same = np.array_equal(before, other_tables[0]["predicted"].to_numpy())
    return same_model_note(base.lead, other.lead, same_answers=same), same is not False


def without_intervals(scores: ScoreChanges) -> ScoreChanges:
    """Return scores whose intervals are the differences themselves, which nothing estimates."""
    if not scores.error.images:
        return scores
    return replace(
        scores,
        error=replace(scores.error, difference=_exact(scores.error.difference)),
        macro_f1=_exact_change(scores.macro_f1),
        macro_recall=_exact_change(scores.macro_recall),
        log_loss=_exact_change(scores.log_loss),
        classes=[
            replace(one, low=one.other - one.base, high=one.other - one.base)
            for one in scores.classes
        ],
    )


def _exact(difference: Interval) -> Interval:
    value = difference.value or 0.0
    return Interval(value, value, value)


def _exact_change(change: ScoreChange | None) -> ScoreChange | None:
    return change and replace(change, difference=_exact(change.difference))
