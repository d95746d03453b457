"""What docs/dvc.md tells people to type does what it says, under real git and DVC."""

import shutil
from pathlib import Path

import pytest

from tests.tiny_repo import Repo, copy_of, hashes, make_photos, ran

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def shared(built: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return a copy of the built project with a remote of git and one of DVC, both pushed."""
    folder = tmp_path_factory.mktemp("shared")
    repo = copy_of(built, folder / "repo")
    repo.run("git", "init", "-q", "--bare", str(folder / "origin.git"))
    repo.run("git", "remote", "add", "origin", str(folder / "origin.git"))
    repo.run("dvc", "remote", "add", "-q", "-d", "store", str(folder / "store"))
    repo.commit()
    repo.run("git", "push", "-q", "-u", "origin", "master")
    repo.run("dvc", "push", "-q")
    return repo


def clone_of(repo: Repo, folder: Path) -> Repo:
    """Return a clone of the git remote, without anything from DVC's."""
    origin = repo.run("git", "remote", "get-url", "origin").strip()
    folder.mkdir(exist_ok=True)
    repo.run("git", "clone", "-q", "-b", "master", origin, str(folder / "clone"))
    return Repo(folder / "clone")


def test_an_experiment_goes_to_somebody_else(shared: Repo, tmp_path: Path) -> None:
    """`dvc exp push` and `dvc exp pull` bring an experiment whole, and applied it is up to date."""
    mine = copy_of(shared, tmp_path / "mine")
    assert "interpret" in ran(
        mine.run("dvc", "exp", "run", "-n", "few", "-S", "interpret.top_losses=2")
    )
    mine.run("dvc", "exp", "push", "-q", "origin", "few")
    theirs = clone_of(shared, tmp_path / "elsewhere")
    assert "few" in theirs.run("dvc", "exp", "list", "origin")
    theirs.run("dvc", "pull", "-q")
    theirs.run("dvc", "exp", "pull", "-q", "origin", "few")
    theirs.run("dvc", "exp", "apply", "few")
    assert theirs.repro() == set()
    assert len(theirs.table("reports/interpret/top_losses.csv")) == 2
    assert hashes(theirs.path / "reports") == hashes(mine.path / "reports")


def test_a_clone_runs_one_stage_with_no_more_than_it_needs(shared: Repo, tmp_path: Path) -> None:
    """`dvc repro --pull --allow-missing` fetches what the stage that runs reads, and no photo."""
    clone = clone_of(shared, tmp_path / "elsewhere")
    clone.change({"interpret.top_losses": 2})
    output = clone.run("dvc", "repro", "--pull", "--allow-missing", "interpret")
    assert ran(output) == {"interpret"}
    assert len(clone.table("reports/interpret/top_losses.csv")) == 2
    assert not (clone.path / "data" / "photos").exists()


def test_photos_are_imported_from_where_they_lie(fresh: Repo, tmp_path: Path) -> None:
    """`dvc import-url` brings a folder and knows its place; `dvc update` brings what came since."""
    album = tmp_path / "album"
    make_photos(album)
    shutil.rmtree(fresh.path / "data" / "photos")
    (fresh.path / "data" / "photos.dvc").unlink()
    fresh.run("dvc", "import-url", "-q", str(album), "data/photos")
    assert fresh.repro("ingest") >= {"ingest"}
    count = len(fresh.table("data/manifest/images.csv"))
    assert count == 72
    (album / "disc_90.jpg").write_bytes((album / "disc_00.jpg").read_bytes() + b"\0")
    assert fresh.repro("ingest") == set()
    fresh.run("dvc", "update", "-q", "data/photos.dvc")
    assert fresh.repro("ingest") >= {"ingest"}
    assert len(fresh.table("data/manifest/images.csv")) == count + 1


def test_collecting_garbage_keeps_what_comparing_needs(shared: Repo, tmp_path: Path) -> None:
    """`dvc gc --all-commits --all-experiments` drops what no commit names, and no more."""
    repo = copy_of(shared, tmp_path / "repo")
    repo.run("dvc", "exp", "run", "-n", "few", "-S", "interpret.top_losses=2")
    repo.run("git", "checkout", "-qf", ".")
    repo.run("dvc", "checkout", "-q", "-f")
    with (repo.path / "data" / "corrections.csv").open("a") as file:
        file.write("disc_00.jpg,,relabel,square,\n")
    repo.repro("datablock")
    repo.commit()
    repo.change({"interpret.most_confused": 1})
    repo.repro("datablock")
    garbage = repo.path / ".dvc/cache/files/md5/00/0000000000000000000000000000ff"
    garbage.parent.mkdir(parents=True, exist_ok=True)
    garbage.write_bytes(b"of no commit")
    repo.run("dvc", "gc", "-q", "-f", "--all-commits", "--all-experiments")
    assert not garbage.exists()
    output = repo.run("python", "-m", "stages.tools.compare", "HEAD~1", "few")
    assert "dvc fetch" not in output
    repo.run("git", "checkout", "-qf", "HEAD~1")
    repo.run("dvc", "checkout", "-q", "-f")
    assert repo.repro() == set()


def test_a_frozen_stage_is_left_alone(built: Repo, tmp_path: Path) -> None:
    """`dvc freeze` changes a line of dvc.yaml; the stage rests until `dvc unfreeze`."""
    repo = copy_of(built, tmp_path / "repo")
    repo.run("dvc", "freeze", "-q", "interpret")
    changed = repo.run("git", "diff", "-U0", "dvc.yaml").splitlines()
    lines = [line for line in changed if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert lines == ["+    frozen: true"]
    repo.change({"interpret.top_losses": 2})
    assert repo.repro() == set()
    repo.run("dvc", "unfreeze", "-q", "interpret")
    assert repo.run("git", "diff", "dvc.yaml") == ""
    assert repo.status() == {"interpret"}


def test_a_stage_with_a_path_from_a_param_is_frozen_by_hand(built: Repo, tmp_path: Path) -> None:
    """DVC refuses to write the line for such a stage, but obeys it."""
    repo = copy_of(built, tmp_path / "repo")
    output = repo.run("dvc", "freeze", "fine_tune", code=1)
    assert "cannot dump a parametrized stage: 'fine_tune'" in output
    assert repo.run("git", "status", "--short") == ""
    pipeline = repo.path / "dvc.yaml"
    pipeline.write_text(
        pipeline.read_text().replace("  fine_tune:\n", "  fine_tune:\n    frozen: true\n")
    )
    repo.change({"fine_tune.epochs": 2})
    assert "fine_tune" not in repo.repro("fine_tune")
