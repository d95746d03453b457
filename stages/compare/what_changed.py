"""What changed between two revisions, in words: a line for each thing, with the stages that use it.

The lines stand by kind: params, weights, code, packages, machine, inputs, data. What had no effect
stands apart, since it is not the cause.
"""

from collections.abc import Mapping, Sequence

from stages.base.params import YamlValue
from stages.compare.record import BaseAndOther, Changes, ImageCounts
from stages.compare.stage_differences import StageDifference
from stages.compare.words import enumeration

UNKNOWN = "unknown: a revision has no dvc.lock"
NOT_THE_CAUSE = "not the cause"
_WITHOUT_EFFECT = {"none": "made the same", "aside": "not used"}  # effect -> why it is no cause
_KINDS = ("params", "weights", "code", "packages", "machine", "inputs", "data")
_WEIGHTS_PARAMS = ("model.arch", "model.cut", "model.weights")
_WEIGHTS_PACKAGE_SUFFIX = "pytorch-model"
_WEIGHTS_FOLDER = "data/weights/"  # where a file that model.weights names lies
_YAML_WORDS = {"True": "true", "False": "false", "None": "null"}


def what_changed(changes: Changes) -> dict[str, list[str]]:
    """Return the lines of what may be the cause by kind, kinds without lines left out."""
    stages_by_line: dict[str, dict[str, list[str]]] = {kind: {} for kind in _KINDS}
    for difference in changes.stages or []:
        if difference.effect == "possible":
            for kind, line in _lines(difference):
                stages_by_line[kind].setdefault(line, []).append(difference.stage)
    lines = {kind: _with_stages(of_kind) for kind, of_kind in stages_by_line.items()}
    lines["machine"] = _machine_lines(changes.processors)
    lines["data"] = _data_lines(changes.data)
    if changes.stages is None:
        lines["params"] = [UNKNOWN]
    return {kind: of_kind for kind, of_kind in lines.items() if of_kind}


def not_the_cause(changes: Changes) -> dict[str, list[str]]:
    """Return what changed and cannot have mattered, by why: made the same, or not used.

    The outputs of a stage are the same as before, or the predictions do not depend on them. Code is
    one word, without its modules. What may be the cause in another stage is left out.
    """
    differences = changes.stages or []
    causes = {line for one in differences if one.effect == "possible" for _, line in _lines(one)}
    found: dict[str, dict[str, list[str]]] = {why: {} for why in _WITHOUT_EFFECT.values()}
    for difference in differences:
        if difference.effect == "possible":
            continue
        of_why = found[_WITHOUT_EFFECT[difference.effect]]
        for kind, line in _lines(difference):
            if line not in causes:
                of_why.setdefault("code" if kind == "code" else line, []).append(difference.stage)
    return {why: _with_stages(of_why) for why, of_why in found.items() if of_why}


def _with_stages(stages_by_line: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{line} ({', '.join(stages)})" for line, stages in stages_by_line.items()]


def _lines(difference: StageDifference) -> list[tuple[str, str]]:
    """Return (kind, line) of everything that differs at a stage which can have had an effect."""
    lines = []
    for key, (base_value, other_value) in difference.params.items():
        kind = "weights" if key in _WEIGHTS_PARAMS else "params"
        lines.append((kind, f"{key}: {_yaml(base_value)} → {_yaml(other_value)}"))
    for name, (base_version, other_version) in difference.packages.items():
        kind = "weights" if name.endswith(_WEIGHTS_PACKAGE_SUFFIX) else "packages"
        lines.append((kind, f"{name}: {base_version} → {other_version}"))
    if difference.code:
        modules = [f"{path} {change}" for path, change in difference.code.items()]
        lines.append(("code", enumeration(modules)))
    for path, change in difference.inputs.items():
        if not path.startswith(_WEIGHTS_FOLDER):
            lines.append(("inputs", f"{path} {change}"))
        elif change == "changed":  # another file has another name, which model.weights tells
            lines.append(("weights", f"{path} {change}"))
    return lines


def _yaml(value: YamlValue) -> str:
    """Return a value as params.yaml writes it.

    >>> _yaml(True), _yaml(""), _yaml(0.5)
    ('true', '""', '0.5')
    """
    if isinstance(value, str):
        return value or '""'
    return _YAML_WORDS.get(str(value), str(value))


def _machine_lines(processors: BaseAndOther[str] | None) -> list[str]:
    """Return a line where another kind of machine made the model: its sums round otherwise."""
    if processors is None:
        return []
    return [f"another kind of machine: {processors.base} → {processors.other}"]


def _data_lines(data: ImageCounts | None) -> list[str]:
    """Return a line for each kind of change of the images, with the classes most concerned."""
    if data is None:
        return []
    lines = []
    for kind, images in data.counts.items():
        classes = enumeration(_classes_with(kind, data.by_class), most=6)
        noun = "image" if images == 1 else "images"
        lines.append(f"{images:,} {noun} {kind}" + (f": {classes}" if classes else ""))
    return lines


def _classes_with(kind: str, by_class: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return each class that has images of a kind with their number, the largest first."""
    counts = {label: images[kind] for label, images in by_class.items() if kind in images}
    largest_first = sorted(counts, key=lambda label: (-counts[label], label))
    return [f"{label} {counts[label]}" for label in largest_first]
