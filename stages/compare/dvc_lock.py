"""dvc.lock: what each stage used and wrote when it ran."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.base.echo import cut, echo
from stages.base.errors import UserError
from stages.base.fingerprint import fingerprint
from stages.base.params import PARAMS, YamlValue
from stages.base.yaml_file import parse_yaml

_SEED = "seed"


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """One stage as it ran."""

    params: dict[str, YamlValue]  # dotted key of params.yaml -> value
    packages: dict[str, str]  # name -> version
    code: dict[str, str]  # module -> md5
    data: dict[str, str]  # path of what it read -> md5
    outs: dict[str, str]  # path of what it wrote -> md5


DvcLock = dict[str, StageRun]


class _Entry(BaseModel):
    """A file that a stage read or wrote; one that DVC does not name by its md5 has none."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    path: str
    md5: str = ""
    etag: str = ""  # of a single file in a bucket


class _Stage(BaseModel):
    """A stage in dvc.lock; params by the file that they stand in."""

    deps: list[_Entry] = Field(default_factory=list)
    outs: list[_Entry] = Field(default_factory=list)
    params: dict[str, dict[str, Any]] = Field(default_factory=dict)


class _LockFile(BaseModel):
    """What is read of a dvc.lock."""

    stages: dict[str, _Stage]


def read_lock(content: bytes | None, name: str) -> DvcLock | None:
    """Return the stages of a dvc.lock, None of a missing one; a UserError says what is damaged.

    name: of the file, for the error.
    """
    if content is None:
        return None
    try:
        file = _LockFile.model_validate(parse_yaml(content, name))
    except ValidationError as error:
        detail = error.errors()[0]
        place = ".".join(map(str, detail["loc"]))
        reason = cut(f"{place}: {detail['msg']}, not {echo(detail['input'])}", 200)
        raise UserError(f"{name} is damaged: {reason}; dvc repro writes a new one") from None
    return {stage: _stage_run(entry) for stage, entry in file.stages.items()}


def read_params(content: bytes | None, name: str) -> dict[str, YamlValue]:
    """Return the dotted params of a params.yaml, none of a missing one.

    name: of the file, for the UserError that says what is damaged.
    """
    return {} if content is None else flatten_params(parse_yaml(content, name))


def flatten_params(section: Mapping[str, Any], prefix: str = "") -> dict[str, YamlValue]:
    """Return the dotted names of nested values; what JSON cannot hold becomes text.

    >>> flatten_params({"fine_tune": {"epochs": 4}, "seed": 1})
    {'fine_tune.epochs': 4, 'seed': 1}
    """
    params: dict[str, YamlValue] = {}
    for name, value in section.items():
        if isinstance(value, Mapping) and value:
            params |= flatten_params(value, f"{prefix}{name}.")
        else:
            params[f"{prefix}{name}"] = _json_value(value)
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


def setup_fingerprint(lock: DvcLock) -> str:
    """Return a fingerprint that is the same for two runs that differ at most in their seed."""
    outputs = output_hashes(lock)
    used = {
        name: [
            {key: value for key, value in run.params.items() if key != _SEED},
            run.packages,
            run.code,
            {path: md5 for path, md5 in run.data.items() if not within(path, outputs)},
        ]
        for name, run in lock.items()
    }
    return fingerprint(json.dumps(used, sort_keys=True))


def within(path: str, outs: Iterable[str]) -> bool:
    """Return whether a path is one of some outputs, or lies inside one that is a folder."""
    return any(path == out or path.startswith(f"{out}/") for out in outs)


def _stage_run(stage: _Stage) -> StageRun:
    """Return a stage from its entry in dvc.lock."""
    used = _hashes(stage.deps)
    params = stage.params.get(str(PARAMS), {})
    versions = [values for file, values in stage.params.items() if file != str(PARAMS)]
    return StageRun(
        params=flatten_params(params),
        packages={name: str(version) for file in versions for name, version in file.items()},
        code={path: md5 for path, md5 in used.items() if path.startswith("stages/")},
        data={path: md5 for path, md5 in used.items() if not path.startswith("stages/")},
        outs=_hashes(stage.outs),
    )


def _hashes(entries: Sequence[_Entry]) -> dict[str, str]:
    """Return path -> md5 of some entries of dvc.lock."""
    return {entry.path: entry.md5 or entry.etag for entry in entries}


def _json_value(value: Any) -> YamlValue:
    """Return a value of YAML as JSON can hold it: a date, or what is not finite, as text."""
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _json_value(item) for name, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
