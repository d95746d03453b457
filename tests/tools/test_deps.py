"""The lists in dvc.yaml are read from the source, and rewritten without touching anything else."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.tools import deps

ROOT = Path(__file__).parents[2]
SOURCE = {
    "__init__.py": "",
    "base/__init__.py": "",
    "base/params.py": "def read_seed():\n    return read_value('seed', int)\n",
    "base/tool.py": "import os\nimport numpy as np\n",
    "deep/__init__.py": "",
    "deep/one.py": "from stages.base import tool\nPAGE = 'page.html'\nNOT = 'absent.html'\n",
    "deep/two.py": "def f():\n    import PIL.Image\n    from stages.deep.one import PAGE\n",
    "deep/unused.py": "import torch\n",
    "deep/page.html": "<p>",
    "train.py": (
        "from stages.base.params import read_section, read_seed, read_value\n"
        "from stages.deep.two import f\n"
        "def main():\n"
        "    read_section('train', object)\n"
        "    read_value('train.rate', float)\n"
        "    read_value('data.size', int)\n"
        "    read_seed()\n"
    ),
    "copy.py": "import json\n",
}
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
      - stages/deep/one.py
      - stages/deep/unused.py
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
PINS = """\
numpy==2.4.6
    # via scipy
pillow==13.0.0
torch==2.15.0
contourpy==1.3.3 ; python_full_version < '3.12'
contourpy==1.4.0 ; python_full_version >= '3.12'
"""
CLOSURE = {
    "stages/train.py",
    "stages/base/params.py",
    "stages/base/tool.py",
    "stages/deep/one.py",
    "stages/deep/two.py",
    "stages/deep/page.html",
}


@pytest.fixture
def repo(tmp_path: Path):
    """Return a small repository with two stages, whose dvc.yaml is out of date."""
    for name, text in SOURCE.items():
        path = tmp_path / "stages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "requirements.txt").write_text(PINS)
    return tmp_path


def write(repo: Path, name: str, text: str) -> None:
    """Replace a module of the small repository."""
    (repo / "stages" / name).write_text(text)


def test_a_closure_follows_imports_wherever_they_stand(repo) -> None:
    """Modules that modules import count, inside functions too, and files that they name beside."""
    uses = deps.stage_uses(repo, "train")
    assert uses.files == CLOSURE
    assert uses.packages == {"numpy", "pillow"}


def test_params_are_the_names_that_are_read(repo) -> None:
    """Sections and single keys are found by the calls that read them; a section holds its keys."""
    assert deps.stage_uses(repo, "train").params == {"train", "data.size", "seed"}


def test_the_reader_of_params_reads_nothing_itself(repo) -> None:
    """Who imports the module that defines read_seed does not depend on the seed by that alone."""
    write(repo, "copy.py", "from stages.base.params import read_section\n")
    assert deps.stage_uses(repo, "copy").params == set()


@pytest.mark.parametrize(
    "line",
    [
        "import stages.deep.two",
        "import stages.deep.two as t",
        "from stages.deep import two",
        "from stages.deep.two import f, PAGE",
        "try:\n    import stages.deep.two\nexcept ImportError:\n    pass",
        "class A:\n    def m(self):\n        from stages.deep import two",
        "if 1 == 2:\n    from stages.deep import two",
    ],
)
def test_every_form_of_import_is_seen(repo, line) -> None:
    """However a module is imported, it and what it imports are in the closure."""
    write(repo, "copy.py", line + "\n")
    assert {"stages/deep/two.py", "stages/deep/one.py"} <= deps.stage_uses(repo, "copy").files


def test_circles_end(repo) -> None:
    """Two modules that import one another do not send the search in circles."""
    write(repo, "deep/one.py", "import stages.deep.two\n")
    assert "stages/deep/one.py" in deps.stage_uses(repo, "train").files


@pytest.mark.parametrize("name", ["../base/tool.txt", "/etc/hosts", "tool.py", "a b.html", "", "."])
def test_only_files_beside_the_module_are_companions(repo, name) -> None:
    """A string that names something elsewhere, a module, or nothing, adds no file."""
    (repo / "stages" / "base" / "tool.txt").write_text("")
    write(repo, "deep/one.py", f"X = {name!r}\n")
    assert deps.stage_uses(repo, "train").files == CLOSURE - {
        "stages/base/tool.py",
        "stages/deep/page.html",
    }


@pytest.mark.parametrize("call", ["read_section(name, int)", "read_value()", "p.read_value(f'x')"])
def test_a_name_that_is_computed_is_refused(repo, call) -> None:
    """A section whose name is not a plain string cannot be listed: the line is named."""
    write(repo, "copy.py", f"\n{call}\n")
    with pytest.raises(UserError, match=r"stages/copy\.py line 2: read_\w+ needs its name"):
        deps.stage_uses(repo, "copy")


def test_a_module_that_is_missing_or_broken_is_named(repo) -> None:
    """A stage without its script, or a module that is no Python, is told by its path."""
    with pytest.raises(UserError, match=r"stages/none\.py is missing"):
        deps.stage_uses(repo, "none")
    write(repo, "deep/one.py", "x = (\n")
    with pytest.raises(UserError, match=r"stages/deep/one\.py line 1"):
        deps.stage_uses(repo, "train")


def test_check_names_stage_and_file(repo) -> None:
    """What is lacking and what is too much is told with the stage and the file."""
    lines = deps.check(repo)
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


def test_rewriting_makes_the_check_pass_and_is_done_once(repo) -> None:
    """After a rewrite nothing differs, and a second rewrite changes no byte."""
    deps.rewrite(repo)
    assert deps.check(repo) == []
    first = (repo / "dvc.yaml").read_bytes()
    deps.rewrite(repo)
    assert (repo / "dvc.yaml").read_bytes() == first


def test_rewriting_keeps_comments_data_and_the_rest(repo) -> None:
    """Only code, params and packages change: comments, data, outputs and plots stay in place."""
    deps.rewrite(repo)
    assert (
        (repo / "dvc.yaml").read_text()
        == """\
# The pipeline.
stages:
  # First comes the copy.
  copy:
    cmd: python -m stages.copy
    deps:
      - stages/copy.py
      - ${ingest.images} # photos
    outs:
      - data/sample:
          persist: true

  train: # then the training
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
    )


def test_versions_come_from_the_pins(repo) -> None:
    """stages/packages.yaml holds the packages in use, as text, and an update of one is seen."""
    deps.rewrite(repo)
    text = (repo / "stages" / "packages.yaml").read_text()
    assert text.endswith('numpy: "2.4.6"\npillow: "13.0.0"\n')
    (repo / "requirements.txt").write_text(PINS.replace("2.4.6", "2.4.7"))
    assert len(deps.check(repo)) == 1


@pytest.mark.parametrize("package", ["contourpy", "requests"])
def test_a_package_without_one_version_is_refused(repo, package) -> None:
    """A package that is not pinned, or pinned to several versions, is named."""
    write(repo, "copy.py", f"import {package}\n")
    with pytest.raises(UserError, match=package):
        deps.rewrite(repo)


def test_the_command_compares_without_writing(repo) -> None:
    """--check exits with 1 and leaves the files; without it they are mended and --check agrees."""

    def command(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stages.tools.deps", *options],
            cwd=repo,
            env={"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
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
