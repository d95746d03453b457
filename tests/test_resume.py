"""Resuming: fine_tune, ended in whatever way, goes on to the same bytes; no other run races it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.stage_lock import stage_lock
from tests.tiny_repo import Repo, copy_of, hashes

pytestmark = pytest.mark.slow

LONG_TRAINING: dict[str, object] = {
    "fine_tune.epochs": 16,
    "fine_tune.batch_size": 8,
    "fine_tune.base_lr": 0.002,
}
HISTORY = "reports/fine_tune/history.csv"
OUTPUTS = ("data/model", "reports/fine_tune")
STAGE = (sys.executable, "-m", "stages.fine_tune")
# With --force, or DVC would take the result from its cache.
DVC = ("dvc", "repro", "--force", "--single-item", "fine_tune")


@pytest.fixture(scope="session")
def finished(built: Repo, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return a project whose fine_tune has run to its end, in 17 epochs. Not to be changed."""
    repo = copy_of(built, tmp_path_factory.mktemp("finished") / "repo")
    repo.change(LONG_TRAINING)
    assert "fine_tune" in repo.repro("fine_tune")
    repo.commit()
    return repo


@pytest.fixture
def repo(finished: Repo, tmp_path: Path) -> Repo:
    """Return a copy of it in which fine_tune has not run."""
    repo = copy_of(finished, tmp_path / "repo")
    for name in OUTPUTS:
        shutil.rmtree(repo.path / name)
    return repo


def results(repo: Repo) -> dict[str, dict[str, str]]:
    """Return the hashes of the files that fine_tune has written."""
    return {name: hashes(repo.path / name) for name in OUTPUTS}


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds; fail when it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def settings(variables: dict[str, str]) -> list[str]:
    """Return variables as `env` takes them."""
    return [f"{name}={value}" for name, value in variables.items()]


def start(
    repo: Repo,
    command: tuple[str, ...],
    variables: dict[str, str] | None = None,
    *,
    goes_on: bool = False,
) -> subprocess.Popen[str]:
    """Start a command that runs fine_tune; return once that has saved a checkpoint of its own."""
    file = repo.path / ".finetrack" / "fine_tune"
    if not goes_on:
        file.unlink(missing_ok=True)
    before = file.stat().st_mtime_ns if goes_on else 0
    process = subprocess.Popen(
        command,
        cwd=repo.path,
        env=repo.environment() | (variables or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: file.exists() and file.stat().st_mtime_ns != before, 300)
    return process


def free(repo: Repo) -> bool:
    """Return whether no stage is running."""
    try:
        with stage_lock(repo.path / ".finetrack", "test"):
            return True
    except UserError:
        return False


def kill_after(process: subprocess.Popen[str], seconds: float) -> str:
    """Kill a process by kill -9 after so many seconds; return what it said until then."""
    time.sleep(seconds)
    process.kill()
    return process.communicate()[0]


def test_killed_at_any_moment_it_ends_in_the_same_bytes(repo: Repo, finished: Repo) -> None:
    """After kill -9 at random moments, twice, the next run says where it goes on, and arrives."""
    draw = random.Random(0)
    kill_after(start(repo, STAGE), draw.uniform(0, 0.5))
    said = kill_after(start(repo, STAGE, goes_on=True), draw.uniform(0, 0.5))
    output = repo.run(*STAGE)
    for text in (said, output):
        assert "Going on from .finetrack/fine_tune: epoch" in text
    assert results(repo) == results(finished)
    assert not (repo.path / ".finetrack" / "fine_tune").exists()


@pytest.mark.thorough  # tests/train/test_stop_request.py watches the signals
def test_asked_to_stop_it_says_how_to_go_on(repo: Repo, finished: Repo) -> None:
    """Ctrl-C and SIGTERM end it in one line that says where the next run goes on, and it does."""
    for number in (signal.SIGTERM, signal.SIGINT):
        process = start(repo, STAGE, goes_on=number == signal.SIGINT)
        process.send_signal(number)
        output, _ = process.communicate()
        assert process.returncode == 130
        assert "which is kept; the next run goes on from there" in output
        assert "Traceback" not in output
    repo.run(*STAGE)
    assert results(repo) == results(finished)


@pytest.mark.thorough  # a kill is watched above, signals in tests/train/test_stop_request.py
def test_ctrl_c_under_dvc_saves_a_checkpoint(repo: Repo) -> None:
    """Ctrl-C, which reaches dvc and the stage alike, lets the stage save its place and say so."""
    process = start(repo, DVC)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 255
    assert "which is kept; the next run goes on from there" in output
    assert "Traceback" not in output
    assert (repo.path / ".finetrack" / "fine_tune").exists()


@pytest.mark.thorough  # tests/train watches the epochs that are written
def test_the_curves_are_drawn_while_it_trains(repo: Repo, finished: Repo) -> None:
    """history.csv has the epochs so far, and `dvc plots show` draws it beside the running repro."""
    process = start(repo, DVC)
    wait_until((repo.path / HISTORY).exists, 300)
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        rows = repo.table(HISTORY)
        # Before it DVC warns of plots that are not written yet.
        text = repo.run("dvc", "plots", "show", "--json")
        shown = json.JSONDecoder().raw_decode(text, text.index("{"))[0]["data"]
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert 1 <= len(rows) < len(finished.table(HISTORY))
    assert rows == finished.table(HISTORY)[: len(rows)]
    points = shown[HISTORY][0]["content"]["data"]["values"]
    assert [point["error_rate"] for point in points] == [row["error_rate"] for row in rows]


@pytest.mark.thorough  # two processes do it below
def test_a_stage_whose_dvc_is_killed_stops_and_the_next_repro_goes_on(
    repo: Repo, finished: Repo
) -> None:
    """After kill -9 of dvc alone the stage saves a checkpoint and ends; dvc repro goes on."""
    process = start(repo, DVC)
    process.kill()
    process.wait()
    assert not free(repo)
    wait_until(lambda: free(repo), 10)
    assert not (repo.path / "data" / "model").exists()
    output = repo.run(*DVC)
    assert "Going on from .finetrack/fine_tune: epoch" in output
    assert results(repo) == results(finished)


@pytest.mark.thorough  # tests/train/test_stop_request.py watches an orphan of DVC
def test_processes_that_train_together_stop_when_dvc_is_killed(repo: Repo) -> None:
    """After kill -9 of dvc alone two processes end as one does, and both go on together."""
    variables = {"FINETRACK_GPUS": "2", "FINETRACK_DEVICE": "cpu"}
    process = start(repo, DVC, variables)
    process.kill()
    process.wait()
    wait_until(lambda: free(repo), 20)
    output = repo.run("env", *settings(variables), *STAGE)
    assert "Going on from .finetrack/fine_tune: epoch" in output
    assert repo.json("data/model/model.json")["processes"] == 2


def test_a_stage_at_work_is_reported_by_the_next_repro(built: Repo, tmp_path: Path) -> None:
    """While a stage is still running in the folder, dvc repro stops with its name and process."""
    repo = copy_of(built, tmp_path / "repo")
    with stage_lock(repo.path / ".finetrack", "fine_tune"):
        output = repo.run(*DVC, code=255)
    assert "finetrack: fine_tune (process" in output
    assert "is still at work in this folder" in output


# tests/train/test_tracking.py trains a tiny model with trackers that fail, and without.
@pytest.mark.thorough
def test_a_tracker_that_fails_changes_no_byte(repo: Repo, finished: Repo) -> None:
    """With a tracker whose server is gone, training says so once and ends as without it."""
    broken = "Settings = dict\n\n\ndef init(**settings):\n    raise ConnectionError('no server')\n"
    (repo.path / "wandb.py").write_text(broken)
    output = repo.run("env", "FINETRACK_LOG=wandb", *STAGE)
    assert output.count("wandb hears no more of this run, which goes on: ConnectionError") == 1
    assert results(repo) == results(finished)


@pytest.mark.thorough  # tests/train/test_checkpoint.py watches it
def test_a_checkpoint_of_other_params_is_ignored(repo: Repo) -> None:
    """After a param has changed, the run starts anew, and says so."""
    process = start(repo, STAGE)
    process.kill()
    process.wait()
    repo.change({"fine_tune.epochs": 1})
    output = repo.run(*STAGE)
    assert "is of another run, with other params, and ignored: starting anew" in output
    assert len(repo.table("reports/fine_tune/history.csv")) == 2
