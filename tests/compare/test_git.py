"""Revisions by name, and their files, without touching the work tree."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.compare.git import WORKSPACE, GitHistory
from tests.compare.example_history import ExampleHistory


@pytest.fixture
def example(tmp_path: Path) -> ExampleHistory:
    """Return a repository with two commits, and something uncommitted."""
    example = ExampleHistory(tmp_path / "repo")
    for number in (1, 2):
        (example.root / "note.txt").write_text(f"note {number}\n")
        example.commit(f"v{number}")
    (example.root / "note.txt").write_text("note 3\n")
    return example


def add_experiment(example: ExampleHistory, name: str, commit: str, base: str = "ab/cdef") -> None:
    """Add a ref as DVC writes it for an experiment."""
    ref = f"refs/exps/{base}/{name}"
    example.git("update-ref", ref, example.git("rev-parse", commit).strip())


def test_files_of_every_revision_are_read(example: ExampleHistory) -> None:
    """A tag, a branch, a relative name and the workspace each give their own content."""
    history = GitHistory(example.root)
    for name, text in (("v1", "1"), ("main", "2"), ("main~1", "1"), (WORKSPACE, "3")):
        (revision,) = history.resolve(name)
        assert history.read(revision, "note.txt") == f"note {text}\n".encode()
        assert history.read(revision, "nothing.txt") is None
    assert example.git("status", "--short") == " M note.txt\n"


def test_a_symbolic_link_is_not_followed(example: ExampleHistory) -> None:
    """A link in a commit is refused by its name and revision; a folder is no file."""
    (example.root / "link.csv").symlink_to("/etc/passwd")
    (example.root / "folder").mkdir()
    (example.root / "folder/inner.txt").write_text("inner\n")
    example.commit("linked")
    history = GitHistory(example.root)
    (revision,) = history.resolve("linked")
    with pytest.raises(UserError, match=r"link\.csv of linked is a symbolic link"):
        history.read(revision, "link.csv")
    assert history.read(revision, "folder") is None
    assert history.read(revision, "folder/inner.txt") == b"inner\n"


def test_every_version_of_a_file_comes_once(example: ExampleHistory) -> None:
    """Contents on branches, in merges and in experiments count, the same content only once."""
    example.git("stash", "-q")
    example.git("switch", "-qc", "side", "v1")
    for text in ("side", "note 2"):
        (example.root / "note.txt").write_text(f"{text}\n")
        example.commit(text.replace(" ", "-"))
    example.git("switch", "-q", "main")
    example.git("merge", "-q", "--no-commit", "-s", "ours", "side")
    (example.root / "note.txt").write_text("merged\n")
    example.commit("merged")
    (example.root / "note.txt").write_text("tried\n")
    example.commit("tried")
    add_experiment(example, "mine", "tried")
    example.git("tag", "-d", "tried")
    example.git("reset", "-q", "--hard", "merged")
    versions = dict(GitHistory(example.root).versions("note.txt"))
    texts = {content.decode().strip() for content in versions.values()}
    assert texts == {"note 1", "note 2", "note 3", "side", "merged", "tried"}
    assert versions["mine"] == b"tried\n"
    assert versions["merged"] == b"merged\n"
    assert next(iter(versions.values())) == b"note 1\n"
    assert list(GitHistory(example.root).versions("nothing.txt")) == []


def test_a_version_has_the_name_of_a_tag_where_there_is_one(example: ExampleHistory) -> None:
    """That of its commit, or else one that has the content later; without any, the commit."""
    (example.root / "note.txt").write_text("new\n")
    example.commit("new")
    (example.root / "other.txt").write_text("the same note\n")
    example.commit("later")
    example.git("tag", "-am", "with a message", "later-too", "later")
    name = example.git("rev-parse", "new")[:10]
    history = GitHistory(example.root)
    assert dict(history.versions("note.txt"))["new"] == b"new\n"
    example.git("tag", "-d", "new")
    names = dict(history.versions("note.txt")).keys()
    assert names & {"later", "later-too"}
    example.git("tag", "-d", "later", "later-too")
    assert dict(history.versions("note.txt"))[name] == b"new\n"


@pytest.mark.parametrize("name", ["a b", "-n", "*.txt", ":(top)note.txt", "naïve", 'quo"te'])
def test_the_name_of_a_file_is_only_a_name(example: ExampleHistory, name: str) -> None:
    """Dashes, stars and git's own signs in a name stand for themselves."""
    history = GitHistory(example.root)
    (before,) = history.resolve("v1")
    assert history.read(before, name) is None
    (example.root / name).write_text("strange\n")
    example.commit("strange")
    assert [content for _, content in history.versions(name)] == [b"strange\n"]
    (revision,) = history.resolve("strange")
    assert history.read(revision, name) == b"strange\n"


def test_a_project_may_lie_in_a_folder_of_the_repository(example: ExampleHistory) -> None:
    """Paths are relative to the project, wherever git's root is."""
    folder = example.root / "project"
    folder.mkdir()
    (folder / "note.txt").write_text("inner\n")
    example.commit("inner")
    history = GitHistory(folder)
    (revision,) = history.resolve("HEAD")
    assert history.read(revision, "note.txt") == b"inner\n"
    assert (history.top / history.prefix).resolve() == folder.resolve()


def test_experiments_are_found_by_name_and_by_pattern(example: ExampleHistory) -> None:
    """An experiment's name stands for its commit, and a pattern for all that match, sorted."""
    for name, commit in (("seed-2", "v2"), ("seed-1", "v1"), ("other", "v1")):
        add_experiment(example, name, commit)
    example.git("update-ref", "refs/exps/stash", "HEAD")  # DVC's own, no experiment
    example.git("update-ref", "refs/exps/celery/stash", "HEAD")
    history = GitHistory(example.root)
    assert [revision.name for revision in history.resolve("seed-*")] == ["seed-1", "seed-2"]
    (other,) = history.resolve("other")
    assert other.commit == example.git("rev-parse", "v1").strip()
    assert other.short == other.commit[:10]
    with pytest.raises(UserError, match="stash is neither"):
        history.resolve("stash")


def test_the_workspace_has_no_commit(example: ExampleHistory) -> None:
    """The workspace is a revision without a commit to show."""
    (workspace,) = GitHistory(example.root).resolve(WORKSPACE)
    assert (workspace.commit, workspace.short) == ("", "")


@pytest.mark.parametrize(
    "name", ["v3", "--all", "-n", "--output=x", "", "no such thing", "HEAD:note.txt"]
)
def test_an_unknown_name_is_one_line(example: ExampleHistory, name: str) -> None:
    """What is no revision is refused in one line that says how to find one."""
    with pytest.raises(UserError, match="neither a git revision nor a DVC experiment") as error:
        GitHistory(example.root).resolve(name)
    assert "\n" not in str(error.value)


def test_an_experiment_of_two_commits_is_refused(example: ExampleHistory) -> None:
    """The same name on two commits could mean either, so neither is taken."""
    add_experiment(example, "mine", "v1")
    add_experiment(example, "mine", "v2", base="cd/ef01")
    with pytest.raises(UserError, match="several experiments called mine"):
        GitHistory(example.root).resolve("mine")


def test_a_repository_of_somebody_else_is_one_line(
    example: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where git refuses a folder because another user owns it, the message says what allows it."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UserError, match=r"git refuses.*safe\.directory"):
        GitHistory(example.root)


def test_outside_of_a_repository_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without git there is no history, and the message says how to begin one."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    with pytest.raises(UserError, match=r"no git repository.*git init"):
        GitHistory(tmp_path)


def test_a_machine_without_git_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not installed, the message says that, and is no error of Python's."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="git is not installed"):
        GitHistory(tmp_path)
