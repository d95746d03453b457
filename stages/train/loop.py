"""Fine-tuning: the head alone for a cycle, then the whole model for another."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Never

import numpy as np
from pydantic import Field, model_validator
from tqdm import tqdm

from stages.base.params import Section
from stages.base.seed import derive_int
from stages.train.clock import Timed
from stages.train.device import Compute, PrecisionName
from stages.train.infer import Batch, Predicted
from stages.train.losses import LossName
from stages.train.model import Classifier
from stages.train.param_groups import freeze, layer_groups, train_mode, unfreeze
from stages.train.schedule import FROZEN, UNFROZEN, Cycle, frozen_peaks, one_cycle, unfrozen_peaks
from stages.train.step import Trainer, make_trainer, refuse_nonfinite


class FineTuneParams(Section):
    """The section `fine_tune` of params.yaml."""

    epochs: int = Field(ge=0, le=1000)
    freeze_epochs: int = Field(ge=0, le=1000)
    base_lr: float | Literal["auto"]
    lr_rule: Literal["consensus", "minimum", "decrease", "steep", "valley", "slide"]
    lr_mult: float = Field(ge=1, le=1e6)
    batch_size: int = Field(ge=2, le=4096)
    precision: PrecisionName
    train_bn: bool
    loss: LossName
    label_smoothing: float = Field(ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _to_the_end(cls, content: Any) -> Any:
        asked = sorted({"early_stopping", "patience"} & set(content))
        if asked:
            raise ValueError(
                f"{asked[0]}: there is no early stopping, since a one-cycle does its best at its "
                "end, where the rate is small; remove it, and set fewer epochs"
            )
        return content

    @model_validator(mode="after")
    def _possible(self) -> "FineTuneParams":
        if self.epochs + self.freeze_epochs == 0:
            raise ValueError("epochs and freeze_epochs cannot both be 0: nothing would be trained")
        if not isinstance(self.base_lr, str) and not 0 < self.base_lr <= 10:
            raise ValueError(f"base_lr must be auto or above 0 and at most 10, not {self.base_lr}")
        return self

    def choose_lr(self, suggestion: dict[str, Any]) -> float:
        """Return base_lr, or for auto what lr_rule takes from the content of suggestion.json."""
        if not isinstance(self.base_lr, str):
            return self.base_lr
        rates = {**suggestion["rules"], "consensus": suggestion["consensus"]}
        return float(rates[self.lr_rule])


@dataclass(frozen=True)
class Phase:
    """A one-cycle of some epochs, with the peak learning rate of each layer group."""

    name: Literal["frozen", "unfrozen"]
    epochs: int
    cycle: Cycle
    peaks: list[float]


class Epoch(NamedTuple):
    """A row of history.csv, and what the model predicts for validation at its end."""

    number: int
    phase: str
    lr: float
    train_loss: float
    predicted: Predicted
    speed: float  # images a second while training
    waiting: float  # share of that time spent waiting for input

    def row(self, targets: np.ndarray) -> dict[str, Any]:
        """Return the row of history.csv, given validation's class numbers."""
        wrong = self.predicted.probabilities.argmax(axis=1) != targets
        return {
            "epoch": self.number,
            "phase": self.phase,
            "lr": self.lr,
            "train_loss": self.train_loss,
            "valid_loss": self.predicted.loss,
            "error_rate": float(wrong.mean()),
        }

    def line(self, targets: np.ndarray) -> str:
        """Return the row as a person reads it while waiting."""
        row = self.row(targets)
        return (
            f"epoch {self.number:3d} {self.phase:8s}  train loss {self.train_loss:.3f}  "
            f"valid loss {row['valid_loss']:.3f}  error {row['error_rate']:.1%}  "
            f"({self.speed:.0f} images/s, {self.waiting:.1%} of it waiting for input)"
        )


class Margins:
    """The mean margin of every training image over the epochs, which betrays wrong labels.

    Area under the margin, Pleiss et al. 2020, here on probabilities: a wrong label is learned
    late or never, so its mean stays low.
    """

    def __init__(self, images: int) -> None:
        """Start with no epoch seen."""
        self._sum, self._count = np.zeros(images), np.zeros(images, dtype=int)

    def add(self, rows: np.ndarray, values: np.ndarray) -> None:
        """Note the margins (B,) of the images in these rows."""
        self._sum[rows] += values
        self._count[rows] += 1

    def mean(self) -> np.ndarray:
        """Return the means (N,) float32; NaN for an image that no step has seen."""
        means = self._sum / np.maximum(self._count, 1)
        return np.where(self._count > 0, means, np.nan).astype(np.float32)


def phases(params: FineTuneParams, base_lr: float, groups: int) -> list[Phase]:
    """Return the two phases of fastai's fine_tune, without those of no epochs."""
    frozen = Phase("frozen", params.freeze_epochs, FROZEN, frozen_peaks(base_lr, groups))
    peaks = unfrozen_peaks(base_lr, params.lr_mult, groups)
    unfrozen = Phase("unfrozen", params.epochs, UNFROZEN, peaks)
    return [phase for phase in (frozen, unfrozen) if phase.epochs]


def fine_tune(
    model: Classifier,
    params: FineTuneParams,
    base_lr: float,
    compute: Compute,
    batches: Callable[[int], Iterable[Batch]],
    steps: int,
    evaluate: Callable[[], Predicted],
    margins: Margins,
    seed: int,
) -> Iterator[Epoch]:
    """Train the model through both phases; yields after every epoch.

    batches(epoch) gives `steps` batches; evaluate() predicts validation with the model as it is.
    """
    plan = phases(params, base_lr, len(layer_groups(model)))
    total = sum(phase.epochs for phase in plan)
    number = 0
    with tqdm(total=total * steps * params.batch_size, unit="image", delay=1) as bar:
        for phase in plan:
            (freeze if phase.name == "frozen" else unfreeze)(model, params.train_bn)
            trainer = make_trainer(model, compute, params.loss, params.label_smoothing)
            for epoch in range(phase.epochs):
                number += 1
                bar.set_description(f"epoch {number}/{total} {phase.name}")
                train_mode(model, params.train_bn)
                at, timed = _Place(epoch, steps, phase), Timed(batches(number))
                loss = _train_epoch(trainer, timed, at, margins, bar, (seed, number))
                lr, speed = at.rates(steps - 1)[0][-1], steps * params.batch_size / timed.total
                yield Epoch(number, phase.name, lr, loss, evaluate(), speed, timed.share)


class _Place(NamedTuple):
    """Where in a phase an epoch stands."""

    epoch: int
    steps: int
    phase: Phase

    def rates(self, step: int) -> tuple[list[float], float]:
        position = (self.epoch + step / self.steps) / self.phase.epochs
        return one_cycle(self.phase.cycle, self.phase.peaks, position)


def _train_epoch(
    trainer: Trainer,
    batches: Iterable[Batch],
    at: _Place,
    margins: Margins,
    bar: "tqdm[Never]",
    names: tuple[int, int],
) -> float:
    seed, epoch = names
    losses = []
    for number, batch in enumerate(batches):
        rates, momentum = at.rates(number)
        step = trainer.step(batch, rates, momentum, derive_int(seed, "dropout", epoch, number))
        refuse_nonfinite(step.loss, number, rates)
        margins.add(batch.rows, step.margins.numpy())
        losses.append(step.loss)
        bar.update(len(batch.rows))
        bar.set_postfix(loss=f"{np.mean(losses[-20:]):.3f}", refresh=False)
    return float(np.mean(losses))
