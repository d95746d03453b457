"""One revision, with a note for each thing that it lacks or that does not fit."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.files import write_bytes, write_text
from stages.compare.dvc_lock import output_hashes
from stages.compare.snapshot import read_snapshots
from stages.tools.project_files import PROJECT_FILES
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
    """Outcomes by path, dvc.lock and all lists are there but that of groups, without a note."""
    snapshot = history.snapshot(name)
    assert snapshot.notes == ()
    assert snapshot.outcomes is not None
    assert snapshot.outcomes["predicted"].to_dict() == {"a.jpg": "cat", "b.jpg": "cat"}
    assert snapshot.tables.keys() == set(PROJECT_FILES.tables) - {"groups"}
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
    (note,) = history.snapshot("workspace").notes
    assert note.startswith("params.yaml of workspace is not valid YAML: line 1")


def test_photos_that_are_not_those_of_the_commit_are_noted(history: ExampleHistory) -> None:
    """A run on photos that the .dvc file beside them does not name cannot be made again from it."""
    file = history.root / "data" / "photos.dvc"
    lock = history.snapshot("v1").lock
    assert lock is not None
    read = lock["ingest"].data["data/photos"]
    form = "outs:\n- md5: {}\n  hash: md5\n  path: photos\n"
    write_text(file, form.format(read))
    assert history.snapshot("workspace").notes == ()
    write_text(file, form.format(f"{'b' * 32}.dir"))
    history.commit("v2")
    what = "the run read another data/photos than data/photos.dvc names"
    (note,) = history.snapshot("workspace").notes
    assert note.startswith(f"workspace: {what}; dvc repro runs on what is here, and dvc add ")
    (note,) = history.snapshot("v2").notes
    assert note == f"v2: {what}, so dvc checkout does not bring what it read"
    write_text(file, "outs: 1\n")
    (note,) = history.snapshot("workspace").notes
    assert note.startswith("data/photos.dvc of workspace: outs: ")


def test_what_is_damaged_is_left_out_and_named(history: ExampleHistory) -> None:
    """A rotten list, a lock of another shape, damaged params and a link each cost only their part.

    The outcomes stay, each note names its file and revision.
    """
    splits = PROJECT_FILES.tables["splits"]
    lock = history.snapshot("v1").lock
    assert lock is not None
    rotten = history.cache.file(output_hashes(lock)[splits])
    assert rotten is not None
    rotten.write_bytes(b"")
    (history.root / "params.yaml").write_text("a: [")
    history.commit("rotten")
    snapshot = history.snapshot("rotten")
    assert snapshot.tables.keys() == {"images", "labels", "rejected", "corrections"}
    params_note, splits_note = snapshot.notes
    assert params_note.startswith("params.yaml of rotten is not valid YAML: line 1")
    assert splits_note.startswith(f"rotten: {splits} is left out: ")
    (history.root / "dvc.lock").write_text("stages: {fine_tune: {params: [1]}}")
    history.commit("listed")
    snapshot = history.snapshot("listed")
    assert (snapshot.lock, snapshot.tables) == (None, {})
    (note,) = snapshot.notes
    assert note.startswith("dvc.lock of listed is damaged: stages.fine_tune.params: ")
    (history.root / "dvc.lock").unlink()
    (history.root / "dvc.lock").symlink_to("/etc/passwd")
    history.commit("linked")
    snapshot = history.snapshot("linked")
    assert snapshot.notes[0].startswith("dvc.lock of linked is a symbolic link")
    assert snapshot.outcomes is not None


def test_linked_outcomes_are_none(history: ExampleHistory) -> None:
    """Outcomes that are a symbolic link in a commit are not read, and a note names them."""
    (history.root / OUTCOMES).unlink()
    (history.root / OUTCOMES).symlink_to("/etc/passwd")
    history.commit("linked")
    snapshot = history.snapshot("linked")
    assert snapshot.outcomes is None
    assert snapshot.notes == (
        f"{OUTCOMES} of linked is a symbolic link, which is not followed; commit the file itself",
    )


def read_names(history: ExampleHistory, names: Sequence[str]) -> list[str]:
    """Return the names of the revisions that some names stand for."""
    snapshots = read_snapshots(history.root, names, history.cache, PROJECT_FILES)
    return [snapshot.name for snapshot in snapshots]


def test_revisions_come_once_each_and_the_base_first(history: ExampleHistory) -> None:
    """A pattern gives all its experiments, and a revision named twice is read once."""
    for number in (2, 1):
        history.commit(f"commit-{number}")
        history.git("update-ref", f"refs/exps/ab/cdef/seed-{number}", "HEAD")
    names = read_names(history, ["v1", "seed-*", "v1", "seed-2"])
    assert names == ["v1", "seed-1", "seed-2"]


def test_a_commit_under_several_names_is_one_revision(history: ExampleHistory) -> None:
    """A commit named by HEAD, its hash and a tag is read once; the workspace is its own."""
    history.commit("v2")
    sha = history.git("rev-parse", "HEAD").strip()
    names = read_names(history, ["v1", "HEAD", sha, "v2", sha[:8], "workspace", "v1"])
    assert names == ["v1", "HEAD", "workspace"]
    with pytest.raises(UserError, match="nothing to compare HEAD with"):
        read_names(history, ["HEAD", sha])


def test_the_base_is_one_revision(history: ExampleHistory) -> None:
    """A pattern of several experiments cannot be the base, and nothing is compared with itself."""
    for number in (1, 2):
        history.git("update-ref", f"refs/exps/ab/cdef/seed-{number}", "HEAD")
    with pytest.raises(UserError, match="stands for 2 experiments; the base must be one"):
        read_names(history, ["seed-*", "v1"])
    with pytest.raises(UserError, match="nothing to compare v1 with"):
        read_names(history, ["v1", "v1"])
