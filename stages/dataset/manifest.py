"""The manifest: images.csv says what each file is, labels.csv what it shows.

They are two files so that a corrected label leaves images.csv as it was, and no photo is decoded
again. Both are sorted by path.
"""

from collections.abc import Container, Mapping
from pathlib import Path

import pandas as pd

from stages.base.csv_file import read_text_csv, write_csv
from stages.base.errors import UserError
from stages.labels.labels import PhotoLabels

# A row for each file that is meant as a photo. format is Pillow's name for it, "" (with width and
# height 0) when it is no image after all.
IMAGE_COLUMNS = {
    "path": "str",
    "sha256": "str",
    "format": "str",
    "width": "int64",
    "height": "int64",
}
# source is filename, csv, folder or correction; split is train, valid, test, or "" when nothing is
# given; group is as the CSV names it, or "".
LABEL_COLUMNS = {"path": "str", "label": "str", "source": "str", "split": "str", "group": "str"}
_REMEDY = "make it with: dvc repro ingest"


def write_images(file: Path, images: pd.DataFrame) -> None:
    """Write images.csv, sorted by path."""
    _write(file, images, IMAGE_COLUMNS)


def read_images(file: Path) -> pd.DataFrame:
    """Read images.csv: path, sha256, format (text), width, height (whole numbers, pixels)."""
    return _read(file, IMAGE_COLUMNS)


def labels_table(final: PhotoLabels, rule: str, corrected: Container[str]) -> pd.DataFrame:
    """Return labels, splits and groups as a table; source is the rule, or correction."""
    rows = [
        (
            path,
            label,
            "correction" if path in corrected else rule,
            final.splits.get(path, ""),
            final.groups.get(path, ""),
        )
        for path, label in final.labels.items()
    ]
    return pd.DataFrame(rows, columns=list(LABEL_COLUMNS), dtype="str")


def write_labels(file: Path, labels: pd.DataFrame) -> None:
    """Write labels.csv, sorted by path."""
    _write(file, labels, LABEL_COLUMNS)


def read_labels(file: Path) -> pd.DataFrame:
    """Read labels.csv: LABEL_COLUMNS, all text; a label may well be NA or 007."""
    return _read(file, LABEL_COLUMNS)


def _write(file: Path, table: pd.DataFrame, columns: Mapping[str, str]) -> None:
    write_csv(file, table[list(columns)].sort_values("path", ignore_index=True))


def _read(file: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return a table with these columns and types; a UserError when the file has others."""
    try:
        table = read_text_csv(file)
    except FileNotFoundError:
        raise UserError(f"{file} is missing; {_REMEDY}") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read ({str(error).strip()}); {_REMEDY}") from None
    if list(table.columns) != list(columns):
        raise UserError(
            f"{file} has the columns {', '.join(table.columns)}"
            f" where {', '.join(columns)} belong; {_REMEDY}"
        )
    try:
        return table.astype(dict(columns))
    except (ValueError, OverflowError) as error:  # OverflowError for a number beyond 64 bits
        raise UserError(f"{file}: {error}; {_REMEDY}") from None
