"""What the script of the page knows about the images that can be decided on."""

from typing import Any

import pandas as pd

from stages.stats.interpretation import Interpretation

CELLS = ["path", "sha256", "action", "label", "note", "problem"]


def review(
    result: Interpretation, hashes: pd.DataFrame, decided: pd.DataFrame, key: str
) -> dict[str, Any]:
    """Return the images that can be decided on, the classes, and the decisions there are, as JSON.

    hashes: path, sha256 of every image. decided: reports/ingest/corrections.csv. key: what the
    browser keeps decisions under, which has to change with the data.
    """
    mistakes = pd.concat([result.worst, result.surest])
    mistakes = mistakes.rename(columns={"actual": "label", "predicted": "suggested"})
    tables = (result.suspects, mistakes)
    shown = pd.concat([table[["path", "label", "suggested"]] for table in tables])
    images = shown.drop_duplicates("path").merge(hashes[["path", "sha256"]], on="path")
    return {
        "key": key,
        "classes": sorted(result.classes["label"]),
        "decided": decided[CELLS].to_dict("records"),
        "images": images.to_dict("records"),
    }
