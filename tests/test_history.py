"""Changes from one commit, each under real git and DVC and read from compare.md."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_repo import Repo, copy_of, draw

# tests/tools/test_compare.py compares commits whose results are written, not computed.
pytestmark = [pytest.mark.slow, pytest.mark.thorough]


def change_model(repo: Repo) -> None:
    """Train another model."""
    repo.change({"model.arch": "test_efficientnet"})


def change_data(repo: Repo) -> None:
    """Relabel ten images, some of those in validation among them, and add 50 photos."""
    discs = [row["path"] for row in repo.table("data/splits.csv") if row["label"] == "disc"][:10]
    with (repo.path / "data" / "corrections.csv").open("a") as file:
        file.writelines(f"{path},,relabel,square,made up\n" for path in discs)
    photos = repo.path / "data" / "photos"
    for number in range(100, 150):
        label = ("disc", "square")[number % 2]
        draw(label, number).save(photos / f"{label}_{number}.jpg", quality=90)
    repo.run("dvc", "add", "-q", "data/photos")


def change_package(repo: Repo) -> None:
    """Note another version of a package."""
    file = repo.path / "stages" / "packages.yaml"
    file.write_text(re.sub(r'(?m)^pyvips-binary: "', 'pyvips-binary: "9', file.read_text()))


CHANGES = {"model": change_model, "data": change_data, "package": change_package}


@pytest.fixture(scope="module")
def history(longer: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return a copy of the built project with a branch of more epochs; others come when needed."""
    repo = copy_of(longer, tmp_path_factory.mktemp("history") / "repo")
    repo.run("git", "switch", "-qc", "epochs")
    repo.commit()
    repo.run("git", "switch", "-q", "master")
    repo.run("dvc", "checkout", "-q")
    return repo


def make_branch(repo: Repo, branch: str) -> None:
    """Make the branch of a change from the first commit, unless it is there."""
    if branch in repo.run("git", "branch", "--format", "%(refname:short)").split():
        return
    repo.run("git", "switch", "-qc", branch)
    CHANGES[branch](repo)
    repo.repro()
    repo.commit()
    repo.run("git", "switch", "-q", "master")
    repo.run("dvc", "checkout", "-q")


def compare(repo: Repo, *branches: str) -> tuple[str, list[dict[str, Any]]]:
    """Compare branches with master; return compare.md and compare.json."""
    for branch in branches:
        make_branch(repo, branch)
    repo.run("python", "-m", "stages.tools.compare", "master", *branches)
    folder = repo.path / "reports" / "compare"
    records: list[dict[str, Any]] = json.loads((folder / "compare.json").read_text())
    return (folder / "compare.md").read_text(), records


# Patterns that compare.md must have for each change, as it is written there.
PATTERNS = {
    "epochs": [r"params: `fine_tune.epochs`: 1 → 2 \(`fine_tune`\)"],
    "model": [r"weights: `model.arch`: `test_resnet` → `test_efficientnet` \(.*`fine_tune`\)"],
    "data": [
        r"inputs: `data/corrections.csv` changed \(ingest\)",
        r"data: 10 images relabelled: square 10",
        r"not compared: .*\d+ under another label",
        r"inputs: `data/photos` changed \(ingest, presize\)",
        r"data: 50 images added: disc 25, square 25",
        r"not compared: .*\d+ new",
    ],
    "package": [r"made the same: pyvips-binary: `(\S+)` → `9\1` \(presize\)"],
}


@pytest.mark.parametrize("branch", ["epochs", "package", "model", "data"])
def test_each_change_is_named(history: Repo, branch: str) -> None:
    """Beside each verdict stands what changed, and what of the validation images is left out."""
    text, _ = compare(history, branch)
    for pattern in PATTERNS[branch]:
        assert re.search(pattern, text), text
    assert re.search(rf"\| `{branch}` \| \*\*(better|worse|cannot tell|same model)\*\* \|", text)


def test_a_change_without_effect_is_no_difference(history: Repo) -> None:
    """Where every output is the same, no image is newly wrong or right: the difference is zero."""
    _, (record,) = compare(history, "package")
    assert record["verdict"] == "cannot tell"
    assert record["difference"]["value"] == 0
    assert not record["newly_wrong"]
    assert not record["newly_right"]


def test_all_changes_are_compared_at_once(history: Repo) -> None:
    """Several revisions stand in one table, and their p-values are Holm's."""
    text, records = compare(history, *PATTERNS)
    assert [record["other"] for record in records] == list(PATTERNS)
    assert all(record["p_holm"] >= record["p"] for record in records)
    assert "p is Holm's, over 4 comparisons" in text


def test_photos_and_cache_may_be_gone(history: Repo, tmp_path: Path) -> None:
    """Without DVC's cache the verdict stands on what git has, and the page says what is missing."""
    repo = copy_of(history, tmp_path / "repo")
    shutil.rmtree(repo.path / ".dvc" / "cache")
    shutil.rmtree(repo.path / "data")
    text, _ = compare(repo, "epochs")
    assert "DVC's cache lacks" in text
    assert "params: `fine_tune.epochs`: 1 → 2" in text
