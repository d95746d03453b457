"""What a run leaves beside its model, for the tests of trust: dvc.lock and details.json."""

import json
from pathlib import Path
from typing import Any

from stages.base.files import write_bytes
from stages.compare.dvc_cache import md5_of
from stages.predict.model_files import ResultFiles

FILES = ResultFiles(
    lock="dvc.lock",
    model="data/model",
    card="data/model/model.json",
    details="reports/interpret/details.json",
)


def metrics(temperature: float | None = 1.5, applied: float | None = None, **levels: Any) -> bytes:
    """Return what predict reads of details.json, and more; levels: thresholds by p95 or so."""
    sure = {
        name.removeprefix("p"): {"threshold": value, "reason": "" if value else "too few images"}
        for name, value in (levels or {"p95": 0.8, "p99": None}).items()
    }
    calibration = {
        "ece_by_chance": 0.1,
        "temperature": {"value": temperature} if temperature else None,
        "applied_temperature": applied or temperature or 1.0,
    }
    return json.dumps({"errors": 3, "calibration": calibration, "sure": sure}).encode()


def lock_of(card: bytes, report: bytes, model: str = "0" * 32 + ".dir") -> bytes:
    """Return a dvc.lock in which interpret read this model card and wrote this report."""
    entry = {"path": FILES.card, "hash": "md5", "md5": md5_of(card)}
    stages = {
        "fine_tune": {"cmd": "x", "outs": [{"path": FILES.model, "md5": model}]},
        "interpret": {
            "cmd": "y",
            "deps": [entry],
            "outs": [{"path": FILES.details, "md5": md5_of(report)}],
        },
    }
    return json.dumps({"schema": "2.0", "stages": stages}).encode()


def write_run(root: Path, report: bytes) -> None:
    """Put a report and the dvc.lock of its run beside the model of a project."""
    card = (root / FILES.card).read_bytes()
    write_bytes(root / FILES.details, report)
    write_bytes(root / FILES.lock, lock_of(card, report))
