"""Keep dvc.yaml true: every stage lists the modules, packages and params that its source uses.

Run: `make deps` rewrites the lists and descriptions in dvc.yaml and the versions in
stages/packages.yaml; `python -m stages.tools.deps --check` only compares, and exits 1 naming stage
and file. The source is read, never run, so this takes a moment and needs no torch.
"""

from stages.base.environment import prepare_process

prepare_process()

import ast
import io
import re
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from stages.base.entry_point import run_command
from stages.base.errors import UserError, error_list
from stages.base.files import write_text
from stages.base.terminal import say
from stages.base.yaml_file import read_yaml
from stages.tools.source_uses import CODE, Uses, parse_module, stage_uses

PIPELINE = Path("dvc.yaml")
PINS = Path("requirements.txt")
VERSIONS = "stages/packages.yaml"
_HEADER = (
    "# Versions of the packages that stages import, copied from requirements.txt by `make deps`.\n"
    "# Stages name them as params, so that an update reruns the stages that use the package.\n"
)


def pinned(root: Path) -> dict[str, str]:
    """Return the version of every package that requirements.txt pins to exactly one."""
    pins: dict[str, set[str]] = {}
    for line in (root / PINS).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line):
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            pins.setdefault(name, set()).add(match[2])
    return {name: next(iter(versions)) for name, versions in pins.items() if len(versions) == 1}


def versions_text(root: Path, packages: frozenset[str]) -> str:
    """Return what stages/packages.yaml should hold."""
    pins = pinned(root)
    if missing := sorted(packages - set(pins)):
        raise error_list(f"{PINS} pins no single version of these, which stages import:", missing)
    return _HEADER + "".join(f'{name}: "{pins[name]}"\n' for name in sorted(packages))


def description(root: Path, name: str) -> str:
    """Return what a stage does: the first line of its script's docstring."""
    path = f"{CODE}/{name}.py"
    docstring = ast.get_docstring(parse_module(root, path))
    if not docstring:
        raise UserError(f"{path} needs a docstring; its first line describes the stage in dvc.yaml")
    return docstring.splitlines()[0]


def stage_mistakes(name: str, stage: Any, uses: Uses) -> list[str]:
    """Return a line for each dependency that a stage's lists lack, or name without need."""
    deps = {dep for dep in stage.get("deps", []) if _is_code(dep)}
    params, packages = _split_params(stage.get("params", []))
    lines = []
    for kind, listed, used in (
        ("deps", deps, uses.files),
        ("params", params, uses.params),
        (f"params of {VERSIONS}", packages, uses.packages),
    ):
        lines += [f"{name}: {kind} lack {item}, which it uses" for item in sorted(used - listed)]
        lines += [f"{name}: {kind} name {item}, unused by it" for item in sorted(listed - used)]
    return lines


def set_lists(stage: CommentedMap, uses: Uses) -> None:
    """Put the right code and params into a stage of dvc.yaml; data and comments stay."""
    if "deps" not in stage:
        stage.insert(list(stage).index("cmd") + 1, "deps", CommentedSeq())
    _set_code(stage["deps"], uses.files)
    params: list[Any] = sorted(uses.params)
    if uses.packages:
        params.append({VERSIONS: sorted(uses.packages)})
    if "params" in stage and params:
        stage["params"] = params
    elif params:
        stage.insert(list(stage).index("deps") + 1, "params", params)
    else:
        stage.pop("params", None)


def _set_code(deps: CommentedSeq, files: frozenset[str]) -> None:
    """Put the right code into a list of deps, sorted as DVC sorts it when it rewrites a stage.

    Comments belong to places in the list, so where there are any, data stay where they are.
    """
    for index in reversed([index for index, dep in enumerate(deps) if _is_code(dep)]):
        if deps[index] not in files:
            del deps[index]
    for path in files - set(deps):
        deps.insert(0, path)
    has_comments = bool(deps.ca.items)
    places = [index for index, dep in enumerate(deps) if _is_code(dep) or not has_comments]
    for index, dep in zip(places, sorted(deps[index] for index in places), strict=True):
        deps[index] = dep


def _set_description(stage: CommentedMap, text: str) -> None:
    """Put the description first in a stage."""
    if "desc" in stage:
        stage["desc"] = text
    else:
        stage.insert(0, "desc", text)


def _is_code(dep: object) -> bool:
    return isinstance(dep, str) and dep.startswith(f"{CODE}/")


def _split_params(params: list[Any]) -> tuple[set[str], set[str]]:
    """Return the params that a stage lists, and the packages that it lists as params."""
    keys = {item for item in params if isinstance(item, str)}
    tables = [item for item in params if not isinstance(item, str)]
    return keys, {name for table in tables for name in table.get(VERSIONS, [])}


def dvc_yaml() -> YAML:
    """Return a reader and writer that keeps comments and order, and writes in DVC's own style.

    So `dvc freeze` and the like, which rewrite dvc.yaml, change the line that they are about.
    """
    yaml = YAML()
    yaml.default_flow_style = False
    return yaml


def check_pipeline(root: Path) -> list[str]:
    """Return a line for everything in dvc.yaml and stages/packages.yaml that the source belies."""
    read_yaml(root / PIPELINE)  # a file that is not valid YAML is a UserError
    stages = dvc_yaml().load(root / PIPELINE)["stages"]
    uses = {name: stage_uses(root, name) for name in stages}
    lines = [line for name in stages for line in stage_mistakes(name, stages[name], uses[name])]
    lines += [
        f"{name}: desc is not the first line of its script's docstring"
        for name in stages
        if stages[name].get("desc") != description(root, name)
    ]
    versions = root / VERSIONS
    packages = frozenset[str]().union(*(used.packages for used in uses.values()))
    right = versions_text(root, packages)
    if not versions.is_file() or versions.read_text(encoding="utf-8") != right:
        lines.append(f"{VERSIONS} is not what {PINS} pins for the packages that stages import")
    return lines


def rewrite_pipeline(root: Path) -> None:
    """Rewrite dvc.yaml and stages/packages.yaml from the source."""
    read_yaml(root / PIPELINE)
    yaml = dvc_yaml()
    pipeline = yaml.load(root / PIPELINE)
    packages: frozenset[str] = frozenset()
    for name, stage in pipeline["stages"].items():
        uses = stage_uses(root, name)
        set_lists(stage, uses)
        _set_description(stage, description(root, name))
        packages |= uses.packages
    text = io.StringIO()
    yaml.dump(pipeline, text)
    write_text(root / VERSIONS, versions_text(root, packages))
    write_text(root / PIPELINE, text.getvalue())


def main() -> None:
    """Rewrite the lists, or with --check compare them."""
    if sys.argv[1:] == ["--check"]:
        if lines := check_pipeline(Path()):
            raise error_list(
                "dvc.yaml is not what the source says; please run make deps:", lines, 50
            )
        say("dvc.yaml and stages/packages.yaml agree with the source.")
    elif sys.argv[1:]:
        raise UserError("python -m stages.tools.deps takes --check or nothing")
    else:
        rewrite_pipeline(Path())
        say("Rewrote the lists of dvc.yaml and stages/packages.yaml from the source.")


if __name__ == "__main__":
    run_command(main)
