"""Weights & Biases: a run in the project that WANDB_PROJECT names, or in files for a later sync."""

import os
from pathlib import Path

import wandb

from stages.track.tracker import Numbers, Values


class WandbTracker:
    """A run of Weights & Biases; with WANDB_MODE=offline it stays in the folder."""

    def __init__(self, folder: Path, name: str) -> None:
        """Start a run of this name; its files lie in the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        project = os.environ.get("WANDB_PROJECT") or "finetrack"
        settings = wandb.Settings(silent=True, console="off")
        self._run = wandb.init(project=project, name=name, dir=folder, settings=settings)

    def tell_params(self, params: Values) -> None:
        """Note params."""
        self._run.config.update(dict(params))

    def tell_metrics(self, metrics: Numbers, epoch: int | None) -> None:
        """Note metrics of an epoch, or those of the end in the summary."""
        if epoch is None:
            self._run.summary.update({f"final.{key}": value for key, value in metrics.items()})
        else:
            self._run.log(dict(metrics), step=epoch)

    def close(self, finished: bool) -> None:
        """End the run, as failed where training was ended."""
        self._run.finish(exit_code=0 if finished else 1)
