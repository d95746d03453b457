"""The lists in dvc.yaml are written from the source, as DVC writes them, and nothing else is."""

import difflib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.yaml_file import read_yaml
from stages.tools import deps
from tests.tools.small_source import write_module, write_source

ROOT = Path(__file__).parents[2]
PIPELINE = """\
# The pipeline.
stages:
  # First comes the copy.
  copy:
    cmd: python -m stages.copy
    deps:
    - ${ingest.images} # photos
    outs:
    - data/sample:
        persist: true

  train: # then the training
    cmd: python -m stages.train
    deps:
    - stages/deep/unused.py
    - stages/deep/one.py
    - data/sample
    # the labels
    - data/labels.csv
    params:
    - old
    - stages/packages.yaml:
      - torch
    outs:
    - data/model

plots:
- curve:
    y:
      curve.csv: [loss, smoothed]
"""
REWRITTEN = """\
# The pipeline.
stages:
  # First comes the copy.
  copy:
    desc: Copy photos.
    cmd: python -m stages.copy
    deps:
    - stages/copy.py
    - ${ingest.images} # photos
    outs:
    - data/sample:
        persist: true

  train: # then the training
    desc: 'Train: a small network on photos.'
    cmd: python -m stages.train
    deps:
    - stages/base/params.py
    - stages/base/tool.py
    - stages/deep/one.py
    - stages/deep/page.html
    - stages/deep/two.py
    - stages/train.py
    - data/sample
    # the labels
    - data/labels.csv
    params:
    - data.size
    - seed
    - train
    - stages/packages.yaml:
      - numpy
      - pillow
    outs:
    - data/model

plots:
- curve:
    y:
      curve.csv: [loss, smoothed]
"""
PINS = """\
numpy==2.4.6
    # via scipy
pillow==13.0.0
torch==2.15.0
contourpy==1.3.3 ; python_full_version < '3.12'
contourpy==1.4.0 ; python_full_version >= '3.12'
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Return a small repository with two stages, whose dvc.yaml is out of date."""
    write_source(tmp_path)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "requirements.txt").write_text(PINS)
    return tmp_path


def test_check_names_stage_and_file(repo: Path) -> None:
    """What is lacking and what is too much is named with the stage and the file."""
    lines = deps.check_pipeline(repo)
    for line in (
        "copy: deps lack stages/copy.py, which it uses",
        "train: deps lack stages/deep/two.py, which it uses",
        "train: deps lack stages/deep/page.html, which it uses",
        "train: deps name stages/deep/unused.py, unused by it",
        "train: params lack seed, which it uses",
        "train: params name old, unused by it",
        "train: params of stages/packages.yaml lack numpy, which it uses",
        "train: params of stages/packages.yaml name torch, unused by it",
    ):
        assert line in lines
    assert any("stages/packages.yaml is not" in line for line in lines)


def test_rewriting_makes_the_check_pass_and_is_done_once(repo: Path) -> None:
    """After a rewrite nothing differs, and a second rewrite changes no byte."""
    deps.rewrite_pipeline(repo)
    assert deps.check_pipeline(repo) == []
    first = (repo / "dvc.yaml").read_bytes()
    deps.rewrite_pipeline(repo)
    assert (repo / "dvc.yaml").read_bytes() == first


def test_rewriting_keeps_comments_data_and_the_rest(repo: Path) -> None:
    """Only code, params and packages change: comments, data, outputs and plots stay in place."""
    deps.rewrite_pipeline(repo)
    assert (repo / "dvc.yaml").read_text() == REWRITTEN


def test_versions_come_from_the_pins(repo: Path) -> None:
    """stages/packages.yaml holds the packages in use, as text, and an update of one is seen."""
    deps.rewrite_pipeline(repo)
    text = (repo / "stages" / "packages.yaml").read_text()
    assert text.endswith('numpy: "2.4.6"\npillow: "13.0.0"\n')
    (repo / "requirements.txt").write_text(PINS.replace("2.4.6", "2.4.7"))
    assert len(deps.check_pipeline(repo)) == 1


@pytest.mark.parametrize("package", ["contourpy", "requests"])
def test_a_package_without_one_version_is_refused(repo: Path, package: str) -> None:
    """A package that is not pinned, or pinned to several versions, is named."""
    write_module(repo, "copy.py", f'"""Copy."""\nimport {package}\n')
    with pytest.raises(UserError, match=package):
        deps.rewrite_pipeline(repo)


def test_the_command_compares_without_writing(repo: Path) -> None:
    """--check exits with 1 and leaves the files; without it both agree afterwards."""

    def command(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stages.tools.deps", *options],
            cwd=repo,
            env={"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    before = (repo / "dvc.yaml").read_bytes()
    refused = command("--check")
    assert refused.returncode == 1
    assert "train: deps lack stages/deep/two.py" in refused.stderr
    assert "make deps" in refused.stderr
    assert (repo / "dvc.yaml").read_bytes() == before
    assert command("--chekc").returncode == 1
    assert command().returncode == 0
    assert command("--check").returncode == 0


def test_a_description_is_the_first_line_of_the_docstring(repo: Path) -> None:
    """A docstring that changed is seen by the check; a script without one is refused by name."""
    deps.rewrite_pipeline(repo)
    write_module(repo, "copy.py", '"""Copy all photos."""\nimport json\n')
    assert deps.check_pipeline(repo) == [
        "copy: desc is not the first line of its script's docstring"
    ]
    deps.rewrite_pipeline(repo)
    assert read_yaml(repo / "dvc.yaml")["stages"]["copy"]["desc"] == "Copy all photos."
    write_module(repo, "copy.py", "import json\n")
    with pytest.raises(UserError, match=r"stages/copy\.py needs a docstring"):
        deps.check_pipeline(repo)


def test_deps_without_comments_are_sorted_as_dvc_sorts_them(repo: Path) -> None:
    """Data and code stand in one order where no comment would lose its place."""
    text = PIPELINE.replace("    # the labels\n", "")
    (repo / "dvc.yaml").write_text(text)
    deps.rewrite_pipeline(repo)
    listed = read_yaml(repo / "dvc.yaml")["stages"]["train"]["deps"]
    assert listed == sorted(listed)
    assert "data/labels.csv" in listed


@pytest.mark.slow
def test_dvc_itself_changes_one_line(tmp_path: Path) -> None:
    """In the rewritten dvc.yaml of the project, `dvc freeze` adds a line and moves no other."""
    # Not of a stage with a dependency that comes from a param, which DVC refuses to freeze.
    shutil.copytree(ROOT / "stages", tmp_path / "stages")
    for name in ("params.yaml", "dvc.yaml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    deps.rewrite_pipeline(tmp_path)
    file = tmp_path / "dvc.yaml"
    before = file.read_text().splitlines()
    for words in (["init", "-q", "--no-scm"], ["freeze", "-q", "interpret"]):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=tmp_path, check=True)
    difference = list(difflib.unified_diff(before, file.read_text().splitlines(), n=0))
    changed = [line for line in difference if not line.startswith(("---", "+++", "@@"))]
    assert changed == ["+    frozen: true"]
