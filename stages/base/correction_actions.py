"""Actions of corrections: what a row of corrections.csv decides, and the rows that are in force."""

from collections.abc import Collection

import pandas as pd

RELABEL = "relabel"
NEW_CLASS = "new class"
DROP = "drop"
KEEP = "keep"
ACTIONS = (RELABEL, NEW_CLASS, DROP, KEEP)
GIVE_LABEL = (RELABEL, NEW_CLASS)  # those that give a photo another label

DECIDE_LABEL = (*GIVE_LABEL, KEEP)  # those after which a person stands for the label


def rows_in_force(corrections: pd.DataFrame, actions: Collection[str]) -> pd.DataFrame:
    """Return the rows that are applied and have one of some actions.

    corrections: reports/ingest/corrections.csv, where `problem` says why a row is not applied. In
    one of an older run an action stands as it was written, in any case.
    """
    written = corrections["action"].str.strip().str.casefold()
    return corrections[corrections["problem"].eq("") & written.isin(list(actions))]
