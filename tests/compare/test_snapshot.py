"""One revision, with a note for each thing that it lacks or that does not fit."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.files import write_bytes
from stages.compare.snapshot import read_outcomes, read_snapshots
from stages.tools.compare import PROJECT_FILES
from tests.compare.example_history import OUTCOMES, ExampleHistory, csv_bytes, outcomes_table

ROWS = [("a.jpg", "cat", "cat"), ("b.jpg", "dog", "cat")]
PHOTOS = {"a.jpg": ("1", "cat", "valid"), "b.jpg": ("2", "dog", "valid")}


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with one complete run, committed as v1."""
    history = ExampleHistory(tmp_path / "repo")
    history.write_run(outcomes_table(ROWS), PHOTOS)
    history.commit("v1")
    return history


@pytest.mark.parametrize("name", ["v1", "workspace"])
def test_a_complete_run_has_no_notes(history: ExampleHistory, name: str) -> None:
    """Outcomes by path, dvc.lock and all four lists are there, and nothing is noted."""
    snapshot = history.snapshot(name)
    assert snapshot.notes == ()
    assert snapshot.outcomes is not None
    assert snapshot.outcomes["predicted"].to_dict() == {"a.jpg": "cat", "b.jpg": "cat"}
    assert snapshot.tables.keys() == {"images", "labels", "splits", "rejected"}
    assert snapshot.lock is not None
    assert snapshot.lock["fine_tune"].params["fine_tune.epochs"] == 4


def test_lists_come_from_the_workspace_where_they_are_the_same(history: ExampleHistory) -> None:
    """Without the cache a list in the workspace serves, if it is the one that dvc.lock names."""
    shutil.rmtree(history.root / ".dvc")
    images = b"path,sha256,format\na.jpg,1,JPEG\nb.jpg,2,JPEG\n"
    write_bytes(history.root / "data/manifest/images.csv", images)
    write_bytes(history.root / "data/splits.csv", b"path,label,split\n")
    snapshot = history.snapshot("v1")
    assert snapshot.tables.keys() == {"images"}
    assert "lacks data/manifest/labels.csv, data/splits.csv" in snapshot.notes[0]
    assert "dvc fetch --all-commits" in snapshot.notes[0]


def test_a_revision_from_before_the_first_run_says_so(history: ExampleHistory) -> None:
    """Without dvc.lock and outcomes there is nothing to compare, and both are named."""
    (history.root / "dvc.lock").unlink()
    (history.root / OUTCOMES).unlink()
    history.commit("v0")
    snapshot = history.snapshot("v0")
    assert (snapshot.lock, snapshot.outcomes) == (None, None)
    assert any("no dvc.lock" in note for note in snapshot.notes)
    assert any(f"{OUTCOMES} is missing" in note for note in snapshot.notes)


def test_results_of_another_run_are_noted(history: ExampleHistory) -> None:
    """Outcomes that dvc.lock does not describe, as a bad merge leaves them, are noted."""
    other = outcomes_table([("a.jpg", "cat", "dog")])
    write_bytes(history.root / OUTCOMES, csv_bytes(other))
    history.commit("merged")
    assert "of different runs" in history.snapshot("merged").notes[0]


def test_params_that_did_not_run_are_noted(history: ExampleHistory) -> None:
    """A changed params.yaml without a run since is noted by its keys, broken YAML by the file."""
    (history.root / "params.yaml").write_text("seed: 42\nfine_tune:\n  epochs: 9\nnew: 1\n")
    (note,) = history.snapshot("workspace").notes
    assert "from before fine_tune.epochs changed in params.yaml" in note
    (history.root / "params.yaml").write_text("a: [")
    assert history.snapshot("workspace").notes == ("workspace: params.yaml cannot be read",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is missing there"),
        (b"", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"path,actual\na,b\n", "lacks the column predicted"),
    ],
)
def test_outcomes_that_cannot_serve(content: bytes | None, words: str) -> None:
    """Missing, empty, broken or incomplete outcomes are None, with the reason."""
    table, problem = read_outcomes(content)
    assert table is None
    assert words in problem


def test_outcomes_from_before_a_column() -> None:
    """The first columns are enough to compare errors; the others are named as missing."""
    table, problem = read_outcomes(b"path,actual,predicted,loss\nNA,007,007,0.5\n")
    assert "p_predicted" in problem
    assert table is not None
    assert table.loc["NA", "actual"] == "007"
    assert table.loc["NA", "loss"] == 0.5


def test_a_path_counts_once() -> None:
    """Of two rows with the same path the first counts, and rows stand sorted by path."""
    content = b"path,actual,predicted,p_predicted,loss\nb,x,x,1,0\na,x,y,1,0\nb,x,y,1,0\n"
    table, problem = read_outcomes(content)
    assert problem == ""
    assert table is not None
    assert table["predicted"].to_dict() == {"a": "y", "b": "x"}


def read_names(history: ExampleHistory, names: Sequence[str]) -> list[str]:
    """Return the names of the revisions that some names stand for."""
    snapshots = read_snapshots(history.root, names, history.cache, PROJECT_FILES)
    return [snapshot.name for snapshot in snapshots]


def test_revisions_come_once_each_and_the_base_first(history: ExampleHistory) -> None:
    """A pattern gives all its experiments, and a revision named twice is read once."""
    for number in (2, 1):
        history.git("update-ref", f"refs/exps/ab/cdef/seed-{number}", "HEAD")
    names = read_names(history, ["v1", "seed-*", "v1", "seed-2"])
    assert names == ["v1", "seed-1", "seed-2"]


def test_the_base_is_one_revision(history: ExampleHistory) -> None:
    """A pattern of several experiments cannot be the base, and nothing is compared with itself."""
    for number in (1, 2):
        history.git("update-ref", f"refs/exps/ab/cdef/seed-{number}", "HEAD")
    with pytest.raises(UserError, match="stands for 2 experiments; the base must be one"):
        read_names(history, ["seed-*", "v1"])
    with pytest.raises(UserError, match="nothing to compare v1 with"):
        read_names(history, ["v1", "v1"])
