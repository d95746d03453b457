"""The stage interpret, run as DVC runs it, in made-up projects."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from stages.base.params import read_yaml
from tests.example_results import NASTY, ROOT, project

OUTPUTS = [
    "metrics.json", "classes.csv", "most_confused.csv", "top_losses.csv", "confident_mistakes.csv",
    "suspects.csv", "reliability.csv", "coverage.csv", "conditions.csv",
]  # fmt: skip


def run(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the stage in a project folder."""
    return subprocess.run(
        [sys.executable, "-m", "stages.interpret"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def outputs(root: Path) -> dict[str, bytes]:
    """Return every file that the stage wrote."""
    pages = [root / "reports" / name for name in ("index.html", "report.md")]
    files = [*pages, *(root / "reports/interpret" / name for name in OUTPUTS)]
    return {file.name: file.read_bytes() for file in files}


def test_the_stage_joins_everything(tmp_path: Path) -> None:
    """It writes the pages, the metrics and eight tables, and its last line is the headline."""
    project(tmp_path, ["cat", "dog", "NA"])
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "reports/interpret/metrics.json").read_text())
    error = metrics["error_rate"]
    last = done.stdout.splitlines()[-1].replace("\N{NO-BREAK SPACE}", " ")
    assert f"{100 * error['value']:.1f} % error ({100 * error['low']:.1f} to" in last
    assert last.endswith("reports/index.html")
    first = (tmp_path / "reports/report.md").read_text().splitlines()[0]
    assert last.startswith(first.removeprefix("## "))
    columns = {
        "most_confused.csv": "actual,predicted,count,of,rate,rate_low,rate_high,"
        "example_1,example_2,example_3",
        "top_losses.csv": "path,actual,predicted,p_actual,p_predicted,loss",
        "confident_mistakes.csv": "path,actual,predicted,p_actual,p_predicted,loss",
        "reliability.csv": "low,high,images,confidence,accuracy,accuracy_low,accuracy_high",
        "coverage.csv": "threshold,images,coverage,errors,error_rate,error_low,error_high",
        "conditions.csv": "property,low,high,images,errors,error_rate,error_low,error_high",
        "suspects.csv": "path,label,suggested,score,reason",
    }
    for name, header in columns.items():
        first = (tmp_path / "reports/interpret" / name).read_text().splitlines()[0]
        assert first == header
    classes = pd.read_csv(tmp_path / "reports/interpret/classes.csv", keep_default_na=False)
    assert sorted(classes["label"]) == ["NA", "cat", "dog"]


def test_the_page_has_all_params_and_versions(tmp_path: Path) -> None:
    """Its provenance names every key of params.yaml and every pinned package."""
    project(tmp_path, ["cat", "dog"])
    assert run(tmp_path).returncode == 0
    text = (tmp_path / "reports/index.html").read_text()
    for key in ("seed", "ingest.label.regex", "fine_tune.epochs", "interpret.suspects", "torch"):
        assert f"<dt>{key}</dt>" in text
    for section in read_yaml(ROOT / "params.yaml"):
        assert f"<dt>{section}" in text


@pytest.mark.slow
def test_same_project_same_bytes(tmp_path: Path) -> None:
    """A second run, with another hash seed, changes no byte; the page names no folder."""
    project(tmp_path, NASTY, skipped=True)
    assert run(tmp_path).returncode == 0
    first = outputs(tmp_path)
    assert run(tmp_path).returncode == 0
    assert outputs(tmp_path) == first
    assert str(tmp_path) not in first["index.html"].decode()


def test_a_missing_report_is_one_line(tmp_path: Path) -> None:
    """What the stages before have not made is named, without a traceback."""
    project(tmp_path, ["cat", "dog"], images=10)
    (tmp_path / "reports/lr_find/curve.csv").unlink()
    done = run(tmp_path)
    assert done.returncode == 1
    assert "reports/lr_find/curve.csv" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_torch() -> None:
    """The report is cheap: neither torch nor pyplot is loaded for it."""
    code = (
        "import sys, stages.interpret;"
        "print([name for name in ('torch', 'torchvision', 'timm', 'matplotlib.pyplot')"
        " if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
