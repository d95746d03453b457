"""Inseparable photos: those that no fold may part, since they show one thing; and groups.csv."""

from pathlib import Path

import numpy as np
import pandas as pd

from stages.base.csv_file import read_text_csv, write_csv
from stages.base.errors import UserError
from stages.dataset.duplicates import group_photos

_GROUP_COLUMNS = ["path", "group"]


def write_groups(file: Path, images: pd.DataFrame) -> None:
    """Write data/groups.csv: path and group of the images that have one, sorted by path."""
    named = images.loc[images["group"] != "", _GROUP_COLUMNS]
    write_csv(file, named.sort_values("path", ignore_index=True))


def read_groups(file: Path) -> pd.DataFrame:
    """Return data/groups.csv, all text."""
    try:
        return read_text_csv(file)[_GROUP_COLUMNS]
    except FileNotFoundError:
        raise UserError(f"{file} is missing; dvc repro datablock makes it") from None


def groups_by_path(file: Path) -> dict[str, str]:
    """Return path -> group of the images that data/groups.csv has."""
    return names_by_path(read_groups(file))


def names_by_path(groups: pd.DataFrame) -> dict[str, str]:
    """Return the same from the table."""
    return dict(zip(groups["path"], groups["group"], strict=True))


def inseparable_photos(
    paths: list[str], duplicates: pd.DataFrame, groups: pd.DataFrame
) -> np.ndarray:
    """Return a name for each path, (N,) str, the same for photos that no fold may part.

    They are the same picture, or of one group, or linked by several such steps.
    """
    first = groups.groupby("group")["path"].transform("min")
    links = pd.DataFrame({"path": groups["path"], "twin": first, "kind": "same"})
    known = links[links["path"] != links["twin"]]
    together = pd.concat([duplicates[["path", "twin", "kind"]], known])
    return group_photos(paths, together).to_numpy()
