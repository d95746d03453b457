"""The outcomes of a past run: outcomes.csv of any revision, checked before it is compared."""

import io
from collections.abc import Callable

import numpy as np
import pandas as pd

from stages.base.csv_file import read_text_csv
from stages.base.echo import echo
from stages.compare.words import enumeration

_REQUIRED_COLUMNS = ("path", "actual", "predicted")
# Results of older commits may lack these. Column -> what its values must be, and the words for it.
_NUMBERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "p_predicted": (lambda values: (values >= 0) & (values <= 1), "no probability"),
    "loss": (lambda values: (values >= 0) & np.isfinite(values), "no loss"),
}


def read_outcomes(content: bytes | None) -> tuple[pd.DataFrame | None, list[str]]:
    """Return the outcomes by path, with p_predicted and loss as numbers, and what is wrong.

    Without a column that the verdict needs there are none; another that is damaged is left out.
    """
    if content is None:
        return None, ["is missing there; make repro makes it"]
    try:
        table = read_text_csv(io.BytesIO(content))
    except (ValueError, OverflowError) as error:  # pandas' own errors among them
        return None, [f"cannot be read ({' '.join(str(error).split())[:120]})"]
    if absent := [name for name in _REQUIRED_COLUMNS if name not in table.columns]:
        return None, [f"lacks the column {enumeration(absent)}"]
    problems = []
    if repeated := int(table["path"].duplicated().sum()):
        problems.append(f"names {repeated:,} of its photos twice: the first row of each counts")
    table = table.drop_duplicates("path").set_index("path").sort_index()
    if absent := [name for name in _NUMBERS if name not in table.columns]:
        problems.append(f"is from before it had the column {enumeration(absent)}: compared without")
    for name in _NUMBERS.keys() & set(table.columns):
        table, problem = _with_numbers(table, name)
        problems += problem
    return table, sorted(problems)


def _with_numbers(table: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[str]]:
    """Return the table with a column as numbers, or without it and with what is wrong with it."""
    is_right, what_it_is_not = _NUMBERS[name]
    values = pd.to_numeric(table[name], errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~is_right(values))
    if len(wrong) == 0:
        return table.assign(**{name: values}), []
    first = table.index[wrong[0]]
    problem = (
        f"has {echo(table[name].iloc[wrong[0]])} in the column {name} of {first}, which is "
        f"{what_it_is_not}: compared without that column"
    )
    return table.drop(columns=name), [problem]
