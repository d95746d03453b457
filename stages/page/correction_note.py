"""Correction note: how many of the labels that the model is judged by a person corrected."""

from collections.abc import Collection

import pandas as pd

from stages.base.correction_actions import DROP, GIVE_LABEL, rows_in_force
from stages.base.plural import count_noun


def correction_note(corrections: pd.DataFrame, judged: Collection[str]) -> str:
    """Return what corrections changed in validation, in one sentence; "" where nothing.

    corrections: reports/ingest/corrections.csv. judged: paths of the validation images. A dropped
    photo is on no side of the split, so those of training are counted too.
    """
    labelled = rows_in_force(corrections, GIVE_LABEL)
    changed = labelled["path"].isin(list(judged)) & (labelled["label"] != labelled["before"])
    labels = int(changed.sum())
    dropped = len(rows_in_force(corrections, [DROP]))
    parts = []
    if labels:
        parts.append(f"changed {count_noun(labels, 'label')} of validation")
    if dropped:
        parts.append(f"dropped {count_noun(dropped, 'photo')} of training or validation")
    if not parts:
        return ""
    return (
        f"Corrections {' and '.join(parts)}: the error of a run without them is of other labels or"
        " photos, and make compare tests on those that both have."
    )
