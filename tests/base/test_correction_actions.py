"""What a correction does, and which rows of a list of corrections do it."""

import pandas as pd
import pytest

from stages.base.correction_actions import (
    ACTIONS,
    DECIDE_LABEL,
    DROP,
    GIVE_LABEL,
    NEW_CLASS,
    rows_in_force,
)

COLUMNS = ["path", "action", "problem"]
ROWS = [
    ("a.jpg", "relabel", ""),
    ("b.jpg", " New Class", ""),
    ("c.jpg", "DROP", ""),
    ("d.jpg", "keep", ""),
    ("e.jpg", "relabel", "unknown label"),
    ("f.jpg", "drop", "content changed"),
    ("g.jpg", "relable", "unknown action"),
]


@pytest.mark.parametrize(
    ("actions", "paths"),
    [
        (GIVE_LABEL, ["a.jpg", "b.jpg"]),
        (DECIDE_LABEL, ["a.jpg", "b.jpg", "d.jpg"]),
        ([NEW_CLASS], ["b.jpg"]),
        ([DROP], ["c.jpg"]),
        (ACTIONS, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]),
        ([], []),
    ],
)
def test_rows_in_force_are_those_that_are_applied(actions: list[str], paths: list[str]) -> None:
    """A row with a problem is in no force, and an action counts as it was written, in any case."""
    corrections = pd.DataFrame(ROWS, columns=COLUMNS, dtype="str")
    assert rows_in_force(corrections, actions)["path"].tolist() == paths


def test_no_corrections_have_no_rows_in_force() -> None:
    """A list with its header alone has none."""
    empty = pd.DataFrame(columns=COLUMNS, dtype="str")
    assert rows_in_force(empty, ACTIONS).empty
