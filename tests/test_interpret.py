"""The stage interpret, run as DVC runs it, in example projects."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from stages.base.yaml_file import read_yaml
from stages.dataset.inseparable import write_groups
from stages.stats.predictions import read_predictions
from tests.example_results import REPOSITORY, STRANGE_LABELS, write_project

REPORTS = [
    "metrics.json", "details.json", "classes.csv", "most_confused.csv", "top_losses.csv",
    "confident_mistakes.csv", "suspects.csv", "reliability.csv", "coverage.csv", "conditions.csv",
]  # fmt: skip


class Interpreted(NamedTuple):
    """A project folder in which the stage has run, and what it said."""

    root: Path
    said: str


def run_interpret(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the stage in a project folder, whether it fails or not."""
    return subprocess.run(
        [sys.executable, "-m", "stages.interpret"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


def read_outputs(root: Path) -> dict[str, bytes]:
    """Return every file that the stage wrote."""
    pages = [root / "reports" / name for name in ("index.html", "report.md")]
    files = [*pages, *(root / "reports/interpret" / name for name in REPORTS)]
    return {file.name: file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory: pytest.TempPathFactory) -> Interpreted:
    """Return a project with a class called NA after the stage has run."""
    root = tmp_path_factory.mktemp("interpreted")
    write_project(root, ["cat", "dog", "NA"])
    process = run_interpret(root)
    assert process.returncode == 0, process.stderr
    return Interpreted(root, process.stdout)


def test_the_last_line_is_the_headline(interpreted: Interpreted) -> None:
    """It has the error rate of metrics.json, begins report.md, and ends with the page's path."""
    reports = interpreted.root / "reports"
    error = json.loads((reports / "interpret/metrics.json").read_text())["error_rate"]
    last_line = interpreted.said.splitlines()[-1].replace("\N{NO-BREAK SPACE}", " ")
    assert f"{100 * error['value']:.1f} % error ({100 * error['low']:.1f} to" in last_line
    assert last_line.endswith("reports/index.html")
    title = (reports / "report.md").read_text().splitlines()[0]
    assert last_line.startswith(title.removeprefix("## "))


def test_the_tables_have_their_columns(interpreted: Interpreted) -> None:
    """The header of each CSV is what scripts of other people read; a class may be called NA."""
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
        table = interpreted.root / "reports/interpret" / name
        assert table.read_text().splitlines()[0] == header
    classes = pd.read_csv(interpreted.root / "reports/interpret/classes.csv", keep_default_na=False)
    assert sorted(classes["label"]) == ["NA", "cat", "dog"]


def test_the_page_has_all_params_and_versions(interpreted: Interpreted) -> None:
    """Its provenance names every key of params.yaml and every pinned package."""
    text = (interpreted.root / "reports/index.html").read_text()
    for key in ("seed", "ingest.label.regex", "fine_tune.epochs", "interpret.suspects", "torch"):
        assert f"<dt>{key}</dt>" in text
    for section in read_yaml(REPOSITORY / "params.yaml"):
        assert f"<dt>{section}" in text


@pytest.mark.slow
def test_same_project_same_bytes(tmp_path: Path) -> None:
    """A second run, with another hash seed, changes no byte; the page names no folder."""
    write_project(tmp_path, STRANGE_LABELS, skipped=True)
    assert run_interpret(tmp_path).returncode == 0
    first = read_outputs(tmp_path)
    assert run_interpret(tmp_path).returncode == 0
    assert read_outputs(tmp_path) == first
    assert str(tmp_path) not in first["index.html"].decode()


def test_a_missing_report_is_one_line(tmp_path: Path) -> None:
    """What an earlier stage has not written is named, without a traceback."""
    write_project(tmp_path, ["cat", "dog"], images=10)
    (tmp_path / "reports/lr_find/curve.csv").unlink()
    process = run_interpret(tmp_path)
    assert process.returncode == 1
    assert "reports/lr_find/curve.csv" in process.stderr
    assert "Traceback" not in process.stderr


def test_declared_groups_are_what_intervals_count(tmp_path: Path) -> None:
    """Page, report.md and details.json say how many groups there are, where any are declared."""
    write_project(tmp_path, ["cat", "dog"], images=60)
    paths = read_predictions(tmp_path / "data/predictions.npz").paths.tolist()
    names = pd.DataFrame({"path": paths, "group": [str(row // 3) for row in range(len(paths))]})
    write_groups(tmp_path / "data/groups.csv", names)
    process = run_interpret(tmp_path)
    assert process.returncode == 0, process.stderr
    details = json.loads((tmp_path / "reports/interpret/details.json").read_text())
    count = names["group"].nunique()
    assert details["groups"] == details["versus_baseline"]["groups"] == count
    sentence = f"Intervals and tests count {count} groups, not {len(paths)} images."
    for name in ("index.html", "report.md"):
        text = (tmp_path / "reports" / name).read_text()
        assert sentence in text
        assert "sign-flip test over groups" in text


def test_no_torch() -> None:
    """The report is cheap: neither torch nor pyplot is loaded for it."""
    code = (
        "import sys, stages.interpret;"
        "print([name for name in ('torch', 'torchvision', 'timm', 'matplotlib.pyplot')"
        " if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"
