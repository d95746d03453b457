"""The command that fine_tune starts for trackers."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.tools import track

ROOT = Path(__file__).parents[2]


def test_it_says_that_it_is_ready_and_reads_to_the_end(tmp_path: Path) -> None:
    """With no tracker it answers in a line and takes what comes; params.yaml is read here."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    message = json.dumps({"metrics": {"error_rate": 0.1}}) + "\n"
    command = [sys.executable, "-m", "stages.tools.track"]
    done = subprocess.run(
        command, cwd=tmp_path, input=message, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("ready\n", "")


def test_a_run_has_its_time_and_its_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs have two names, and an experiment of DVC is found by its own."""
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert re.fullmatch(r"\d{8}-\d{6}", track.run_name())
    monkeypatch.setenv("DVC_EXP_NAME", "longer")
    assert re.fullmatch(r"\d{8}-\d{6}-longer", track.run_name())


def test_what_it_logs_stands_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Stdout has the answer alone."""
    track.log("mlflow is away")
    assert capsys.readouterr() == ("", "FINETRACK_LOG: mlflow is away\n")
