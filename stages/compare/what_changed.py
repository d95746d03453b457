"""What changed between two revisions, in words: one line a thing, with the stages it concerns."""

from collections.abc import Mapping, Sequence
from typing import Any

IDLE = {"none": "made the same", "aside": "not used"}
KINDS = ("params", "weights", "code", "packages", "inputs", "data", *IDLE.values())
WEIGHTS = ("model.arch", "model.cut", "model.weights")
UNKNOWN = "unknown: a revision has no dvc.lock"


def what_changed(changed: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return lines by kind (of KINDS), empty kinds left out; `changed` is that of compare.json.

    Stages that made the same as before, or whose work the predictions do not rest on, cannot have
    made a difference: what changed in them stands apart, and of their code not every module.
    """
    lines: dict[str, dict[str, list[str]]] = {kind: {} for kind in KINDS}
    for stage in changed["stages"] or []:
        for kind, line in _lines(stage):
            if stage["effect"] != "possible":
                kind, line = IDLE[stage["effect"]], "code" if kind == "code" else line
            lines[kind].setdefault(line, []).append(stage["stage"])
    found = {
        kind: [f"{line} ({', '.join(users)})" for line, users in of_kind.items()]
        for kind, of_kind in lines.items()
    }
    found["data"] = _data(changed["data"])
    if changed["stages"] is None:
        found["params"] = [UNKNOWN]
    return {kind: of_kind for kind, of_kind in found.items() if of_kind}


def _lines(stage: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (kind, line) of everything that differs at one stage."""
    found = []
    for key, (base, other) in stage["params"].items():
        kind = "weights" if key in WEIGHTS else "params"
        found.append((kind, f"{key}: {_shown(base)} → {_shown(other)}"))
    for name, (base, other) in stage["packages"].items():
        kind = "weights" if name.endswith("pytorch-model") else "packages"
        found.append((kind, f"{name}: {base} → {other}"))
    if stage["code"]:
        found.append(("code", _few([f"{path} {how}" for path, how in stage["code"].items()])))
    return found + [("inputs", f"{path} {how}") for path, how in stage["inputs"].items()]


def _few(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _shown(value: Any) -> str:
    """Return a value as params.yaml writes it.

    >>> _shown(True), _shown(""), _shown(0.5)
    ('true', '""', '0.5')
    """
    if isinstance(value, str):
        return value or '""'
    return {"True": "true", "False": "false", "None": "null"}.get(str(value), str(value))


def _data(data: Mapping[str, Any] | None) -> list[str]:
    """Return a line a kind of change of the images, with the classes that have most of it."""
    if data is None:
        return []
    lines = []
    for kind, images in data["counts"].items():
        of_class = sorted(
            ((-kinds[kind], label) for label, kinds in data["by_class"].items() if kind in kinds)
        )
        named = _few([f"{label} {-count}" for count, label in of_class], most=6)
        noun = "image" if images == 1 else "images"
        lines.append(f"{images:,} {noun} {kind}" + (f": {named}" if named else ""))
    return lines
