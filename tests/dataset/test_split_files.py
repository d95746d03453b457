"""The files of the split come back as they were, and keep the test set sealed."""

from pathlib import Path

import pandas as pd
import pytest

from stages.base.errors import UserError
from stages.dataset.split_files import (
    list_class_names,
    read_splits,
    read_test_set,
    without_test,
    write_splits,
    write_test_set,
)

SPLITS = pd.DataFrame(
    {
        "path": ["a.jpg", "b.jpg", "c.jpg", "d.jpg"],
        "label": ["cat", "lynx", "dog", "dog"],
        "split": ["train", "test", "valid", "test"],
        "reason": "",
    }
)


def test_who_reads_the_split_sees_no_test_image(tmp_path: Path) -> None:
    """The file names test images without their labels, and reading it gives the other rows."""
    file = tmp_path / "splits.csv"
    write_splits(file, SPLITS)
    assert file.read_text().splitlines()[2] == "b.jpg,,test,"
    assert "lynx" not in file.read_text()
    assert read_splits(file)["path"].tolist() == ["a.jpg", "c.jpg"]
    assert list_class_names(read_splits(file)) == ["cat", "dog"]
    assert without_test(SPLITS).index.tolist() == [0, 1]


def test_the_labels_of_the_test_are_in_a_file_of_their_own(tmp_path: Path) -> None:
    """test.csv has path and label of the test images alone."""
    write_test_set(tmp_path / "test.csv", SPLITS)
    table = read_test_set(tmp_path / "test.csv")
    assert table["path"].tolist() == ["b.jpg", "d.jpg"]
    assert table["label"].tolist() == ["lynx", "dog"]
    assert table["group"].tolist() == ["", ""]


def test_without_a_test_there_is_nothing_to_read(tmp_path: Path) -> None:
    """A missing file names the stage that makes it, an empty one the param that fills it."""
    with pytest.raises(UserError, match="dvc repro datablock"):
        read_test_set(tmp_path / "test.csv")
    write_test_set(tmp_path / "test.csv", SPLITS.iloc[:1])
    with pytest.raises(UserError, match=r"datablock\.split\.test"):
        read_test_set(tmp_path / "test.csv")


def test_difficult_text_survives_the_file(tmp_path: Path) -> None:
    """Labels and paths such as NA, 007, commas, quotes and line ends come back as they were."""
    labels = ["NA", "007", "nan", "", "1e5", 'a,"b"', "é ", "null", "a\rb"]
    splits = pd.DataFrame(
        {
            "path": [f"{label}/\n.jpg" for label in labels],
            "label": labels,
            "split": "excluded",
            "reason": "near-duplicate of x,y.jpg",
        }
    )
    write_splits(tmp_path / "splits.csv", splits)
    again = read_splits(tmp_path / "splits.csv")
    assert again.to_dict("list") == splits.to_dict("list")


def test_a_missing_file_names_the_stage(tmp_path: Path) -> None:
    """Without the file, the error says what makes it."""
    with pytest.raises(UserError, match="dvc repro datablock"):
        read_splits(tmp_path / "splits.csv")


def test_class_names_are_sorted() -> None:
    """The class names are every label once, sorted as text."""
    assert list_class_names(pd.DataFrame({"label": ["b", "10", "a", "9", "b"]})) == [
        "10",
        "9",
        "a",
        "b",
    ]


def test_folds_come_back(tmp_path: Path) -> None:
    """By folds two more columns stand at the end, and a test image has neither of them."""
    splits = SPLITS.assign(fold=["1", "", "3", ""], twin_folds=["2 3", "", "", ""])
    write_splits(tmp_path / "splits.csv", splits)
    lines = (tmp_path / "splits.csv").read_text().splitlines()
    assert lines[0] == "path,label,split,reason,fold,twin_folds"
    assert lines[1:3] == ["a.jpg,cat,train,,1,2 3", "b.jpg,,test,,,"]
    assert read_splits(tmp_path / "splits.csv").equals(without_test(splits))


def test_the_test_set_has_groups_where_any_is_declared(tmp_path: Path) -> None:
    """The column is there only then; who reads the file finds one always."""
    file = tmp_path / "test.csv"
    test = pd.DataFrame({"path": ["a", "b"], "label": "cat", "split": "test"})
    write_test_set(file, test.assign(group=["anna", ""]))
    assert read_test_set(file)["group"].tolist() == ["anna", ""]
    plain = tmp_path / "plain.csv"
    write_test_set(plain, test.assign(group=""))
    assert plain.read_text().startswith("path,label\n")
    assert read_test_set(plain)["group"].tolist() == ["", ""]
