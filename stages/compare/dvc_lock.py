"""dvc.lock: what each stage used and wrote when it ran, and what differs between two of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.base.fingerprint import fingerprint
from stages.base.params import PARAMS, YamlValue

_Value = TypeVar("_Value")
_SEED = "seed"
_ABSENT = "absent"  # stands for the value of a param or package that only one side has


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """One stage as it ran."""

    params: dict[str, YamlValue]  # dotted key of params.yaml -> value
    packages: dict[str, str]  # name -> version
    code: dict[str, str]  # module -> md5
    data: dict[str, str]  # path of what it read -> md5
    outs: dict[str, str]  # path of what it wrote -> md5


DvcLock = dict[str, StageRun]
# Whether a stage can have changed the result: possible; none, when its outputs are all the same;
# aside, when the result does not depend on its outputs.
Effect = Literal["possible", "none", "aside"]
Change = Literal["changed", "added", "removed"]


@dataclass(frozen=True, kw_only=True)
class StageDifference:
    """What one stage used that differs, apart from outputs of earlier stages; see compare.json."""

    stage: str
    effect: Effect
    params: dict[str, tuple[YamlValue, YamlValue]]  # dotted key -> values of base and other
    packages: dict[str, tuple[str, str]]  # name -> versions of base and other
    code: dict[str, Change]  # by module
    inputs: dict[str, Change]  # by path of a source, such as data/photos


def read_lock(content: bytes | None) -> DvcLock | None:
    """Return the stages of a dvc.lock; None where there is none, or one that cannot be read."""
    try:
        stages = _load_yaml(content or b"")["stages"]
        return {name: _stage_run(stage) for name, stage in stages.items()}
    except (YAMLError, UnicodeDecodeError, TypeError, KeyError, AttributeError):
        return None


def read_params(content: bytes | None) -> dict[str, YamlValue] | None:
    """Return the dotted params of a params.yaml, none of a missing one; None if it is damaged."""
    try:
        return flatten_params(_load_yaml(content or b"{}"))
    except (YAMLError, UnicodeDecodeError, AttributeError):
        return None


def flatten_params(section: Mapping[str, YamlValue], prefix: str = "") -> dict[str, YamlValue]:
    """Return the dotted names of nested values.

    >>> flatten_params({"fine_tune": {"epochs": 4}, "seed": 1})
    {'fine_tune.epochs': 4, 'seed': 1}
    """
    params: dict[str, YamlValue] = {}
    for name, value in section.items():
        if isinstance(value, Mapping) and value:
            params |= flatten_params(value, f"{prefix}{name}.")
        else:
            params[f"{prefix}{name}"] = value
    return params


def output_hashes(lock: DvcLock) -> dict[str, str]:
    """Return path -> md5 of the outputs of all stages."""
    return {path: md5 for run in lock.values() for path, md5 in run.outs.items()}


def used_params(lock: DvcLock) -> dict[str, YamlValue]:
    """Return the params that any stage ran with, by their dotted keys."""
    params: dict[str, YamlValue] = {}
    for run in lock.values():
        params |= run.params
    return params


def seed_of(lock: DvcLock | None) -> YamlValue:
    """Return the seed that the stages ran with; None where none is known."""
    return next((run.params[_SEED] for run in (lock or {}).values() if _SEED in run.params), None)


def recipe_fingerprint(lock: DvcLock) -> str:
    """Return a fingerprint that is the same for two runs that differ at most in their seed."""
    outputs = output_hashes(lock)
    used = {
        name: [
            {key: value for key, value in run.params.items() if key != _SEED},
            run.packages,
            run.code,
            {path: md5 for path, md5 in run.data.items() if not _within(path, outputs)},
        ]
        for name, run in lock.items()
    }
    return fingerprint(json.dumps(used, sort_keys=True, default=str))


def stage_differences(base: DvcLock, other: DvcLock, result: str) -> list[StageDifference]:
    """Return the stages that used something else, in the order of the pipeline.

    A changed output of an earlier stage is left out: it is a consequence, not a cause. `result` is
    the output that the comparison is about.
    """
    no_run = StageRun(params={}, packages={}, code={}, data={}, outs={})
    base_params = used_params(base)
    other_params = used_params(other)
    outputs = output_hashes(base).keys() | output_hashes(other).keys()
    upstream = _upstream_stages(base, result) | _upstream_stages(other, result)
    differences = []
    for name in [*base, *(name for name in other if name not in base)]:
        base_run = base.get(name, no_run)
        other_run = other.get(name, no_run)
        keys = [*base_run.params, *other_run.params]
        sources = _changes(base_run.data, other_run.data).items()
        difference = StageDifference(
            stage=name,
            effect=_effect(name, base_run, other_run, upstream),
            # Where only one side's stage uses a param, the other side's value is the one that its
            # other stages ran with.
            params=_different_values(
                _selected(base_params, keys), _selected(other_params, keys), _ABSENT
            ),
            packages=_different_values(base_run.packages, other_run.packages, _ABSENT),
            code=_changes(base_run.code, other_run.code),
            inputs={path: change for path, change in sources if not _within(path, outputs)},
        )
        if difference.params or difference.packages or difference.code or difference.inputs:
            differences.append(difference)
    return differences


def _load_yaml(content: bytes) -> Any:
    """Return the content of a YAML 1.2 file, as DVC reads it (1e-3 is a number there)."""
    return YAML(typ="safe", pure=True).load(content.decode("utf-8"))


def _stage_run(stage: Mapping[str, Any]) -> StageRun:
    """Return a stage from its entry in dvc.lock."""
    dependencies = _hashes(stage.get("deps", []))
    params_by_file = dict(stage.get("params", {}))
    params = flatten_params(params_by_file.pop(str(PARAMS), {}))
    return StageRun(
        params=params,
        packages={
            name: str(version)
            for versions in params_by_file.values()
            for name, version in versions.items()
        },
        code={path: md5 for path, md5 in dependencies.items() if path.startswith("stages/")},
        data={path: md5 for path, md5 in dependencies.items() if not path.startswith("stages/")},
        outs=_hashes(stage.get("outs", [])),
    )


def _hashes(entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return path -> md5 of some entries of dvc.lock."""
    return {entry["path"]: str(entry.get("md5", "")) for entry in entries}


def _selected(values: Mapping[str, _Value], keys: Iterable[str]) -> dict[str, _Value]:
    """Return those of some keys that there are."""
    return {key: values[key] for key in keys if key in values}


def _effect(name: str, base: StageRun, other: StageRun, upstream: set[str]) -> Effect:
    """Return whether a stage can have changed the result, of which `upstream` are all stages."""
    if name not in upstream:
        return "aside"
    return "none" if base.outs == other.outs else "possible"


def _upstream_stages(lock: DvcLock, result: str) -> set[str]:
    """Return the stage that wrote a result, and all stages that it depends on."""
    upstream = {name for name, run in lock.items() if _within(result, run.outs)}
    waiting = list(upstream)
    while waiting:
        used = lock[waiting.pop()].data
        writers = {
            name for name, run in lock.items() if any(_within(path, run.outs) for path in used)
        }
        waiting += writers - upstream
        upstream |= writers
    return upstream


def _within(path: str, outs: Iterable[str]) -> bool:
    """Return whether a path is one of some outputs, or lies inside one that is a folder."""
    return any(path == out or path.startswith(f"{out}/") for out in outs)


def _different_values(
    base: Mapping[str, _Value], other: Mapping[str, _Value], absent: _Value
) -> dict[str, tuple[_Value, _Value]]:
    """Return the values of base and other by key, sorted, where they differ."""
    values = {
        key: (base.get(key, absent), other.get(key, absent))
        for key in sorted(base.keys() | other.keys())
    }
    return {
        key: (base_value, other_value)
        for key, (base_value, other_value) in values.items()
        if base_value != other_value
    }


def _changes(base: Mapping[str, str], other: Mapping[str, str]) -> dict[str, Change]:
    """Return the files whose md5 differs, sorted, with what happened to each."""
    changes: dict[str, Change] = {}
    for path in _different_values(base, other, _ABSENT):
        if path not in base:
            changes[path] = "added"
        else:
            changes[path] = "changed" if path in other else "removed"
    return changes
