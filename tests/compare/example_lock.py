"""An example of a dvc.lock, as it is read."""

import json
from typing import Any

from stages.compare.dvc_lock import DvcLock, StageRun

RESULT = "reports/result.csv"


def stage_run(**changes: Any) -> StageRun:
    """Return a stage that used and wrote nothing, with some fields replaced."""
    nothing: dict[str, Any] = {"params": {}, "packages": {}, "code": {}, "data": {}, "outs": {}}
    return StageRun(**{**nothing, **changes})


def example_lock(**changes: Any) -> DvcLock:
    """Return three stages, of which the second writes the result; changes are of what it used.

    Its output changes with what it used, as that of a real stage would.
    """
    used: dict[str, Any] = {
        "params": {"seed": 1, "rate": 0.1},
        "packages": {"timm": "1"},
        "code": {"stages/a.py": "1"},
    }
    used |= changes
    return {
        "ingest": stage_run(
            code={"stages/b.py": "1"}, data={"data/photos": "1"}, outs={"data/list": "1"}
        ),
        "train": stage_run(**used, data={"data/list/part": "1"}, outs={RESULT: json.dumps(used)}),
        "page": stage_run(params={"top": 4}, data={RESULT: "1"}, outs={"reports/page.html": "1"}),
    }
