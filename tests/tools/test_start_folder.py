"""What start finds in a folder: photos by name, and tables in it and beside it."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.tools.start_folder import look_at, read_near

NONE = Path("data/labels.csv")
PHOTOS = [f"{name}/{number}.jpg" for name in ("cat", "dog") for number in range(4)]


def put(folder: Path, *names: str) -> Path:
    """Write empty files with these names below a folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def test_a_bucket_is_listed_and_nothing_of_it_read(tmp_path: Path) -> None:
    """The content behind a URL are the photos by name; a table there is not looked at."""
    folder = put(tmp_path / "photos", *PHOTOS)
    (folder / "labels.csv").write_text("path,label\na,b\n")
    content = look_at(f"file://{folder}", NONE)
    assert content.photos == PHOTOS
    assert content.tables == []
    assert look_at(str(folder), NONE).photos == PHOTOS


def test_tables_with_rows_in_and_beside_the_folder_are_read(tmp_path: Path) -> None:
    """A table with rows is kept, one with a header alone is not, and a broken one is a doubt."""
    folder = put(tmp_path / "photos", *PHOTOS)
    (folder / "in.csv").write_text("path,label\na,b\n")
    (folder / "empty.csv").write_text("path,label\n")
    (folder / "broken.csv").write_bytes(b"path,label\n\xff,1\n")
    (tmp_path / "beside.tsv").write_text("path\tlabel\na\tb\n")
    content = look_at(str(folder), NONE)
    assert [table.file.name for table in content.tables] == ["in.csv", "beside.tsv"]
    assert [doubt.partition(": ")[0] for doubt in content.doubts] == [
        f"{folder / 'broken.csv'}, line 2"
    ]


def test_tables_that_the_stages_write_are_no_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside photos in data lie the splits and groups of the last run, which are not looked at."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "data/photos", *PHOTOS)
    for name in ("splits", "groups", "test", "duplicates", "corrections", "list"):
        (tmp_path / f"data/{name}.csv").write_text("path,label\na,b\n")
    tables = look_at("data/photos", NONE).tables
    assert [table.file for table in tables] == [Path("data/list.csv")]


def test_more_than_ten_tables_are_not_looked_at(tmp_path: Path) -> None:
    """The eleventh table is a doubt that names it."""
    folder = put(tmp_path / "photos", *PHOTOS)
    for number in range(11):
        (folder / f"t{number:02}.csv").write_text("path,label\na,b\n")
    content = look_at(str(folder), NONE)
    assert len(content.tables) == 10
    assert "t10.csv: not looked at, one of more than 10 tables" in content.doubts[0]


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    """Where no file is named as a photo, the error counts the files."""
    with pytest.raises(UserError, match="holds no photo: of 1 files none"):
        look_at(str(put(tmp_path / "photos", "a.txt")), NONE)


def test_a_table_too_large_for_labels_is_not_read(tmp_path: Path) -> None:
    """A table of more than 100 MiB is refused by its size alone."""
    table = tmp_path / "large.csv"
    with table.open("wb") as file:
        file.truncate(100 * 2**20 + 1)
    with pytest.raises(UserError, match="more than 104,857,600 bytes"):
        read_near(table)
    with table.open("wb") as file:
        file.truncate(101)
    with pytest.raises(UserError, match="more than 100 bytes"):
        read_near(table, 100)
