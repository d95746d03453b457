"""The mistakes worth looking at: the costliest, the surest, and the pairs that occur most."""

import numpy as np
import pandas as pd

from stages.stats.intervals import wilson

EXAMPLES = 3  # images of each confused pair


def top_losses(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the rows of `outcomes` that cost most, worst first, ties by path."""
    ordered = table.sort_values(["loss", "path"], ascending=[False, True], kind="stable")
    return ordered.head(count).reset_index(drop=True)


def confident_mistakes(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the wrong rows of `outcomes` that the model was surest of, ties by path."""
    wrong = table[table["actual"] != table["predicted"]]
    ordered = wrong.sort_values(["p_predicted", "path"], ascending=[False, True], kind="stable")
    return ordered.head(count).reset_index(drop=True)


def most_confused(
    class_names: np.ndarray, matrix: np.ndarray, table: pd.DataFrame, count: int
) -> pd.DataFrame:
    """Return actual, predicted, count, of (images of the actual class), rate = count / of with its
    interval, and example_1 to example_3: the paths where the model was surest, "" where there are
    no more. `table` is that of outcomes.

    Most frequent mistakes first, then the higher rate, then by name.
    """
    wrong = matrix * ~np.eye(len(class_names), dtype=bool)
    actual, predicted = np.nonzero(wrong)
    pairs = pd.DataFrame(
        {
            "actual": class_names[actual],
            "predicted": class_names[predicted],
            "count": wrong[actual, predicted],
            "of": matrix.sum(axis=1)[actual],
        }
    )
    pairs["rate"] = pairs["count"] / pairs["of"]
    keys = ["count", "rate", "actual", "predicted"]
    ordered = pairs.sort_values(keys, ascending=[False, False, True, True], kind="stable")
    shown = ordered.head(count).reset_index(drop=True)
    ends = [wilson(hits, of) for hits, of in zip(shown["count"], shown["of"], strict=True)]
    shown["rate_low"], shown["rate_high"] = [e.low for e in ends], [e.high for e in ends]
    return shown.join(_examples(shown, table))


def _examples(pairs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the surest examples of each pair."""
    surest = table.sort_values(["p_predicted", "path"], ascending=[False, True], kind="stable")
    by_pair = surest.groupby(["actual", "predicted"])["path"].agg(list)
    found = [by_pair[one, other] for one, other in pairs[["actual", "predicted"]].to_numpy()]
    names = [f"example_{number}" for number in range(1, EXAMPLES + 1)]
    rows = [(paths + [""] * EXAMPLES)[:EXAMPLES] for paths in found]
    return pd.DataFrame(rows, pairs.index, names, dtype=str)
