"""dvc.lock: what each stage used and made when it ran, and what differs between two of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ruamel.yaml import YAML, YAMLError

from stages.base.files import fingerprint

PARAMS = "params.yaml"
SEED = "seed"
ABSENT = "absent"


@dataclass(frozen=True)
class StageRun:
    """One stage as it ran."""

    params: dict[str, Any]  # dotted key of params.yaml -> value
    packages: dict[str, str]  # name -> version
    code: dict[str, str]  # module -> md5
    data: dict[str, str]  # path of what it read -> md5
    outs: dict[str, str]  # path of what it made -> md5


Lock = dict[str, StageRun]
# Whether a stage can have made the difference: possible; none, when all that it made is the same;
# aside, when the result is not made from what it makes.
Effect = Literal["possible", "none", "aside"]


@dataclass(frozen=True)
class Difference:
    """What differs at one stage besides what the stages before it made."""

    stage: str
    effect: Effect
    params: dict[str, tuple[Any, Any]]  # dotted key -> values of base and other
    packages: dict[str, tuple[str, str]]  # name -> versions
    code: dict[str, str]  # module -> changed, added or removed
    inputs: dict[str, str]  # path of a source, such as data/photos -> changed, added or removed


def read_lock(content: bytes | None) -> Lock | None:
    """Return the stages of a dvc.lock; None where there is none, or one that cannot be read."""
    try:
        found = YAML(typ="safe", pure=True).load((content or b"").decode("utf-8"))
        return {name: _stage_run(stage) for name, stage in found["stages"].items()}
    except (YAMLError, UnicodeDecodeError, TypeError, KeyError, AttributeError):
        return None


def _stage_run(stage: Mapping[str, Any]) -> StageRun:
    files = {kind: _hashes(stage.get(kind, [])) for kind in ("deps", "outs")}
    params = dict(stage.get("params", {}))
    own = flatten_params(params.pop(PARAMS, {}))
    versions = {name: str(version) for table in params.values() for name, version in table.items()}
    code = {path: md5 for path, md5 in files["deps"].items() if path.startswith("stages/")}
    data = {path: md5 for path, md5 in files["deps"].items() if path not in code}
    return StageRun(own, versions, code, data, files["outs"])


def _hashes(entries: list[Mapping[str, Any]]) -> dict[str, str]:
    return {entry["path"]: str(entry.get("md5", "")) for entry in entries}


def flatten_params(section: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the dotted names of nested values.

    >>> flatten({"fine_tune": {"epochs": 4}, "seed": 1})
    {'fine_tune.epochs': 4, 'seed': 1}
    """
    found: dict[str, Any] = {}
    for name, value in section.items():
        inner = value if isinstance(value, Mapping) else None
        found |= flatten_params(inner, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value}
    return found


def outputs(lock: Lock) -> dict[str, str]:
    """Return path -> md5 of everything that the stages made."""
    return {path: md5 for stage in lock.values() for path, md5 in stage.outs.items()}


def differences(base: Lock, other: Lock, result: str) -> list[Difference]:
    """Return the stages that used something else, with what it was, in the order of the pipeline.

    What stages before it made is left out: it is a consequence. `result` is the output that the
    comparison is about.
    """
    between = outputs(base).keys() | outputs(other).keys()
    nothing = StageRun({}, {}, {}, {}, {})
    known = [all_params(lock) for lock in (base, other)]
    leading = _leading_to(base, result) | _leading_to(other, result)
    found = []
    for name in [*base, *(name for name in other if name not in base)]:
        one, two = base.get(name, nothing), other.get(name, nothing)
        # A stage that only now looks at a param has the value that others ran with.
        params = [
            {key: values[key] for key in one.params | two.params if key in values}
            for values in known
        ]
        inputs = _kinds(one.data, two.data)
        found.append(
            Difference(
                stage=name,
                effect=_effect(name, one, two, leading),
                params=_values(*params),
                packages=_values(one.packages, two.packages),
                code=_kinds(one.code, two.code),
                inputs={path: how for path, how in inputs.items() if not _within(path, between)},
            )
        )
    return [one for one in found if one.params or one.packages or one.code or one.inputs]


def all_params(lock: Lock) -> dict[str, Any]:
    """Return the params that any stage ran with."""
    found: dict[str, Any] = {}
    for run in lock.values():
        found |= run.params
    return found


def _effect(name: str, base: StageRun, other: StageRun, leading: set[str]) -> Effect:
    if name not in leading:
        return "aside"
    return "none" if base.outs == other.outs else "possible"


def _leading_to(lock: Lock, result: str) -> set[str]:
    """Return the stage that made a result, and all that made something for it."""
    found = {name for name, run in lock.items() if _within(result, run.outs)}
    waiting = list(found)
    while waiting:
        used = lock[waiting.pop()].data
        before = {
            name for name, run in lock.items() if any(_within(path, run.outs) for path in used)
        }
        waiting += before - found
        found |= before
    return found


def _within(path: str, outs: Iterable[str]) -> bool:
    """Return whether a path is one of some outputs, or lies inside one that is a folder."""
    return any(path == out or path.startswith(f"{out}/") for out in outs)


def _values(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        key: (base.get(key, ABSENT), other.get(key, ABSENT))
        for key in sorted(base.keys() | other.keys())
        if base.get(key, ABSENT) != other.get(key, ABSENT)
    }


def _kinds(base: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    values = _values(base, other)
    return {
        path: "added" if one == ABSENT else "removed" if two == ABSENT else "changed"
        for path, (one, two) in values.items()
    }


def recipe(lock: Lock) -> str:
    """Return a text that is the same for two runs that differ at most in their seed."""
    between = outputs(lock)
    used = {
        name: [
            {key: value for key, value in run.params.items() if key != SEED},
            run.packages,
            run.code,
            {path: md5 for path, md5 in run.data.items() if not _within(path, between)},
        ]
        for name, run in lock.items()
    }
    return fingerprint(json.dumps(used, sort_keys=True, default=str))


def seed_of(lock: Lock | None) -> Any:
    """Return the seed that the stages ran with; None where none is known."""
    return next((run.params[SEED] for run in (lock or {}).values() if SEED in run.params), None)
