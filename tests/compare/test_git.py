"""Revisions by name, and their files, without touching the work tree."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.compare.git import WORKSPACE, GitHistory
from tests.compare.example_history import Past


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Return a repository with two commits, and something uncommitted."""
    past = Past(tmp_path / "repo")
    for number in (1, 2):
        (past.root / "note.txt").write_text(f"note {number}\n")
        past.commit(f"v{number}")
    (past.root / "note.txt").write_text("note 3\n")
    return past


def experiment(past: Past, name: str, commit: str, base: str = "ab/cdef") -> None:
    """Make a ref as DVC makes it for an experiment."""
    past.git("update-ref", f"refs/exps/{base}/{name}", past.git("rev-parse", commit).strip())


def test_files_of_every_revision_are_read(past: Past) -> None:
    """A tag, a branch, a relative name and the workspace each give their own content."""
    history = GitHistory(past.root)
    for name, text in (("v1", "1"), ("main", "2"), ("main~1", "1"), (WORKSPACE, "3")):
        (revision,) = history.resolve(name)
        assert history.read(revision, "note.txt") == f"note {text}\n".encode()
        assert history.read(revision, "nothing.txt") is None
    assert past.git("status", "--short") == " M note.txt\n"


def test_a_project_may_lie_in_a_folder_of_the_repository(past: Past) -> None:
    """Paths are relative to the project, wherever git's root is."""
    folder = past.root / "project"
    folder.mkdir()
    (folder / "note.txt").write_text("inner\n")
    past.commit("inner")
    history = GitHistory(folder)
    (revision,) = history.resolve("HEAD")
    assert history.read(revision, "note.txt") == b"inner\n"
    assert (history.top / history.prefix).resolve() == folder.resolve()


def test_experiments_are_found_by_name_and_by_pattern(past: Past) -> None:
    """An experiment's name stands for its commit, and a pattern for all that match, sorted."""
    for name, commit in (("seed-2", "v2"), ("seed-1", "v1"), ("other", "v1")):
        experiment(past, name, commit)
    past.git("update-ref", "refs/exps/stash", "HEAD")  # DVC's own, no experiment
    past.git("update-ref", "refs/exps/celery/stash", "HEAD")
    history = GitHistory(past.root)
    assert [one.name for one in history.resolve("seed-*")] == ["seed-1", "seed-2"]
    (other,) = history.resolve("other")
    assert other.commit == past.git("rev-parse", "v1").strip()
    assert other.short == other.commit[:10]
    with pytest.raises(UserError, match="stash is neither"):
        history.resolve("stash")


@pytest.mark.parametrize("name", ["v3", "--all", "", "no such thing", "HEAD:note.txt"])
def test_an_unknown_name_is_one_line(past: Past, name) -> None:
    """What is no revision is refused in one line that says how to find one."""
    with pytest.raises(UserError, match="neither a git revision nor a DVC experiment") as told:
        GitHistory(past.root).resolve(name)
    assert "\n" not in str(told.value)


def test_an_experiment_that_is_there_twice_is_refused(past: Past) -> None:
    """The same name on two commits could mean either, so neither is taken."""
    experiment(past, "mine", "v1")
    experiment(past, "mine", "v2", base="cd/ef01")
    with pytest.raises(UserError, match="several experiments called mine"):
        GitHistory(past.root).resolve("mine")


def test_a_repository_of_somebody_else_is_one_line(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where git refuses a folder because another user owns it, the message says what allows it."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UserError, match=r"git refuses.*safe\.directory"):
        GitHistory(past.root)


def test_outside_of_a_repository_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without git there is no history, and the message says how to begin one."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(UserError, match=r"no git repository.*git init"):
        GitHistory(tmp_path)


def test_a_machine_without_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not installed, the message says that, not what Python thinks."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="git is not installed"):
        GitHistory(tmp_path)
