"""Findings about labels that the folders of the photos contradict."""

from collections.abc import Iterator

import pandas as pd

from stages.checks.finding import Finding, warning_finding
from stages.labels.label_conflicts import FOLDERS, folder_conflicts


def check_labels_of_folders(images: pd.DataFrame) -> Iterator[Finding]:
    """Yield the images whose label is another class than that of their folder.

    images: path, label, source as in the manifest. Labels by folder cannot differ, and those that
    a person corrected may.
    """
    table = images[images["source"].isin(["csv", "filename"])]
    found = folder_conflicts(table["path"].tolist(), table["label"].tolist())
    if found and found.paths:
        yield warning_finding(
            "labels_against_folders",
            f"{found.sentence('the labels', FOLDERS)}: correct what is wrong, in what "
            "ingest.label reads or in data/corrections.csv",
            found.paths,
        )
