"""Mistakes: top losses, confident mistakes, and the most confused pairs of classes."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from stages.stats.effective_images import share_interval
from stages.stats.image_groups import some_groups

_EXAMPLES = 3  # images of each confused pair


def top_losses(outcomes: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the rows of `outcomes_table` with the highest loss, highest first, ties by path."""
    ordered = outcomes.sort_values(["loss", "path"], ascending=[False, True], kind="stable")
    return ordered.head(count).reset_index(drop=True)


def confident_mistakes(outcomes: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the wrong rows of `outcomes_table` with the highest confidence, ties by path."""
    wrong = outcomes[outcomes["actual"] != outcomes["predicted"]]
    return _most_confident_first(wrong).head(count).reset_index(drop=True)


def most_confused(
    class_names: np.ndarray,
    matrix: np.ndarray,
    outcomes: pd.DataFrame,
    count: int,
    groups: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return the pairs of classes that are confused most, from the confusion matrix (C, C).

    Columns: actual, predicted, count, of (images of the actual class), rate = count / of, rate_low
    and rate_high (95 % interval), and example_1 to example_3: the paths with the highest
    confidence, "" where there are no more. `outcomes` is the outcomes table. Most frequent mistakes
    first, then the higher rate, then by name.
    """
    mistakes = matrix * ~np.eye(len(class_names), dtype=bool)
    actual, predicted = np.nonzero(mistakes)
    pairs = pd.DataFrame(
        {
            "actual": class_names[actual],
            "predicted": class_names[predicted],
            "count": mistakes[actual, predicted],
            "of": matrix.sum(axis=1)[actual],
        }
    )
    pairs["rate"] = pairs["count"] / pairs["of"]
    keys = ["count", "rate", "actual", "predicted"]
    ordered = pairs.sort_values(keys, ascending=[False, False, True, True], kind="stable")
    top = ordered.head(count).reset_index(drop=True)
    rates = [
        share_interval(taken, some_groups(groups, rows)) for rows, taken in _taken(top, outcomes)
    ]
    top["rate_low"] = [rate.low for rate in rates]
    top["rate_high"] = [rate.high for rate in rates]
    return top.join(_examples(top, outcomes))


def _taken(pairs: pd.DataFrame, outcomes: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield for each pair the rows of the actual class, and which were taken for the other."""
    actual = outcomes["actual"].to_numpy()
    predicted = outcomes["predicted"].to_numpy()
    for label, other in pairs[["actual", "predicted"]].to_numpy():
        rows = np.flatnonzero(actual == label)
        yield rows, predicted[rows] == other


def _examples(pairs: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the paths of each pair's most confident mistakes, a column for each example."""
    ordered = _most_confident_first(outcomes)
    paths_by_pair = ordered.groupby(["actual", "predicted"])["path"].agg(list)
    rows = []
    for actual, predicted in pairs[["actual", "predicted"]].to_numpy():
        paths = paths_by_pair[actual, predicted]
        rows.append((paths + [""] * _EXAMPLES)[:_EXAMPLES])
    names = [f"example_{number}" for number in range(1, _EXAMPLES + 1)]
    return pd.DataFrame(rows, pairs.index, names, dtype=str)


def _most_confident_first(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the outcomes by falling confidence, ties by path."""
    return outcomes.sort_values(["p_predicted", "path"], ascending=[False, True], kind="stable")
