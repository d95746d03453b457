"""The trackers by name, each imported when it is asked for: their packages need not be there."""

from collections.abc import Callable, Sequence
from pathlib import Path

from stages.base.errors import UserError
from stages.track.tracker import Tracker

# The package on the index by the name in FINETRACK_LOG; MLflow's own has all of its server.
TRACKER_PACKAGES = {
    "dvclive": "dvclive",
    "mlflow": "mlflow",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
}
StartTracker = Callable[[Path, str], Tracker]


def load_trackers(names: Sequence[str]) -> dict[str, StartTracker]:
    """Return what starts each tracker; a UserError has an install line for what is missing."""
    loaded = {}
    missing = []
    for name in names:
        try:
            loaded[name] = _load(name)
        except ImportError as error:
            missing.append(f"FINETRACK_LOG={name}: {error}; pip install {TRACKER_PACKAGES[name]}")
    if missing:
        raise UserError(*missing)
    return loaded


def _load(name: str) -> StartTracker:
    """Import a tracker, whose package takes seconds to load and may be missing."""
    match name:
        case "dvclive":
            from stages.track.dvclive_tracker import DvcliveTracker  # noqa: PLC0415

            return DvcliveTracker
        case "mlflow":
            from stages.track.mlflow_tracker import MlflowTracker  # noqa: PLC0415

            return MlflowTracker
        case "tensorboard":
            from stages.track.tensorboard_tracker import TensorBoardTracker  # noqa: PLC0415

            return TensorBoardTracker
    from stages.track.wandb_tracker import WandbTracker  # noqa: PLC0415

    return WandbTracker
