"""Correction note: how many of the labels that the model is judged by a person corrected."""

from collections.abc import Collection

import pandas as pd

from stages.base.plural import count_noun

_NEW_LABEL = ("relabel", "new class")


def correction_note(corrections: pd.DataFrame, judged: Collection[str]) -> str:
    """Return what corrections changed in validation, in one sentence; "" where nothing.

    corrections: reports/ingest/corrections.csv. judged: paths of the validation images. A dropped
    photo is on no side of the split, so those of training are counted too.
    """
    in_force = corrections[corrections["problem"] == ""]
    changed = in_force["action"].isin(_NEW_LABEL) & (in_force["label"] != in_force["before"])
    labels = int((changed & in_force["path"].isin(list(judged))).sum())
    dropped = int((in_force["action"] == "drop").sum())
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
