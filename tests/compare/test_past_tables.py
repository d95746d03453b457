"""The lists of images of a past run."""

from pathlib import Path

import pandas as pd
import pytest

from stages.base.files import write_bytes
from stages.compare.past_tables import PastTables, dropped_paths
from tests.compare.example_history import ExampleHistory

IMAGES = b"path,sha256,format\na.jpg,1,JPEG\n"
PATHS = {"images": "data/images.csv"}


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with an empty cache."""
    return ExampleHistory(tmp_path / "repo")


def read(history: ExampleHistory, md5: str) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Read the list of images that has this md5 in dvc.lock."""
    return PastTables(history.root, history.cache, PATHS).read({"data/images.csv": md5})


def test_a_list_comes_from_the_cache(history: ExampleHistory) -> None:
    """The object that dvc.lock names is the list, and nothing is noted."""
    tables, notes = read(history, history.put_in_cache(IMAGES))
    assert tables["images"].to_dict("records") == [
        {"path": "a.jpg", "sha256": "1", "format": "JPEG"}
    ]
    assert notes == []


@pytest.mark.parametrize("in_workspace", [True, False])
def test_a_rotten_object_is_replaced_by_the_workspace(
    history: ExampleHistory, in_workspace: bool
) -> None:
    """Where the cached list is damaged, the same file in the workspace serves; else it is noted."""
    name = history.put_in_cache(IMAGES)
    path = history.cache.file(name)
    assert path is not None
    path.write_bytes(b"")
    if in_workspace:
        write_bytes(history.root / "data/images.csv", IMAGES)
    tables, notes = read(history, name)
    assert ("images" in tables, len(notes)) == (in_workspace, not in_workspace)
    assert all("data/images.csv is left out: " in note for note in notes)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "cannot be read"),
        (b"path,label\na,b\n", "lacks the column sha256, format"),
        (IMAGES + b"a.jpg,2,JPEG\n", "names a.jpg twice"),
    ],
)
def test_what_is_no_list_is_left_out(history: ExampleHistory, content: bytes, words: str) -> None:
    """An object that dvc.lock names but that is no such list is noted with the reason."""
    tables, notes = read(history, history.put_in_cache(content))
    assert tables == {}
    (note,) = notes
    assert note.startswith("data/images.csv is left out: it ")
    assert words in note


def test_a_name_that_is_no_md5_reads_nothing(history: ExampleHistory) -> None:
    """A path in the place of an md5 is noted, and the file that it points at is not opened."""
    write_bytes(history.root / "secret", IMAGES)
    tables, notes = read(history, "xx/../../../../../secret")
    assert tables == {}
    assert "32 hexadecimal digits" in notes[0]


def test_what_is_not_at_hand_is_named(history: ExampleHistory) -> None:
    """A list that the cache lacks is named with what brings it; corrections need not exist."""
    paths = {**PATHS, "corrections": "reports/corrections.csv"}
    past_tables = PastTables(history.root, history.cache, paths)
    _, notes = past_tables.read({"data/images.csv": "0" * 32})
    assert notes == [
        "DVC's cache lacks data/images.csv; dvc fetch --all-commits brings what a remote has"
    ]


def test_a_list_of_two_runs_is_read_once(history: ExampleHistory) -> None:
    """The same object is the same table; another one has its equal paths in common with it."""
    first = {"data/images.csv": history.put_in_cache(IMAGES)}
    second = {"data/images.csv": history.put_in_cache(IMAGES.replace(b"JPEG", b"PNG"))}
    past_tables = PastTables(history.root, history.cache, PATHS)
    tables = [past_tables.read(hashes)[0]["images"] for hashes in (first, first, second)]
    assert tables[0] is tables[1]
    assert tables[2]["format"].tolist() == ["PNG"]
    assert tables[0]["path"][0] is tables[2]["path"][0]


def test_only_the_columns_that_are_compared_stay(history: ExampleHistory) -> None:
    """Of the list of images neither width nor height is in memory."""
    content = b"path,sha256,format,width,height\na.jpg,1,JPEG,2,3\n"
    tables, _ = read(history, history.put_in_cache(content))
    assert list(tables["images"].columns) == ["path", "sha256", "format"]


def test_only_a_correction_in_force_drops() -> None:
    """A drop that does not fit its photo, and any other action, drops nothing."""
    rows = [("a", "Drop ", ""), ("b", "drop", "content changed"), ("c", "keep", "")]
    corrections = pd.DataFrame(rows, columns=["path", "action", "problem"], dtype="str")
    assert dropped_paths(corrections) == {"a"}
    assert dropped_paths(None) == set()
