"""Split files: splits.csv, which stages read, and test.csv with the labels of the sealed test set.

splits.csv has the paths of the test images without their labels, and who reads it by this module
does not even see the paths. No stage reads test.csv: `make test-set` opens it. With folds,
splits.csv has FOLD_COLUMNS at its end.
"""

from pathlib import Path
from typing import get_args

import pandas as pd

from stages.base.csv_file import read_text_csv, write_csv
from stages.base.errors import UserError
from stages.dataset.folds import FOLD_COLUMNS
from stages.labels.sides import Side

SPLIT_VALUES = [*get_args(Side), "excluded"]  # of the column split
SPLIT_COLUMNS = ["path", "label", "split", "reason"]
_TEST_COLUMNS = ["path", "label"]


def list_class_names(splits: pd.DataFrame) -> list[str]:
    """Return the class names in the order of the model's outputs: every label once, sorted."""
    return sorted(splits["label"].unique())


def without_test(splits: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stages may look at, those of no test image."""
    return splits[splits["split"] != "test"].reset_index(drop=True)


def write_splits(path: Path, splits: pd.DataFrame) -> None:
    """Write data/splits.csv; of a test image it has no label."""
    label = splits["label"].mask(splits["split"] == "test", "")
    write_csv(path, splits.assign(label=label)[_columns(splits)])


def read_splits(path: Path) -> pd.DataFrame:
    """Return data/splits.csv without the test images, all text: NA and 007 stay what they are."""
    try:
        splits = read_text_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro datablock makes it") from None
    return without_test(splits[_columns(splits)])


def _columns(splits: pd.DataFrame) -> list[str]:
    return [*SPLIT_COLUMNS, *(column for column in FOLD_COLUMNS if column in splits)]


def write_test_set(path: Path, splits: pd.DataFrame) -> None:
    """Write data/test.csv: path and label of the test images, and group where any has one.

    splits: as `assign_splits` gives them, perhaps with the column group.
    """
    test = splits[splits["split"] == "test"]
    grouped = "group" in test and test["group"].ne("").any()
    write_csv(path, test[[*_TEST_COLUMNS, *(["group"] if grouped else [])]])


def read_test_set(path: Path) -> pd.DataFrame:
    """Return data/test.csv, all text; a UserError where no image is set aside.

    Columns: path, label and group, "" of an image without one.
    """
    try:
        table = read_text_csv(path)
        images = table[_TEST_COLUMNS].assign(group=table.get("group", ""))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro datablock makes it") from None
    if images.empty:
        raise UserError(
            f"{path} has no image: set datablock.split.test to the fraction to set aside, such as"
            " .15, or name test in the split column or a folder; then dvc repro"
        )
    return images
