"""The review's data: what the script of the page knows about the images that can be decided on."""

from typing import Any, TypedDict

import pandas as pd

from stages.stats.interpretation import Interpretation

_CORRECTION_COLUMNS = ["path", "sha256", "action", "label", "note", "problem"]
# Of reports/ingest/corrections.csv: those, and what the page shows beside them.
DECISION_COLUMNS = (*_CORRECTION_COLUMNS, "before", "detail")


class ReviewImage(TypedDict):
    """An image that the page shows with a label in doubt."""

    path: str
    label: str
    suggested: str  # another class; the label itself where the model agrees with it
    sha256: str


class Correction(TypedDict):
    """A row of corrections.csv, and why it was not applied."""

    path: str
    sha256: str
    action: str
    label: str
    note: str
    problem: str  # "" where it was applied


class ReviewData(TypedDict):
    """The JSON that templates/corrections.js and review.js read."""

    key: str  # what the browser stores decisions under, which has to change with the data
    classes: list[str]  # sorted
    decided: list[Correction]
    images: list[ReviewImage]


def review_data(
    result: Interpretation, hashes: pd.DataFrame, corrections: pd.DataFrame, key: str
) -> ReviewData:
    """Return the images that can be decided on, the classes, and the decisions that there are.

    hashes: path, sha256 of every image. corrections: reports/ingest/corrections.csv. An image that
    is both a label issue and a mistake stands once, with the suggestion of the label issue.
    """
    mistakes = pd.concat([result.top_losses, result.confident_mistakes])
    mistakes = mistakes.rename(columns={"actual": "label", "predicted": "suggested"})
    tables = (result.label_issues, mistakes)
    rows = pd.concat([table[["path", "label", "suggested"]] for table in tables])
    images = rows.drop_duplicates("path").merge(hashes[["path", "sha256"]], on="path")
    return ReviewData(
        key=key,
        classes=sorted(result.class_metrics["label"]),
        decided=_records(corrections[_CORRECTION_COLUMNS]),
        images=_records(images),
    )


def _records(table: pd.DataFrame) -> Any:
    """Return the rows, each as a mapping by column; the caller names their type."""
    return table.to_dict("records")
