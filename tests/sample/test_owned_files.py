"""A folder keeps what is the user's, whatever is written and removed around it."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base.errors import UserError
from stages.sample.owned_files import OWNED_LIST, update_owned_files


def source(folder: Path, **contents: str) -> dict[str, Path]:
    """Write files with these contents; return their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (folder / name).write_text(text)
    return {name: folder / name for name in contents}


def contents_of(folder: Path) -> dict[str, str]:
    """Return the contents of a folder by name, without the list of owned files."""
    return {path.name: path.read_text() for path in folder.iterdir() if path.name != OWNED_LIST}


def test_nothing_wanted_is_an_empty_folder(tmp_path: Path) -> None:
    """With nothing wanted, the folder exists and has only its list."""
    assert update_owned_files(tmp_path / "sample", {}) == (0, [])
    assert [path.name for path in (tmp_path / "sample").iterdir()] == [OWNED_LIST]


def test_a_second_call_writes_nothing(tmp_path: Path) -> None:
    """Files that are there already are neither counted nor touched, and the list is the same."""
    folder = tmp_path / "sample"
    wanted = source(tmp_path / "new", a="1", b="2")
    assert update_owned_files(folder, wanted) == (2, [])
    before = {path: path.stat().st_mtime_ns for path in folder.glob("[ab]")}
    listed = (folder / OWNED_LIST).read_bytes()
    assert update_owned_files(folder, wanted) == (0, [])
    assert {path: path.stat().st_mtime_ns for path in folder.glob("[ab]")} == before
    assert (folder / OWNED_LIST).read_bytes() == listed


def test_what_is_no_longer_wanted_goes_and_what_changed_is_replaced(tmp_path: Path) -> None:
    """Our own files follow what is wanted."""
    folder = tmp_path / "sample"
    update_owned_files(folder, source(tmp_path / "old", a="1", b="2", c="3"))
    assert update_owned_files(folder, source(tmp_path / "new", b="2", c="new", d="4")) == (2, [])
    assert contents_of(folder) == {"b": "2", "c": "new", "d": "4"}
    assert list(json.loads((folder / OWNED_LIST).read_text())) == ["b", "c", "d"]


def test_a_deleted_file_comes_back(tmp_path: Path) -> None:
    """A wanted file that the user removed is written again."""
    folder = tmp_path / "sample"
    wanted = source(tmp_path / "new", a="1", b="2")
    update_owned_files(folder, wanted)
    (folder / "a").unlink()
    assert update_owned_files(folder, wanted) == (1, [])
    assert contents_of(folder) == {"a": "1", "b": "2"}


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    """What the user added or changed survives, and a changed file under a wanted name is named."""
    folder = tmp_path / "sample"
    update_owned_files(folder, source(tmp_path / "old", a="1", b="2"))
    source(folder, mine="photo", a="edited", b="edited")
    assert update_owned_files(folder, source(tmp_path / "new", a="new")) == (0, ["a"])
    assert contents_of(folder) == {"mine": "photo", "a": "edited", "b": "edited"}
    assert update_owned_files(folder, {}) == (0, [])
    assert contents_of(folder) == {"mine": "photo", "a": "edited", "b": "edited"}


def test_after_a_kill_between_list_and_files_all_is_repaired(tmp_path: Path) -> None:
    """Files that an interrupted call did not reach are written by the next, old ones replaced."""
    folder = tmp_path / "sample"
    wanted = source(tmp_path / "new", a="1", b="2")
    update_owned_files(folder, wanted)
    (folder / "b").unlink()
    assert update_owned_files(folder, source(tmp_path / "new", b="2", c="3")) == (2, [])
    assert contents_of(folder) == {"b": "2", "c": "3"}


def test_a_lost_list_makes_everything_the_user_s(tmp_path: Path) -> None:
    """Without the list nothing is removed or replaced; equal files count as owned again."""
    folder = tmp_path / "sample"
    wanted = source(tmp_path / "new", a="1")
    update_owned_files(folder, source(tmp_path / "old", a="1", b="2"))
    (folder / OWNED_LIST).unlink()
    assert update_owned_files(folder, wanted) == (0, [])
    assert contents_of(folder) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"a"'])
def test_a_damaged_list_is_one_clear_line(tmp_path: Path, text: str) -> None:
    """A list that cannot be read stops the call, by name and with the remedy."""
    (tmp_path / OWNED_LIST).write_text(text)
    with pytest.raises(UserError, match=r"\.made\.json is damaged; delete it"):
        update_owned_files(tmp_path, {})


def test_a_list_that_points_outside_reaches_nothing(tmp_path: Path) -> None:
    """An entry with a folder in its name never removes a file elsewhere."""
    folder = tmp_path / "sample"
    update_owned_files(folder, source(tmp_path / "new", a="1"))
    (tmp_path / "outside").write_text("1")
    entry = json.loads((folder / OWNED_LIST).read_text())["a"]
    (folder / OWNED_LIST).write_text(json.dumps({"../outside": entry}))
    update_owned_files(folder, {})
    assert (tmp_path / "outside").read_text() == "1"


FILES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2"]))
EDITS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["user", "edited"]))


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.lists(st.tuples(FILES, EDITS), max_size=4))
def test_no_history_loses_a_file_of_the_user(
    history: list[tuple[dict[str, str], dict[str, str]]],
) -> None:
    """After any calls and edits, edited files have the user's bytes, the others the wanted."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, "sample")
        edited: dict[str, str] = {}
        for step, (contents, edits) in enumerate(history):
            update_owned_files(folder, source(Path(scratch, f"new{step}"), **contents))
            assert contents_of(folder) == {**contents, **edited}
            source(folder, **edits)
            edited |= edits
