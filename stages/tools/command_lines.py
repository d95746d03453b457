"""Command lines: each command of make as the programs that it runs, lists of words for no shell.

Needs Python alone, since stages/tools/run.py has no more when it starts.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from stages.base.errors import UserError
from stages.base.terminal import say
from stages.tools.own_python import OwnPython

_Values = Mapping[str, str]
_Words = list[str]

_VENV = Path(os.environ.get("FINETRACK_VENV") or ".venv")
_USERS = OwnPython(_VENV, (Path("requirements.txt"),))
_DEVELOPERS = OwnPython(_VENV, (Path("requirements.txt"), Path("requirements-dev.txt")))
# In an environment of its own, since nothing else needs what it installs.
_SITE = OwnPython(Path(".venv-site"), (Path("docs/requirements.txt"),))
_PYTHON = "python"  # that of the command's environment
_TESTS = [_PYTHON, "-m", "pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-m"]
# Of what `dvc exp show` has, the columns worth reading: the error with its interval, how far it is
# from the baseline's, the learning rate, and the params that differ. Where classes are unequal, the
# mean of their recalls too.
_METRICS = r"error_rate\.|versus_baseline\.difference\.value$|base_lr$"
_UNEQUAL_METRICS = rf"{_METRICS}|macro_recall\.value$"
_METRICS_FILE = Path("reports/interpret/metrics.json")
_SECTIONS = r"seed$|(fetch|ingest|presize|datablock|augment|model|lr_find|fine_tune)\."
_COMPILE = ["pip", "compile", "--universal", "--python-version", "3.11", "--no-header", "-q"]
_NEEDED = {
    "PHOTOS": "PHOTOS=folder says which photos",
    "OUT": "OUT=folder says where the result goes",
}


@dataclass(frozen=True)
class RunCommand:
    """A command: what it does, its programs one after another, the values that it takes."""

    does: str
    programs: Callable[[_Values], list[_Words]]
    keys: tuple[str, ...] = ()
    own_python: OwnPython | None = _USERS


def _tool(name: str, *words: str) -> _Words:
    return [_PYTHON, "-m", f"stages.tools.{name}", *words]


def _dvc(*words: str) -> _Words:
    return [_PYTHON, "-m", "dvc", *words]


def _needed(values: _Values, *keys: str) -> list[str]:
    if missing := [key for key in keys if key not in values]:
        raise UserError(", ".join(_NEEDED[key] for key in missing))
    return [values[key] for key in keys]


def _repro(_: _Values) -> list[_Words]:
    return [_tool("check"), _dvc("repro"), _tool("headline")]


def _start(values: _Values) -> list[_Words]:
    take = [f"--take={values['TAKE']}"] if "TAKE" in values else []
    switches = [f"--{key.lower()}" for key in ("COPY", "YES") if values.get(key) == "1"]
    return [_tool("start", *take, *switches, "--", *_needed(values, "PHOTOS"))]


def _on_photos(values: _Values, tool: str, keys: str, needed: str = "PHOTOS") -> list[_Words]:
    photos, *_ = _needed(values, *needed.split())
    given = [key for key in keys.split() if key in values]
    options = [word for key in given for word in (f"--{key.lower()}", values[key])]
    return [_tool(tool, *options, "--", photos)]


def _to_folder(values: _Values, tool: str, *of: str) -> list[_Words]:
    *photos, out = _needed(values, *of, "OUT")
    return [_tool(tool, "--out", out, *(["--", *photos] if photos else []))]


def _experiments(_: _Values) -> list[_Words]:
    metrics = _UNEQUAL_METRICS if _has_unequal_classes() else _METRICS
    drop = rf"^(?!Experiment$|{metrics}|{_SECTIONS})"
    return [_dvc("exp", "show", "--only-changed", "--keep", f"^({metrics})", "--drop", drop)]


def _has_unequal_classes() -> bool:
    """Return whether the last run says that its classes are unequal; not without a run."""
    try:
        metrics = json.loads(_METRICS_FILE.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(metrics, dict) and metrics.get("unequal_classes") is True


def _seeds(values: _Values) -> list[_Words]:
    count = values.get("N", "5")
    if not re.fullmatch("[0-9]{1,6}", count):
        raise UserError(f"N is a number of seeds, such as N=5, not {count}")
    seeds = f"seed=range(1,{int(count) + 1})"
    return [_dvc("exp", "run", "--queue", "--name", "seed", "-S", seeds)]


def _tests(marks: str) -> Callable[[_Values], list[_Words]]:
    return lambda _: [[*_TESTS, marks]]


def _generated(*words: str) -> list[_Words]:
    table = [_PYTHON, "-m", "benchmarks.table", *words]
    return [_tool("params", *words), _tool("deps", *words), table]


def _lint(_: _Values) -> list[_Words]:
    ruff = [_PYTHON, "-m", "ruff"]
    mypy = [_PYTHON, "-m", "mypy"]
    # Modules and functions that Windows lacks are found by their types.
    types = [mypy, [*mypy, "--platform", "win32", "--cache-dir", ".mypy_cache/win32", "stages"]]
    return [[*ruff, "check"], [*ruff, "format", "--check"], *types, *_generated("--check")]


def _doctest(_: _Values) -> list[_Words]:
    options = ["--doctest-modules", "stages", "--ignore-glob=*_tracker.py"]
    return [[_PYTHON, "-m", "pytest", *options]]


def _check(values: _Values) -> list[_Words]:
    return [*_lint(values), *_doctest(values), *COMMANDS["test"].programs(values)]


def _pins(_: _Values) -> list[_Words]:
    return [
        ["uv", *_COMPILE, f"{name}.in", "-o", f"{name}.txt"]
        for name in ("requirements", "requirements-dev", "docs/requirements")
    ]


def _help(_: _Values) -> list[_Words]:
    for name, command in COMMANDS.items():
        say(f"{name:<20}{command.does}")
    return []


COMMANDS = {
    "help": RunCommand("show these lines", _help, own_python=None),
    "environment": RunCommand(
        "[TORCH=cpu]: make .venv, with the pinned requirements", lambda _: [], ("TORCH",)
    ),
    "dev-environment": RunCommand(
        "[TORCH=cpu]: make .venv, with what the checks need too",
        lambda _: [],
        ("TORCH",),
        own_python=_DEVELOPERS,
    ),
    "start": RunCommand(
        "PHOTOS=folder [COPY=1]: propose how your photos are labelled, write params.yaml after a"
        " yes",
        _start,
        ("PHOTOS", "COPY", "TAKE", "YES"),
    ),
    "repro": RunCommand(
        "run the stages that something changed for, print the result", _repro, ("TORCH",)
    ),
    "review": RunCommand(
        "review labels in the browser: decisions are saved, G runs again, dropped photos are"
        " answered",
        lambda _: [_tool("review")],
    ),
    "predict": RunCommand(
        "PHOTOS=folder [OUT=predictions.csv] [REV=v1] [CROPS=flip]: what the model says of photos",
        lambda values: _on_photos(values, "predict", "OUT REV CROPS"),
        ("PHOTOS", "OUT", "REV", "CROPS"),
    ),
    "evaluate": RunCommand(
        "PHOTOS=folder OUT=folder [REV=v1]: how often the model is right on new labelled photos",
        lambda values: _on_photos(values, "evaluate", "OUT REV", needed="PHOTOS OUT"),
        ("PHOTOS", "OUT", "REV"),
    ),
    "shards": RunCommand(
        "OUT=folder: the presized photos with labels and split, for trainers that read WebDataset",
        lambda values: _to_folder(values, "shards"),
        ("OUT",),
    ),
    "pack": RunCommand(
        "PHOTOS=folder OUT=folder: photos into a few tars, where DVC takes minutes to look at all",
        lambda values: _to_folder(values, "pack", "PHOTOS"),
        ("PHOTOS", "OUT"),
    ),
    "compare": RunCommand(
        "BASE=main [OTHER=...]: better, worse, or cannot tell, on the same images",
        lambda values: [
            _tool("compare", values.get("BASE", "HEAD"), *values.get("OTHER", "").split())
        ],
        ("BASE", "OTHER"),
    ),
    "experiments": RunCommand("DVC's experiments with the columns worth reading", _experiments),
    "seeds": RunCommand(
        "N=5: queue the same with other seeds; then: dvc queue start", _seeds, ("N",)
    ),
    "report": RunCommand(
        "REV=v1: the page of a past commit again, without training",
        lambda values: [_tool("past_page", values.get("REV", "HEAD"))],
        ("REV",),
    ),
    "test-set": RunCommand(
        "open the images that datablock.split.test set aside, and count the opening",
        lambda _: [_tool("test_set")],
    ),
    "test": RunCommand("run the tests", _tests("not thorough"), own_python=_DEVELOPERS),
    "thorough": RunCommand(
        "run the tests that prove once what others watch",
        _tests("thorough"),
        own_python=_DEVELOPERS,
    ),
    "quick": RunCommand(
        "run the tests that take seconds",
        _tests("not slow and not browser and not thorough"),
        own_python=_DEVELOPERS,
    ),
    "lint": RunCommand(
        "lint, format, types and generated files, without tests", _lint, own_python=_DEVELOPERS
    ),
    "generated": RunCommand(
        "compare the generated files with their sources; deps rewrites them",
        lambda _: _generated("--check"),
    ),
    "doctest": RunCommand("run the examples in docstrings", _doctest, own_python=_DEVELOPERS),
    "check": RunCommand("lint, then doctests, then the tests", _check, own_python=_DEVELOPERS),
    "deps": RunCommand(
        "rewrite what is generated: dvc.yaml's lists, params.yaml's comments, docs, tables",
        lambda _: _generated(),
    ),
    "layers": RunCommand(
        "draw the rooms of stages/, what each imports, and a line about every module",
        lambda _: [_tool("layers")],
    ),
    "site": RunCommand(
        "build docs/ as a site with search, into site/",
        lambda _: [[_PYTHON, "-m", "mkdocs", "build", "--strict", "-q"]],
        own_python=_SITE,
    ),
    "requirements.txt": RunCommand(
        "pin the requirements anew, for every platform (needs uv)", _pins, own_python=None
    ),
}
