"""The house keeps its shape: layers, lengths, and a dvc.yaml that lists exactly what is used."""

import ast
import re
import subprocess
from functools import cache
from importlib.metadata import distributions, packages_distributions, version
from pathlib import Path

import pytest

from stages.base.params import Section, dotted_keys
from stages.base.yaml_file import read_yaml
from stages.tools import deps, layers, source_uses
from stages.tools.check_images import outputs_of
from stages.tools.param_sections import SECTIONS

ROOT = Path(__file__).parents[1]
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "stages").rglob("*.py"))
SCRIPTS = [path for path in MODULES if path.count("/") == 1 and not path.endswith("__init__.py")]
PIPELINE = read_yaml(ROOT / "dvc.yaml")
STAGES = list(PIPELINE["stages"])
ALLOWED = layers.allowed_imports(ROOT)
ROOMS = [name for name in ALLOWED if name not in ("scripts", "tools")]
PRINTERS = ("stages/base/terminal.py", "stages/base/entry_point.py")
# The folder in which model.weights names a file is part of what that param means.
WEIGHTS_PATH_OWNER = "stages/model/weights_name.py"
TORCH = {"torch", "torchvision", "timm"}
# What a room must not need, so that a cheap stage starts fast and runs without it.
FOREIGN = {
    "base": TORCH | {"pillow", "matplotlib", "scikit-learn"},
    "sample": TORCH | {"matplotlib"},
    "cluster": TORCH | {"pillow", "matplotlib", "scikit-learn", "pandas"},
    "images": TORCH | {"matplotlib", "scikit-learn", "pandas"},
    "store": TORCH | {"matplotlib", "scikit-learn"},
    "labels": TORCH | {"pillow", "matplotlib", "scikit-learn"},
    "dataset": TORCH | {"matplotlib"},
    "stats": TORCH | {"matplotlib"},
    "page": TORCH,
    "compare": TORCH | {"scikit-learn"},
}


@cache
def tree(path: str) -> ast.Module:
    """Return a module of stages/ as parsed."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


@cache
def uses(path: str) -> tuple[source_uses.Uses, set[str]]:
    """Return what a module uses, and the modules that it imports."""
    return source_uses.module_uses(ROOT, path)


def functions(path: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function of a module, methods and inner ones included."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree(path)) if isinstance(node, kinds)]


def lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how many lines a definition takes."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_dvc_yaml_lists_exactly_what_is_used() -> None:
    """Code, params and package versions in dvc.yaml are those of the source: else, make deps."""
    assert deps.check_pipeline(ROOT) == []


def test_every_script_is_a_stage_and_runs_as_a_module() -> None:
    """dvc.yaml has a stage for each script, by its name, and runs it as a module."""
    assert sorted(STAGES) == sorted(Path(path).stem for path in SCRIPTS)
    for name, stage in PIPELINE["stages"].items():
        assert stage["cmd"] == f"python -m stages.{name}"


@pytest.mark.parametrize("name", STAGES)
def test_paths_in_a_script_are_those_in_dvc_yaml(name: str) -> None:
    """A path of data or reports that a script names is declared; what is declared, it names."""
    stage = PIPELINE["stages"][name]
    deps_of_data = (dep for dep in stage.get("deps", []) if not dep.startswith("stages/"))
    listed = {dep for dep in deps_of_data if "${" not in dep}  # those come from params
    listed |= set(outputs_of({"stages": {name: stage}}))
    named = paths_in(without_docstrings(f"stages/{name}.py"))
    strange = {path for path in named if not any(related(path, one) for one in listed)}
    assert strange == set(), f"stages/{name}.py names paths that dvc.yaml does not list for it"
    unnamed = {one for one in listed if not any(related(path, one) for path in named)}
    assert unnamed == set(), f"dvc.yaml lists for {name} what stages/{name}.py does not name"


def paths_in(module: ast.Module) -> set[str]:
    """Return the paths of data and reports that a script names, as text or as FOLDER / text."""
    constants: dict[str, str] = {}

    def value(node: ast.AST) -> str:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return constants.get(name, "")
            case ast.Call(func=ast.Name(id="Path"), args=[argument]):
                return value(argument)
            case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(value=str(text))):
                return f"{value(left)}/{text}"
        return ""

    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = value(node.value)
    texts = {value(node).rstrip("/") for node in ast.walk(module)}
    return {text for text in texts if re.fullmatch(r"(data|reports)(/[\w.-]+)+", text)}


def related(one: str, other: str) -> bool:
    """Return whether one path is the other, or lies inside it."""
    return Path(one).is_relative_to(other) or Path(other).is_relative_to(one)


def is_text(node: ast.AST) -> bool:
    """Return whether a statement is a text alone, as a docstring is."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def without_docstrings(path: str) -> ast.Module:
    """Return a module without its docstrings, which may name any path."""
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    for node in ast.walk(module):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and is_text(body[0]):
            body[0] = ast.Pass()
    return module


@pytest.mark.parametrize("path", MODULES)
def test_layers(path: str) -> None:
    """A module imports only what the table in CONTRIBUTING.md allows, and nothing heavy there."""
    used, imported = uses(path)
    room = layers.room_of(path)
    assert {layers.room_of(other) for other in imported} <= ALLOWED[room]
    assert used.packages & FOREIGN.get(room, set()) == set()


@pytest.mark.parametrize("path", SCRIPTS)
def test_no_script_imports_another(path: str) -> None:
    """A stage script imports rooms only, so that a change of one script reruns one stage."""
    assert {other for other in uses(path)[1] if layers.room_of(other) == "scripts"} == set()


def test_the_table_of_rooms_is_in_order_and_whole() -> None:
    """Every room of stages/ has a row, and each row names only rooms of the rows before it."""
    order = list(ALLOWED)
    assert sorted(order) == sorted({layers.room_of(path) for path in MODULES[1:]})
    for place, name in enumerate(order):
        assert ALLOWED[name] <= set(order[: place + 1]), name


def test_interpret_needs_no_torch() -> None:
    """The report is made without torch, so that it costs seconds."""
    assert not {"torch", "torchvision", "timm"} & source_uses.stage_uses(ROOT, "interpret").packages


def test_comparing_needs_no_torch() -> None:
    """Revisions are compared without torch and scikit-learn, which take seconds to start."""
    heavy = {"torch", "torchvision", "timm", "scikit-learn"}
    assert not heavy & source_uses.stage_uses(ROOT, "tools/compare").packages


@pytest.mark.parametrize("name", ["fetch", "ingest", "presize"])
def test_stages_before_the_model_need_no_torch(name: str) -> None:
    """Making, reading and presizing photos needs neither torch nor matplotlib."""
    used = source_uses.stage_uses(ROOT, name).packages
    assert not {"torch", "torchvision", "timm", "matplotlib"} & used - {
        "torchvision" if name == "fetch" else ""  # its own loader of Pets
    }


@pytest.mark.parametrize("name", ["store/shard", "dataset/scan", "cluster/task_server"])
def test_processes_that_read_photos_need_no_pandas(name: str) -> None:
    """What each process of a run or a cluster loads before its first photo is without tables."""
    assert not {"pandas", "scikit-learn", "torch"} & source_uses.stage_uses(ROOT, name).packages


@pytest.mark.parametrize("name", ["lr_find", "fine_tune"])
def test_training_draws_no_pictures(name: str) -> None:
    """A change of the report's looks must not train again."""
    assert "matplotlib" not in source_uses.stage_uses(ROOT, name).packages


def test_no_circles() -> None:
    """No module imports itself by way of others."""
    done: set[str] = set()

    def visit(path: str, above: tuple[str, ...]) -> None:
        assert path not in above, " -> ".join([*above, path])
        if path not in done:
            for other in sorted(uses(path)[1]):
                visit(other, (*above, path))
            done.add(path)

    for path in MODULES:
        visit(path, ())


@pytest.mark.parametrize("path", [path for path in MODULES if path.endswith("__init__.py")])
def test_packages_are_empty(path: str) -> None:
    """An __init__.py holds nothing, since dvc.yaml does not list it."""
    assert (ROOT / path).read_bytes() == b""


@pytest.mark.parametrize("path", MODULES)
def test_imports_can_be_read_from_the_source(path: str) -> None:
    """No import by a computed name, none relative, none of everything: the list is the truth."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            assert all(alias.name != "*" for alias in node.names), f"line {node.lineno}: import *"
        modules = list(source_uses.imported_names(node))
        loaders = {name for name in modules if not name.startswith("importlib.metadata")}
        assert "importlib" not in {name.split(".")[0] for name in loaders}
        if isinstance(node, ast.Name):
            assert node.id != "__import__", f"line {node.lineno}"


@pytest.mark.parametrize("path", MODULES)
def test_imports_name_a_module_that_exists(path: str) -> None:
    """`from stages.a import b` names a module, or a name in the module stages/a.py."""
    for node in ast.walk(tree(path)):
        for name in source_uses.imported_names(node):
            if name.startswith("stages."):
                parts = name.split(".")
                files = [f"{'/'.join(parts[:n])}.py" for n in range(2, len(parts) + 1)]
                is_package = (ROOT / "/".join(parts) / "__init__.py").is_file()
                assert is_package or any((ROOT / file).is_file() for file in files), name


@pytest.mark.parametrize("path", MODULES)
def test_lengths(path: str) -> None:
    """A stage script has at most 110 lines, a module 250, a function 60."""
    count = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    assert count <= (110 if path in SCRIPTS else 250)
    long = [f"{node.name}: {lines(node)} lines" for node in functions(path) if lines(node) > 60]
    assert long == []


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_script_reports_failures_as_people_read_them(path: str) -> None:
    """A stage script says how to run it, and its failures how to restore what DVC removed."""
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"python -m stages.{Path(path).stem}" in (ast.get_docstring(tree(path)) or "")
    outs = PIPELINE["stages"][Path(path).stem].get("outs", [None])
    persistent = all(isinstance(out, dict) and "persist" in str(out) for out in outs)
    runner = (
        "run_command" if persistent else "run_stage"
    )  # of persistent outputs DVC removes nothing
    assert text.endswith(f'if __name__ == "__main__":\n    {runner}(main)\n')


def test_lines_are_printed_in_one_way() -> None:
    """No module calls print by itself: `say` escapes what could act on the terminal."""
    calls = [
        f"{path}, line {node.lineno}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id == "print" and path != PRINTERS[0]
    ]
    assert calls == []


@pytest.mark.parametrize("path", [path for path in MODULES if layers.room_of(path) in ROOMS])
def test_only_scripts_read_params_print_and_know_paths(path: str) -> None:
    """Modules get values and return values."""
    if path in (source_uses.READERS, *PRINTERS):
        return
    for node in ast.walk(without_docstrings(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            readers = {"read_all_params", "read_section", "read_seed", "read_value"}
            assert node.func.id not in readers, f"line {node.lineno} reads params"
            assert node.func.id not in {"print", "say"}, f"line {node.lineno} prints"
        knows_path = path == WEIGHTS_PATH_OWNER
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not knows_path:
            assert not re.match(r"(data|reports)/[\w.-]+$", node.value), f"line {node.lineno}"


def leaves(value: object, prefix: str = "") -> list[str]:
    """Return the dotted name of every value in a nested mapping."""
    if not isinstance(value, dict):
        return [prefix]
    dotted = ((f"{prefix}.{name}" if prefix else name, inner) for name, inner in value.items())
    return [leaf for name, inner in dotted for leaf in leaves(inner, name)]


def test_every_param_is_known_to_one_model() -> None:
    """The keys of params.yaml are those of the models that the checker knows, and no others."""
    known = [key for name, model in SECTIONS.items() for key in dotted_keys(model, name)]
    assert len(known) == len(set(known))
    assert sorted(leaves(read_yaml(ROOT / "params.yaml"))) == sorted([*known, "seed"])


def test_every_section_model_is_checked() -> None:
    """No model of params is left out of the checker, neither by itself nor inside another."""

    def inside(model: type[Section]) -> set[type[Section]]:
        fields = {field.annotation for field in model.model_fields.values()}
        inner = {kind for kind in fields if isinstance(kind, type) and issubclass(kind, Section)}
        return {model}.union(*(inside(kind) for kind in inner))

    ours = {model for model in Section.__subclasses__() if model.__module__.startswith("stages.")}
    assert ours == set().union(*(inside(model) for model in SECTIONS.values()))


def test_every_param_is_used_by_a_stage() -> None:
    """Each key of params.yaml is among the params of some stage, by itself or with its section.

    Not counted is that interpret shows every section on the page; its own is all that it uses.
    """
    listed = {"interpret"} | {
        item
        for name, stage in PIPELINE["stages"].items()
        for item in stage.get("params", [])
        if isinstance(item, str) and name != "interpret"
    }
    parts = {key: key.split(".") for key in leaves(read_yaml(ROOT / "params.yaml"))}
    unused = [
        key
        for key, names in parts.items()
        if not any(".".join(names[:n]) in listed for n in range(1, len(names) + 1))
    ]
    assert unused == []


def test_a_section_belongs_to_one_reader() -> None:
    """A whole section is read with the same model wherever it is read."""
    readers: dict[str, set[str]] = {}
    for path in SCRIPTS:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "read_section":
                name, model = (ast.unparse(argument) for argument in node.args[:2])
                readers.setdefault(ast.literal_eval(name), set()).add(model)
    assert {name: sorted(models) for name, models in readers.items()} == {
        name: [SECTIONS[name].__name__] for name in readers
    }


def test_package_versions_are_pinned_and_installed() -> None:
    """stages/packages.yaml, requirements.txt and the environment name the same versions."""
    versions = read_yaml(ROOT / deps.VERSIONS)
    pins = deps.pinned(ROOT)
    assert versions == {name: pins[name] for name in versions}
    present = {re.sub(r"[-_.]+", "-", one.name).lower() for one in distributions()}
    # Triton is for Linux, and the README leaves it out where there is no GPU.
    assert set(versions) - present <= {"triton"}
    installed = {name: version(name).split("+")[0] for name in versions if name in present}
    expected = {name: versions[name] for name in installed}
    assert installed == expected, "the environment is not requirements.txt; run make"


def test_packages_are_named_as_they_are_installed() -> None:
    """The name on the package index that is given to an imported package is its real one."""
    real = {name: list(found) for name, found in packages_distributions().items()}
    real["pyvips"] = real["_libvips"]  # the library under it, which computes the pixels
    tops = {
        name.split(".")[0]
        for path in MODULES
        for node in ast.walk(tree(path))
        for name in source_uses.imported_names(node)
    }
    for top in tops & set(real):
        named = {re.sub(r"[-_.]+", "-", name).lower() for name in real[top]}
        assert source_uses.distribution(top) in named


def test_direct_requirements_are_those_imported() -> None:
    """requirements.in names every package that stages import."""
    text = (ROOT / "requirements.in").read_text(encoding="utf-8")
    direct = {
        re.sub(r"[-_.]+", "-", match[0]).lower()
        for line in text.splitlines()
        if (match := re.match(r"[A-Za-z0-9._-]+", line))
    }
    assert set(read_yaml(ROOT / deps.VERSIONS)) <= direct


def ignored(paths: list[str]) -> set[str]:
    """Return the paths that git ignores."""
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return set(done.stdout.splitlines())


def test_what_dvc_keeps_git_ignores() -> None:
    """Photos, and all that is made of them, are ignored by committed files; small results are not.

    DVC takes its own additions to .gitignore away again when a stage fails.
    """
    cached: list[str] = []
    in_git: list[str] = []
    for stage in PIPELINE["stages"].values():
        for kind in ("outs", "metrics", "plots"):
            for entry in stage.get(kind, []):
                path, options = (entry, {}) if isinstance(entry, str) else next(iter(entry.items()))
                (cached if options.get("cache", True) else in_git).append(path)
    assert ignored(cached) == set(cached)
    assert ignored(in_git) == set()
    folder_of_photos = ["data/photos", "data/photos/a.jpg"]
    assert ignored([*folder_of_photos, "data/photos.dvc"]) == set(folder_of_photos)
    data = (ROOT / "data" / ".gitignore").read_text().splitlines()
    assert {f"/{path.removeprefix('data/')}" for path in cached if path.startswith("data/")} <= {
        *data
    }


def test_only_small_results_are_kept_outside_the_cache() -> None:
    """Only metrics and plots say `cache: false`: on outs it would switch the run cache off."""
    for name, stage in PIPELINE["stages"].items():
        for kind in ("metrics", "plots"):
            for entry in stage.get(kind, []):
                assert isinstance(entry, dict), f"{name}: {entry} needs cache: false"
                path, options = next(iter(entry.items()))
                assert options["cache"] is False
                assert Path(path).suffix in (".json", ".csv")
        for entry in stage.get("outs", []):
            if isinstance(entry, dict):
                assert entry == {"data/sample": {"persist": True}}


@pytest.mark.parametrize("name", [".venv", ".finetrack/x", "stages/__pycache__/a.pyc"])
def test_private_things_stay_out_of_git(name: str) -> None:
    """The environment, as a folder or a link, private caches and bytecode are ignored."""
    assert ignored([name]) == {name}


def test_tests_mirror_stages() -> None:
    """Every module of a room has a test file of its name, and every folder of tests is a room."""
    untested = [
        path
        for path in MODULES
        if layers.room_of(path) != "scripts"
        and not path.endswith("__init__.py")
        and not (ROOT / "tests" / Path(path).parent.name / f"test_{Path(path).name}").is_file()
    ]
    assert untested == []
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders == {*ROOMS, "tools"}


def test_a_public_name_stands_in_one_module() -> None:
    """A function, class or constant that others may import stands in one module alone."""
    owners: dict[str, list[str]] = {}
    for path in MODULES:
        for name in public_names(tree(path)) - {"main"}:
            owners.setdefault(name, []).append(path)
    assert {name: paths for name, paths in owners.items() if len(paths) > 1} == {}


def public_names(module: ast.Module) -> set[str]:
    """Return the names at the top of a module that do not begin with an underscore."""
    names: set[str] = set()
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


def test_every_test_says_what_it_holds() -> None:
    """A test has a docstring: a sentence about the behaviour that it holds."""
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
