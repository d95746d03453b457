"""The benchmark of a GPU runs on any machine, so that it works the day that there is one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.thorough
def test_every_part_runs_on_a_processor() -> None:
    """Each part gives its figures in a process of its own, and a tiny run writes no results."""
    written = (ROOT / "benchmarks" / "results" / "gpu.json").exists()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--tiny"],
        cwd=ROOT,
        env={**os.environ, "FINETRACK_DEVICE": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    parts = {line.split(" ", 1)[0] for line in done.stdout.splitlines()}
    assert {"speed", "rendering", "agreement", "exact"} <= parts
    assert "'interrupted run': False" not in done.stdout
    assert (ROOT / "benchmarks" / "results" / "gpu.json").exists() == written
