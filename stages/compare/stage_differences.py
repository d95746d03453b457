"""What differs between two dvc.lock: what each stage used, and whether it can have mattered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from stages.base.params import YamlValue
from stages.compare.dvc_lock import DvcLock, StageRun, output_hashes, used_params, within

_Value = TypeVar("_Value")
_ABSENT = "absent"  # stands for the value of a param or package that only one side has
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
            inputs={path: change for path, change in sources if not within(path, outputs)},
        )
        if difference.params or difference.packages or difference.code or difference.inputs:
            differences.append(difference)
    return differences


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
    upstream = {name for name, run in lock.items() if within(result, run.outs)}
    waiting = list(upstream)
    while waiting:
        used = lock[waiting.pop()].data
        writers = {
            name for name, run in lock.items() if any(within(path, run.outs) for path in used)
        }
        waiting += writers - upstream
        upstream |= writers
    return upstream


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
