"""A newer Finetrack in a project that began from it, by the commands of docs/upgrade.md."""

import re
from pathlib import Path

import pytest

from tests.doc_pages import DOCS, ROOT, blocks, commands
from tests.tiny_repo import Repo, copy_of, copy_project

# A walk through docs/upgrade.md with git's own commands.
pytestmark = [pytest.mark.slow, pytest.mark.thorough]
ONCE, WITHOUT_HISTORY, EACH_TIME, *_ = blocks(DOCS / "upgrade.md", "console")
# What the commands of the page do beside git is tested elsewhere, and takes minutes.
ELSEWHERE = ("make ", "source ")


def replace(repo: Repo, name: str, old: str, new: str) -> None:
    """Change a text in a file, which must be there."""
    text = (repo.path / name).read_text("utf-8")
    assert old in text, (name, old)
    (repo.path / name).write_text(text.replace(old, new, 1), "utf-8")


def follow(repo: Repo, block: str, **names: str) -> str:
    """Run the commands of a block, with ADDRESS and the like replaced; return all that they say."""
    said = ""
    for command in commands(block):
        line = re.sub(r"\b[A-Z]{4,}\b", lambda match: names[match[0]], command.line)
        if not line.startswith(ELSEWHERE):
            said += repo.run("bash", "-c", line)
    return said


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return Finetrack as a project began from it, with the results of its sample."""
    repo = copy_project(tmp_path_factory.mktemp("upstream") / "finetrack")
    (repo.path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    for name in ("dvc.lock", "reports/interpret/metrics.json"):
        (repo.path / name).parent.mkdir(parents=True, exist_ok=True)
        (repo.path / name).write_bytes((ROOT / name).read_bytes())
    repo.run("git", "checkout", "-qb", "main")
    repo.commit()
    repo.run("git", "tag", "beginning")
    return repo


@pytest.fixture(scope="module")
def newer(upstream: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return Finetrack with a new param, another description of one, new code and new results."""
    repo = copy_of(upstream, tmp_path_factory.mktemp("newer") / "finetrack")
    model = "stages/forms/export_params.py"
    field = '    half: bool = Field(description="write half of it")\n'
    text = (repo.path / model).read_text("utf-8")
    (repo.path / model).write_text(f"{text.rstrip()}\n{field}", "utf-8")
    text = (repo.path / "params.yaml").read_text("utf-8")
    (repo.path / "params.yaml").write_text(f"{text.rstrip()}\n  half: false # write half of it\n")
    replace(repo, "stages/train/plan.py", "epochs with the backbone training", "epochs of all")
    repo.run("python", "-m", "stages.tools.params")
    replace(repo, "README.md", "# Finetrack", "# Finetrack, newer")
    replace(repo, "CHANGELOG.md", "# Changelog", "# Changelog of what is new")
    for name in ("dvc.lock", "reports/interpret/metrics.json"):
        (repo.path / name).write_text("newer\n", "utf-8")
    repo.commit()
    return repo


def make_own(repo: Repo) -> None:
    """Change what a project changes: params, results, labels, its README."""
    replace(repo, "params.yaml", "  epochs: auto #", "  epochs: 6 #")
    replace(repo, "README.md", "# Finetrack", "# Cups and plates")
    for name in ("dvc.lock", "reports/interpret/metrics.json"):
        (repo.path / name).write_text("own\n", "utf-8")
    with (repo.path / "data" / "corrections.csv").open("a", encoding="utf-8") as file:
        file.write("cup.jpg,,drop,,\n")
    repo.commit()


@pytest.fixture
def own(upstream: Repo, tmp_path: Path) -> Repo:
    """Return a project that is a clone of Finetrack, with work of its own."""
    upstream.run("git", "clone", "-q", str(upstream.path), str(tmp_path / "own"))
    repo = Repo(tmp_path / "own")
    make_own(repo)
    return repo


def check_merged(repo: Repo) -> None:
    """Check that the project has the newer code and params, and all that is its own."""
    params = (repo.path / "params.yaml").read_text("utf-8")
    assert re.search(r"^  epochs: 6 # epochs of all", params, re.MULTILINE)
    assert re.search(r"^  half: false # write half of it", params, re.MULTILINE)
    assert "half: bool" in (repo.path / "stages" / "forms" / "export_params.py").read_text("utf-8")
    for name in ("dvc.lock", "reports/interpret/metrics.json"):
        assert (repo.path / name).read_text("utf-8") == "own\n"
    assert "cup.jpg,,drop" in (repo.path / "data" / "corrections.csv").read_text("utf-8")
    assert (repo.path / "README.md").read_text("utf-8").startswith("# Cups and plates")
    assert (repo.path / "CHANGELOG.md").read_text("utf-8").startswith("# Changelog of what is new")
    assert repo.run("git", "status", "--short") == ""
    assert "Take a newer Finetrack" in repo.run("git", "log", "--merges", "--format=%s", "-1")


def test_a_clone_takes_what_is_newer(own: Repo, newer: Repo) -> None:
    """The commands of the page leave no conflict, and keep what is the project's own."""
    follow(own, ONCE, ADDRESS=str(newer.path))
    follow(own, EACH_TIME)
    check_merged(own)
    assert "in order" in own.run("python", "-m", "stages.tools.check")


def test_a_project_without_the_history_takes_it_too(
    upstream: Repo, newer: Repo, tmp_path: Path
) -> None:
    """Files that were copied get the history by one merge, which changes none of them."""
    repo = copy_of(upstream, tmp_path / "copied")
    for line in ("rm -rf .git", "git init -q", "git checkout -qb main"):
        repo.run("bash", "-c", line)
    repo.commit()
    make_own(repo)
    before = repo.run("git", "rev-parse", "HEAD^{tree}")
    follow(repo, ONCE, ADDRESS=str(newer.path))
    follow(repo, WITHOUT_HISTORY, BEGINNING="beginning")
    assert repo.run("git", "rev-parse", "HEAD^{tree}") == before
    follow(repo, EACH_TIME)
    check_merged(repo)
    assert "in order" in repo.run("python", "-m", "stages.tools.check")


def test_a_deleted_file_is_the_one_conflict(own: Repo, newer: Repo) -> None:
    """A file that the project deleted and Finetrack changed is named, and git rm keeps it away."""
    own.run("git", "rm", "-q", "CHANGELOG.md")
    own.commit()
    follow(own, ONCE, ADDRESS=str(newer.path))
    fetch, merge = (command.line for command in commands(EACH_TIME)[:2])
    own.run("bash", "-c", fetch)
    assert "CHANGELOG.md" in own.run("bash", "-c", merge, code=1)
    assert own.run("git", "diff", "--name-only", "--diff-filter=U").split() == ["CHANGELOG.md"]
    own.run("git", "rm", "-q", "CHANGELOG.md")
    own.run("git", "commit", "-qam", "Take a newer Finetrack")
    assert not (own.path / "CHANGELOG.md").exists()


def test_a_merge_that_is_given_up_leaves_nothing(own: Repo, newer: Repo) -> None:
    """`git merge --abort` brings back every file as it was."""
    follow(own, ONCE, ADDRESS=str(newer.path))
    fetch, merge = (command.line for command in commands(EACH_TIME)[:2])
    own.run("bash", "-c", f"{fetch} && {merge}")
    assert own.run("git", "status", "--short") != ""
    own.run("git", "merge", "--abort")
    assert own.run("git", "status", "--short") == ""
