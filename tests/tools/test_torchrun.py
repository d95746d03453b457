"""torchrun as a tool: a process that dies is one line, with its rank, its end and the remedy."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.cluster.running_dask import wait_until

ROOT = Path(__file__).parents[2]


def lines_of(folder: Path, how: str) -> list[str]:
    """Return what two processes print on stderr, of which the second ends; bars left out."""
    done = subprocess.run(
        [sys.executable, "-m", "stages.tools.torchrun", "--standalone", "--nproc-per-node=2",
         "-m", "tests.train.dying_rank", str(folder), how],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return [line for line in done.stderr.splitlines() if line and "image/s" not in line]


@pytest.mark.slow
def test_a_killed_process_is_one_line(tmp_path: Path) -> None:
    """The line names rank, signal and remedy; the process that lost its peer prints nothing."""
    [line] = lines_of(tmp_path, "killed")
    assert line == (
        "finetrack: process 1 of those that train together was ended by SIGKILL; where memory ran "
        "out, set a smaller fine_tune.batch_size; FINETRACK_RESTARTS=3, or torchrun's "
        "--max-restarts=3, goes on from the last checkpoint"
    )


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
