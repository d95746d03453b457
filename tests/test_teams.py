"""Several people and one remote: what has run once is not run again, and merges are real runs."""

import re
from pathlib import Path

import pytest

from tests.tiny_repo import Repo, copy_of, hashes, ran

pytestmark = pytest.mark.slow
# As the README has it.
SETTLE = "dvc repro && git add -A && git commit -m 'Merge'"


@pytest.fixture
def shared(built: Repo, tmp_path: Path) -> Repo:
    """Return a copy of the built project whose results are in a remote: a folder."""
    repo = copy_of(built, tmp_path / "shared")
    repo.run("dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "remote"))
    repo.commit()
    repo.run("dvc", "push", "-q")
    return repo


@pytest.fixture(scope="module")
def branches(longer: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return a copy of the built project with two branches from it, each with a run of its own."""
    repo = copy_of(longer, tmp_path_factory.mktemp("branches") / "repo")
    repo.run("git", "switch", "-qc", "longer")
    repo.commit()
    repo.run("git", "switch", "-qc", "shorter", "master")
    repo.run("dvc", "checkout", "-q")
    repo.change({"interpret.top_losses": 3})
    repo.repro()
    repo.commit()
    repo.run("git", "switch", "-q", "longer")
    repo.run("dvc", "checkout", "-q")
    return repo


def test_a_clone_pulls_what_others_have_run(shared: Repo, tmp_path: Path) -> None:
    """In a clone elsewhere, dvc pull brings photos and results, and dvc repro does nothing."""
    shared.run("git", "clone", "-q", ".", str(tmp_path / "elsewhere" / "clone"))
    clone = Repo(tmp_path / "elsewhere" / "clone")
    clone.run("dvc", "pull", "-q")
    assert clone.repro() == set()
    for name in ("data/photos", "data/model", "reports"):
        assert hashes(clone.path / name) == hashes(shared.path / name)
    assert clone.run("git", "status", "--short") == ""


@pytest.mark.thorough  # tests/compare/test_dvc_cache.py watches it
def test_a_clone_compares_what_it_has_not_pulled(shared: Repo, tmp_path: Path) -> None:
    """Results in git are enough for a verdict; what the cache lacks is named, with the remedy."""
    shared.run("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    output = clone.run("python", "-m", "stages.tools.compare", "HEAD~1", "HEAD")
    assert "cannot tell" in output
    assert "dvc fetch --all-commits" in output
    clone.run("dvc", "pull", "-q")
    assert "dvc fetch" not in clone.run("python", "-m", "stages.tools.compare", "HEAD~1", "HEAD")


@pytest.mark.thorough  # a walk through docs/teams.md
def test_a_merge_is_settled_by_one_command(branches: Repo, tmp_path: Path) -> None:
    """Git never mixes two dvc.lock; dvc repro runs just what the combination still lacks."""
    repo = copy_of(branches, tmp_path / "repo")
    ours = (repo.path / "dvc.lock").read_bytes()
    assert "CONFLICT" in repo.run("git", "merge", "shorter", code=1)
    assert (repo.path / "dvc.lock").read_bytes() == ours
    merged = (repo.path / "params.yaml").read_text()
    assert re.search(r"epochs: 2\b", merged)
    assert re.search(r"top_losses: 3\b", merged)
    assert ran(repo.run("sh", "-c", SETTLE)) == {"interpret"}
    assert len(repo.table("reports/interpret/top_losses.csv")) == 3
    assert repo.repro() == set()
    assert repo.run("git", "status", "--short") == ""
    assert "Merge" in repo.run("git", "log", "--merges", "--format=%s", "-1")


@pytest.mark.thorough  # DVC's own run cache
def test_a_combination_that_ran_is_not_run_again(branches: Repo, tmp_path: Path) -> None:
    """If somebody ran what a merge asks for, settling it restores that, and no stage runs."""
    repo = copy_of(branches, tmp_path / "repo")
    repo.change({"interpret.top_losses": 3})
    assert repo.repro() == {"interpret"}
    page = hashes(repo.path / "reports")
    repo.run("git", "checkout", "-qf", "longer")
    repo.run("dvc", "checkout", "-q", "-f")
    repo.run("git", "merge", "shorter", code=1)
    assert ran(repo.run("sh", "-c", SETTLE)) == set()
    assert hashes(repo.path / "reports") == page


def test_a_merge_that_is_not_settled_is_noted(branches: Repo, tmp_path: Path) -> None:
    """When a merge keeps one side's results, comparing says that they are not of these params."""
    repo = copy_of(branches, tmp_path / "repo")
    repo.run("git", "merge", "shorter", code=1)
    repo.commit()
    output = repo.run("python", "-m", "stages.tools.compare", "master", "HEAD")
    assert "from before interpret.top_losses changed in params.yaml" in output
