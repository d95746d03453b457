"""Our two cycles beside those of the live fastai library, at every step of its fine_tune.

A model of three layer groups is fine-tuned for some epochs by fastai on noise; a callback records
the rates and the momentum that its optimizer is given before each step.
Run: python -m benchmarks.schedule, in an environment with fastai.
Results: benchmarks/results/schedule.json.
"""

import numpy as np
import torch
from fastai.vision import all as fastai
from torch import nn

from benchmarks.measure import figure, machine, record
from benchmarks.photos import ROOT
from stages.base.params import without_auto
from stages.base.yaml_file import read_yaml
from stages.train.plan import FineTuneParams, epoch_plans, phases
from stages.train.recipe import DEEP

GROUPS = 3
STEPS = 7
BATCH = 4
# epochs, frozen epochs, rate, lr_mult
RUNS = [(1, 1, 2e-3, 100.0), (3, 1, 5e-3, 100.0), (5, 2, 1e-2, 10.0), (2, 4, 7e-4, 1.0)]


class Recorder(fastai.Callback):  # type: ignore[misc]  # fastai ships no types
    """Rates and momentum that the optimizer is given before each step."""

    order = 100  # after the scheduler

    def __init__(self) -> None:
        """Begin with an empty list."""
        self.rows: list[list[float]] = []

    def before_batch(self) -> None:
        """Record the rates of all groups and the momentum of the last."""
        if self.training:
            groups = self.opt.hypers
            self.rows.append([*(group["lr"] for group in groups), groups[-1]["mom"]])


def theirs(epochs: int, frozen: int, rate: float, lr_mult: float) -> np.ndarray:
    """Return fastai's rates and momentum: (steps, GROUPS + 1)."""
    noise = [(torch.randn(2), torch.randn(1)) for _ in range(STEPS * BATCH)]
    loaders = fastai.DataLoaders(
        *(fastai.DataLoader(noise, bs=BATCH, num_workers=0) for _ in range(2))
    )
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 1))
    recorder = Recorder()
    learner = fastai.Learner(loaders, model, nn.MSELoss(), splitter=_layer_groups, cbs=recorder)
    with learner.no_bar(), learner.no_logging():
        learner.fine_tune(epochs, rate, freeze_epochs=frozen, lr_mult=lr_mult)
    return np.array(recorder.rows)


def _layer_groups(model: nn.Sequential) -> list[list[torch.Tensor]]:
    """Return the parameters of each layer, as fastai's splitter does."""
    return [fastai.params(layer) for layer in model]


def ours(epochs: int, frozen: int, rate: float, lr_mult: float) -> np.ndarray:
    """Return our rates and momentum: (steps, GROUPS + 1)."""
    changes = {"epochs": epochs, "freeze_epochs": frozen, "lr_mult": lr_mult}
    section = without_auto(read_yaml(ROOT / "params.yaml")["fine_tune"], DEEP)
    params = FineTuneParams(**section | changes)
    rows = []
    for plan in epoch_plans(phases(params, rate, GROUPS), STEPS):
        for step in range(STEPS):
            rates, momentum = plan.rates(step)
            rows.append([*rates, momentum])
    return np.array(rows)


def main() -> None:
    """Compare all runs, step by step."""
    errors = [np.abs(ours(*run) / theirs(*run) - 1) for run in RUNS]
    figures = {
        "steps compared": sum(len(of_run) for of_run in errors),
        # fastai computes the position in a cycle in float32.
        "furthest apart in a run, relative": figure(
            [float(of_run.max()) for of_run in errors], "1e-5"
        ),
    }
    record("schedule", "fine_tune", machine(["fastai", "torch"]), figures)


if __name__ == "__main__":
    main()
