"""Reading reports/interpret/details.json, for what uses the report's numbers."""

import json
from pathlib import Path

from stages.base.errors import UserError
from stages.stats.metrics_record import CalibrationRecord, Metrics


def read_metrics(path: Path) -> Metrics:
    """Return the report's numbers; a UserError names a file that is missing or of other content."""
    try:
        metrics: Metrics = json.loads(path.read_bytes())
        absent = sorted(Metrics.__required_keys__ - set(metrics))
        absent += sorted(CalibrationRecord.__required_keys__ - set(metrics.get("calibration", ())))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro interpret makes it") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is no JSON ({error}); dvc repro makes it anew") from None
    if absent:
        raise UserError(f"{path} lacks {', '.join(absent)}; dvc repro interpret makes it anew")
    return metrics
