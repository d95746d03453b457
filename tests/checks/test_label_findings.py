"""Labels that the folders of the photos contradict are found before anything is trained."""

import pandas as pd

from stages.checks.label_findings import check_labels_of_folders


def images(*rows: str) -> pd.DataFrame:
    """Return images of these paths, labels and sources."""
    return pd.DataFrame([row.split() for row in rows], columns=["path", "label", "source"])


def test_a_label_against_its_folder_is_a_warning() -> None:
    """The warning has the numbers and the image; what a person corrected is not compared."""
    table = images("cat/1 cat csv", "cat/2 dog csv", "dog/3 dog csv", "dog/4 cat correction")
    [finding] = check_labels_of_folders(table)
    assert (finding.severity, finding.paths) == ("warning", ("cat/2",))
    assert finding.message == (
        "the labels and the folders disagree about 1 of 3 photos, such as 'cat/2': 'dog' and"
        " 'cat': correct what is wrong, in what ingest.label reads or in data/corrections.csv"
    )


def test_labels_by_folder_or_without_class_folders_are_no_finding() -> None:
    """Labels by folder cannot differ, and folders of days are no classes."""
    assert not list(check_labels_of_folders(images("cat/1 cat folder", "dog/x/2 dog folder")))
    assert not list(check_labels_of_folders(images("day1/1 cat csv", "day2/2 dog csv")))
    assert not list(check_labels_of_folders(images("1 cat filename", "2 dog filename")))
    assert not list(check_labels_of_folders(images().assign(source="")))
