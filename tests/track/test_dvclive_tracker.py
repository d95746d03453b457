"""DVCLive writes its files, and leaves the pipeline alone."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.yaml_file import read_yaml
from tests.track.tracked_run import is_there, tell_run


@pytest.mark.slow
def test_its_files_hold_the_run_and_nothing_else_changes(tmp_path: Path) -> None:
    """In a repository under DVC, tables and params lie in logs, and no dvc.yaml is written."""
    if not is_there("dvclive", tmp_path):
        return
    for command in (
        ["git", "init", "-q"],
        [sys.executable, "-m", "dvc", "init", "-q"],
        ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "A commit"],
    ):
        subprocess.run(command, cwd=tmp_path, check=True)
    tell_run(tmp_path, "dvclive")
    folder = tmp_path / "logs" / "dvclive"
    with (folder / "plots/metrics/error_rate.tsv").open(newline="") as file:
        rows = [
            (int(row["step"]), float(row["error_rate"]))
            for row in csv.DictReader(file, delimiter="\t")
        ]
    assert rows == [(step, 0.25 / step) for step in (1, 2, 3)]
    assert json.loads((folder / "metrics.json").read_text())["error_rate"] == 0.08
    params = read_yaml(folder / "params.yaml")
    assert params["recipe.name"] == "deep"
    assert not (tmp_path / "dvc.yaml").exists()
