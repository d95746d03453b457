"""Photos that show one thing are told together, and groups come back from their file."""

from pathlib import Path

import pandas as pd
import pytest

from stages.base.errors import UserError
from stages.dataset.duplicates import DUPLICATE_COLUMNS, group_photos
from stages.dataset.inseparable import groups_by_path, inseparable_photos, read_groups, write_groups

PATHS = ["a", "b", "c", "d", "e"]
DUPLICATES = pd.DataFrame(
    [("b", "a", "same", "4", "0.30"), ("d", "c", "alike", "9", "3.10")],
    columns=DUPLICATE_COLUMNS,
    dtype="str",
)


def test_groups_survive_their_file(tmp_path: Path) -> None:
    """Images with a group come back as text, sorted by path; the others are not in the file."""
    images = pd.DataFrame({"path": ["b", "a", "c"], "group": ["007", "NA", ""], "label": "x"})
    write_groups(tmp_path / "groups.csv", images)
    again = read_groups(tmp_path / "groups.csv")
    assert again.to_dict("list") == {"path": ["a", "b"], "group": ["NA", "007"]}
    with pytest.raises(UserError, match="dvc repro datablock"):
        read_groups(tmp_path / "none.csv")


def test_copies_and_groups_stay_together() -> None:
    """Photos linked by a copy, a group or both steps have one name, others have their own."""
    groups = pd.DataFrame({"path": ["b", "e", "c"], "group": ["x", "x", "y"]}, dtype="str")
    together = inseparable_photos(PATHS, DUPLICATES, groups)
    assert together.tolist() == ["a", "a", "c", "d", "a"]


def test_without_groups_copies_alone_count() -> None:
    """An empty table of groups leaves the groups of copies as they were."""
    none = pd.DataFrame({"path": [], "group": []}, dtype="str")
    assert inseparable_photos(PATHS, DUPLICATES, none).tolist() == ["a", "a", "c", "d", "e"]
    assert group_photos(PATHS, DUPLICATES).tolist() == ["a", "a", "c", "d", "e"]


def test_groups_are_found_by_path(tmp_path: Path) -> None:
    """Each image that has a group, from the file; none of an empty one."""
    images = pd.DataFrame({"path": ["b", "a", "c"], "group": ["007", "NA", ""]})
    write_groups(tmp_path / "groups.csv", images)
    assert groups_by_path(tmp_path / "groups.csv") == {"a": "NA", "b": "007"}
    write_groups(tmp_path / "groups.csv", images.iloc[2:])
    assert groups_by_path(tmp_path / "groups.csv") == {}
