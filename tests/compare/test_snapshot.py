"""One revision, with a note for each thing that it lacks or that does not fit."""

import shutil
from pathlib import Path

import pytest

from stages.base.files import write_bytes
from stages.compare.snapshot import read_outcomes
from tests.compare.example_history import OUTCOMES, Past, csv, outcomes

ROWS = [("a.jpg", "cat", "cat"), ("b.jpg", "dog", "cat")]
PHOTOS = {"a.jpg": ("1", "cat", "valid"), "b.jpg": ("2", "dog", "valid")}


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Return a repository with one complete run, committed as v1."""
    past = Past(tmp_path / "repo")
    past.run(outcomes(ROWS), PHOTOS)
    past.commit("v1")
    return past


@pytest.mark.parametrize("name", ["v1", "workspace"])
def test_a_complete_run_has_no_notes(past: Past, name) -> None:
    """Outcomes by path, dvc.lock and all four lists, and nothing to say."""
    side = past.snapshot(name)
    assert side.notes == ()
    assert side.outcomes["predicted"].to_dict() == {"a.jpg": "cat", "b.jpg": "cat"}
    assert side.tables.keys() == {"images", "labels", "splits", "rejected"}
    assert side.lock["fine_tune"].params["fine_tune.epochs"] == 4


def test_lists_come_from_the_workspace_where_they_are_the_same(past: Past) -> None:
    """Without the cache a list in the workspace serves, if it is the one that dvc.lock names."""
    shutil.rmtree(past.root / ".dvc")
    images = b"path,sha256,format\na.jpg,1,JPEG\nb.jpg,2,JPEG\n"
    write_bytes(past.root / "data/manifest/images.csv", images)
    write_bytes(past.root / "data/splits.csv", b"path,label,split\n")
    side = past.snapshot("v1")
    assert side.tables.keys() == {"images"}
    assert "lacks data/manifest/labels.csv, data/splits.csv" in side.notes[0]
    assert "dvc fetch --all-commits" in side.notes[0]


def test_a_revision_from_before_everything_says_so(past: Past) -> None:
    """Without dvc.lock and outcomes there is nothing to compare, and both are named."""
    (past.root / "dvc.lock").unlink()
    (past.root / OUTCOMES).unlink()
    past.commit("v0")
    side = past.snapshot("v0")
    assert (side.lock, side.outcomes) == (None, None)
    assert any("no dvc.lock" in note for note in side.notes)
    assert any(f"{OUTCOMES} is missing" in note for note in side.notes)


def test_results_of_another_run_are_noticed(past: Past) -> None:
    """Outcomes that dvc.lock does not describe, as a bad merge leaves them, are told."""
    write_bytes(past.root / OUTCOMES, csv(outcomes([("a.jpg", "cat", "dog")])))
    past.commit("merged")
    assert "of different runs" in past.snapshot("merged").notes[0]


def test_params_that_did_not_run_are_noticed(past: Past) -> None:
    """A changed params.yaml without a run since is told by its keys, broken YAML by the file."""
    (past.root / "params.yaml").write_text("seed: 42\nfine_tune:\n  epochs: 9\nnew: 1\n")
    (note,) = past.snapshot("workspace").notes
    assert "from before fine_tune.epochs changed in params.yaml" in note
    (past.root / "params.yaml").write_text("a: [")
    assert past.snapshot("workspace").notes == ("workspace: params.yaml cannot be read",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "is missing there"),
        (b"", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"path,actual\na,b\n", "lacks the column predicted"),
    ],
)
def test_outcomes_that_cannot_serve(content, words) -> None:
    """Missing, empty, broken or incomplete outcomes are None, with the reason."""
    table, problem = read_outcomes(content)
    assert table is None
    assert words in problem


def test_outcomes_from_before_a_column() -> None:
    """The first columns are enough to compare errors; the others are named as missing."""
    table, problem = read_outcomes(b"path,actual,predicted,loss\nNA,007,007,0.5\n")
    assert "p_predicted" in problem
    assert table.loc["NA", "actual"] == "007"
    assert table.loc["NA", "loss"] == 0.5
