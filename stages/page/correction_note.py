"""Correction note: how many of the labels that the model is judged by a person corrected."""

from collections.abc import Collection

import pandas as pd

from stages.base.correction_actions import DROP, GIVE_LABEL, rows_in_force
from stages.base.plural import count_noun


def correction_note(corrections: pd.DataFrame, judged: Collection[str]) -> str:
    """Return what corrections changed in validation, in one sentence; "" where nothing.

    corrections: reports/ingest/corrections.csv. judged: paths of the validation images. On which
    side a dropped photo would be is not known, so all that had a label by the rule are counted.
    """
    labelled = rows_in_force(corrections, GIVE_LABEL)
    changed = labelled["path"].isin(list(judged)) & (labelled["label"] != labelled["before"])
    labels = int(changed.sum())
    dropped = int((rows_in_force(corrections, [DROP])["before"] != "").sum())
    parts = []
    if labels:
        parts.append(f"changed {count_noun(labels, 'label')} of validation")
    if dropped:
        parts.append(f"dropped {count_noun(dropped, 'photo')}, of whichever side")
    if not parts:
        return ""
    return (
        f"Corrections {' and '.join(parts)}: the error of a run without them is of other labels or"
        " photos, and make compare tests on those that both have."
    )
