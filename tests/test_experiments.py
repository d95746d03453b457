"""DVC's experiments as people know them, and the comparison of what they gave."""

import csv
import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import pytest

from stages.tools.command_lines import COMMANDS
from tests.tiny_repo import ROOT, Repo, copy_of, hashes

# A walk through docs/experiments.md; tests/test_pipeline.py runs and shows one experiment, and
# tests/compare and tests/tools/test_compare.py watch the comparison.
pytestmark = [pytest.mark.slow, pytest.mark.thorough]


def words_of(command: str, **values: str) -> list[str]:
    """Return the program behind a command of make."""
    (words,) = COMMANDS[command].programs(values)
    return words


@pytest.fixture(scope="module")
def queued(built: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return a copy of the built project after another seed and a longer training, at once."""
    repo = copy_of(built, tmp_path_factory.mktemp("queued") / "repo")
    repo.run(*words_of("seeds", N="1"))
    repo.run("dvc", "exp", "run", "--queue", "-n", "longer", "-S", "fine_tune.epochs=2")
    assert repo.run("dvc", "queue", "status").count("Queued") == 2
    # Without a redirection its worker would keep the pipe of this process open.
    repo.run("sh", "-c", "dvc queue start -j 2 > /dev/null 2>&1")
    deadline = time.monotonic() + 600
    while repo.run("dvc", "queue", "status").count("Success") < 2:
        assert "Failed" not in repo.run("dvc", "queue", "status")
        assert time.monotonic() < deadline
        time.sleep(4)
    repo.run("dvc", "queue", "stop", "--kill")
    return repo


@pytest.fixture
def lab(queued: Repo, tmp_path: Path) -> Repo:
    """Return a copy of the project with experiments, to change."""
    return copy_of(queued, tmp_path / "repo")


def compare(repo: Repo, *names: str) -> list[dict[str, Any]]:
    """Compare revisions; return compare.json."""
    repo.run("python", "-m", "stages.tools.compare", *names)
    content = (repo.path / "reports" / "compare" / "compare.json").read_text(encoding="utf-8")
    records: list[dict[str, Any]] = json.loads(content)
    return records


def test_the_table_of_experiments_has_chosen_columns(queued: Repo) -> None:
    """`make experiments` shows error, interval, difference to the baseline, rate and changes."""
    table = queued.run(*words_of("experiments"), "--csv")
    rows = list(csv.DictReader(table.splitlines()))
    assert rows[0].keys() == {
        *("Experiment", "fine_tune.epochs", "seed", "base_lr"),
        *(f"error_rate.{what}" for what in ("value", "low", "high")),
        "versus_baseline.difference.value",
    }
    assert {"seed-1", "longer"} <= {row["Experiment"] for row in rows}


def test_the_table_by_hand_leaves_what_changed(queued: Repo) -> None:
    """The line of docs/dvc.md drops files and modules, of which plain `dvc exp show` is full."""
    plain = csv.DictReader(queued.run("dvc", "exp", "show", "--csv").splitlines())
    page = (ROOT / "docs" / "dvc.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^\$ (dvc exp show .*)$", page, re.MULTILINE)
    by_hand = csv.DictReader(queued.run(*shlex.split(line), "--csv").splitlines())
    assert len(plain.fieldnames or []) > 400
    assert len(by_hand.fieldnames or []) < 40
    assert {"fine_tune.epochs", "seed", "error_rate.value"} <= set(by_hand.fieldnames or [])


def test_an_experiment_is_compared_by_its_name(queued: Repo) -> None:
    """The name of an experiment stands for its commit, and the param that it set is the cause."""
    result = compare(queued, "HEAD", "longer")[0]
    assert (result["base"], result["other"]) == ("HEAD", "longer")
    assert result["n_common"] == len(queued.table("reports/fine_tune/outcomes.csv"))
    stages = {stage["stage"]: stage for stage in result["changed"]["stages"]}
    assert stages["fine_tune"]["params"] == {"fine_tune.epochs": [1, 2]}
    assert stages.keys() == {"lr_find", "fine_tune", "interpret"}  # whose page shows every param


def test_seeds_are_one_group(queued: Repo) -> None:
    """Experiments that differ only in their seed are one recipe, with mean and spread."""
    result = compare(queued, "longer", "seed-*", "HEAD")
    assert len(result) == 1
    seeds = result[0]["seeds"]["other"]
    assert [run["seed"] for run in seeds["runs"]] == [1, 42]
    mean = sum(run["error_rate"] for run in seeds["runs"]) / 2
    assert result[0]["error_rate"]["other"] == pytest.approx(mean)
    assert seeds["sd"] >= 0
    assert result[0]["seeds"]["base"]["sd"] is None


def test_dvc_compares_experiments_too(queued: Repo) -> None:
    """`dvc exp diff` names param and metrics, `dvc plots diff` draws both, and git sees no file."""
    difference = queued.run("dvc", "exp", "diff", "HEAD", "longer")
    assert re.search(r"fine_tune\.epochs +1 +2", difference)
    plots = json.loads(queued.run("dvc", "plots", "diff", "HEAD", "longer", "--json"))["data"]
    history = plots["reports/fine_tune/history.csv"][0]
    assert set(history["revisions"]) == {"HEAD", "longer"}
    queued.run("dvc", "plots", "diff", "HEAD", "longer")
    assert (queued.path / "dvc_plots" / "index.html").is_file()
    assert queued.run("git", "status", "--short") == ""


def test_an_experiment_becomes_the_workspace(lab: Repo) -> None:
    """`dvc exp apply` brings params and results of an experiment, and nothing is left to run."""
    lab.run("dvc", "exp", "apply", "longer")
    assert len(lab.table("reports/fine_tune/history.csv")) == 3
    assert lab.repro() == set()
    assert compare(lab, "longer", "workspace")[0]["changed"]["stages"] == []


def test_an_experiment_becomes_a_branch(lab: Repo) -> None:
    """`dvc exp branch` makes a branch of an experiment, which compares as the experiment does."""
    lab.run("dvc", "exp", "branch", "longer", "longer-training")
    (by_name,) = compare(lab, "HEAD", "longer")
    (by_branch,) = compare(lab, "HEAD", "longer-training")
    assert by_name["difference"] == by_branch["difference"]
    assert by_name["other_commit"] == by_branch["other_commit"]


def test_comparing_twice_gives_the_same_bytes(queued: Repo) -> None:
    """The same revisions give the same three files, and leave the work tree alone."""
    folder = queued.path / "reports" / "compare"
    compare(queued, "HEAD", "longer", "seed-*")
    first = hashes(folder)
    assert {"index.html", "compare.md", "compare.json"} <= first.keys()
    compare(queued, "HEAD", "longer", "seed-*")
    assert hashes(folder) == first
    assert queued.run("git", "status", "--short") == ""


def test_a_past_page_is_drawn_again(lab: Repo) -> None:
    """The page of a commit comes from the cache, or is drawn again with the same bytes."""
    commit = lab.run("git", "rev-parse", "HEAD").strip()[:10]
    page = (lab.path / "reports" / "index.html").read_bytes()
    target = lab.path / "reports" / "compare" / f"{commit}.html"
    for in_cache in (True, False):
        if not in_cache:
            for path in cache_objects(lab, page):
                path.unlink()
        target.unlink(missing_ok=True)
        lab.run("python", "-m", "stages.tools.past_page", "HEAD")
        assert target.read_bytes() == page
    assert lab.run("git", "status", "--short") == ""


def cache_objects(repo: Repo, content: bytes) -> list[Path]:
    """Return the objects of DVC's cache with this content."""
    files = (repo.path / ".dvc" / "cache" / "files" / "md5").rglob("*")
    return [path for path in files if path.is_file() and path.read_bytes() == content]
