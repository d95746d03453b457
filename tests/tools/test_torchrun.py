"""torchrun as a tool: a process that dies is one line, with its rank, its end and the remedy."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from torch.distributed.elastic.rendezvous import RendezvousParameters
from torch.distributed.elastic.rendezvous.registry import get_rendezvous_handler
from torch.distributed.run import run

from stages.base.ranks import Rank
from stages.tools.torchrun import torchrun_options
from tests.cluster.running_dask import wait_until
from tests.train.two_processes import result_file

ROOT = Path(__file__).parents[2]


def train_in_two(folder: Path, how: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Let two processes train, of which the second ends."""
    return subprocess.run(
        [sys.executable, "-m", "stages.tools.torchrun", "--nproc-per-node=2", *options,
         "-m", "tests.train.dying_rank", str(folder), how],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def lines_of(folder: Path, how: str) -> list[str]:
    """Return what two processes print on stderr, of which the second ends; bars left out."""
    done = train_in_two(folder, how)
    assert done.returncode == 1, done.stderr
    return [line for line in done.stderr.splitlines() if line and "image/s" not in line]


def test_each_attempt_meets_at_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process of a restart reads where those before it listened; c10d meets so, the default."""
    for name in ("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE"):
        monkeypatch.setenv(name, "")  # to be restored as it was
        monkeypatch.delenv(name)
    options = torchrun_options(["--max-restarts=1", "--no-python", sys.executable, "-c", "pass"])
    with ThreadPoolExecutor(1) as pool:  # where torch changes no handler of this process
        pool.submit(run, options).result()
    assert (options.rdzv_backend, options.rdzv_endpoint) == ("c10d", "localhost:0")
    meeting = get_rendezvous_handler(RendezvousParameters("c10d", "localhost:0", "test", 1, 1))
    places = [meeting.next_rendezvous().bootstrap_store_info for _ in range(2)]
    assert places[0] != places[1]
    assert not meeting.use_agent_store


def test_other_ways_to_meet_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A meeting that is named, by its address too, or of several machines, is as asked for."""
    monkeypatch.setenv("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "0")
    named = ("--nnodes=2", "--rdzv-backend=c10d", "--master-port=29777", "--rdzv-endpoint=h:1")
    for option in named:
        assert not torchrun_options([option, "-m", "stages.fine_tune"]).standalone
    assert os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] == "0"


@pytest.mark.slow
@pytest.mark.thorough
def test_a_restart_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    """With --max-restarts=1 a process that is killed once costs some steps, and the run ends."""
    done = train_in_two(tmp_path, "killed once", "--max-restarts=1")
    assert done.returncode == 0, done.stderr
    assert "checkpoint: epoch 2, step " in (tmp_path / "log").read_text(encoding="utf-8")
    for number in range(2):
        assert result_file(tmp_path, Rank(number, 2)).exists()


@pytest.mark.thorough  # tests/train/test_launch.py has the line
@pytest.mark.slow
def test_a_killed_process_is_one_line(tmp_path: Path) -> None:
    """The last line names rank, signal and remedy.

    The launcher ends the process that lost its peer; where that one sees the loss first, it says so
    in a line that points to the other's.
    """
    *before, last = lines_of(tmp_path, "killed")
    assert last == (
        "finetrack: process 1 of those that train together was ended by SIGKILL; where memory ran "
        "out, set a smaller fine_tune.batch_size; FINETRACK_RESTARTS=3, or torchrun's "
        "--max-restarts=3, goes on from the last checkpoint"
    )
    assert len(before) <= 1
    assert all(line.endswith("has ended, its own line says why") for line in before)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_signal_before_all_have_met_ends_it(tmp_path: Path) -> None:
    """While it waits for another machine it is ended by SIGTERM as by Ctrl-C."""
    with subprocess.Popen(
        [sys.executable, "-m", "stages.tools.torchrun", "--nnodes=2", "--rdzv-backend=c10d",
         "--rdzv-endpoint=localhost:0", "-m", "tests.train.dying_rank", str(tmp_path), "killed"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        listening = psutil.Process(process.pid)
        wait_until(lambda: any(c.status == "LISTEN" for c in listening.net_connections()))
        process.terminate()
        _, text = process.communicate(timeout=60)
    assert process.returncode == 130
    assert text.strip().startswith("finetrack: ")


@pytest.mark.slow
@pytest.mark.thorough  # tests/train/test_distributed.py watches the line
def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    """Its own line has the cause, and the launcher's its rank and exit code; no page of traces."""
    own, launcher = lines_of(tmp_path, "failed")
    assert own.startswith("finetrack: ValueError: no such luck")
    assert launcher == (
        "finetrack: process 1 of those that train together ended with exit code 1; its own line, "
        "above, says why"
    )
