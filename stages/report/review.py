"""What the page shows pictures of, and what its script knows about those that can be decided on."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from stages.report.interpretation import Interpretation

CELLS = ["path", "sha256", "action", "label", "note", "problem"]
EXAMPLES = 3  # pictures beside each pair of confused classes


def review(
    result: Interpretation, hashes: pd.DataFrame, decided: pd.DataFrame, key: str
) -> dict[str, Any]:
    """Return the images that can be decided on, the classes, and the decisions there are, as JSON.

    hashes: path, sha256 of every image. decided: reports/ingest/corrections.csv. key: what the
    browser keeps decisions under, which has to change with the data.
    """
    worst = result.worst.rename(columns={"actual": "label", "predicted": "suggested"})
    shown = pd.concat([table[["path", "label", "suggested"]] for table in (result.suspects, worst)])
    images = shown.drop_duplicates("path").merge(hashes[["path", "sha256"]], on="path")
    return {
        "key": key,
        "classes": sorted(result.classes["label"]),
        "decided": decided[CELLS].to_dict("records"),
        "images": images.to_dict("records"),
    }


def examples(result: Interpretation) -> list[list[str]]:
    """Return for each pair of confused classes the images most surely taken for the other."""
    found = []
    for pair in result.confused.itertuples():
        table = result.outcomes
        mistakes = table[(table["actual"] == pair.actual) & (table["predicted"] == pair.predicted)]
        order = mistakes.sort_values(["p_predicted", "path"], ascending=[False, True])
        found.append(list(order["path"].head(EXAMPLES)))
    return found


def shown(result: Interpretation, pairs: Sequence[Sequence[str]]) -> list[str]:
    """Return the path of each picture on the page, as often as it is there."""
    return [
        *result.worst["path"],
        *result.suspects["path"],
        *(path for pair in pairs for path in pair),
    ]
