"""What is trained when, and at which rates: the section of params, phases and their epochs."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from stages.base.params import Section
from stages.train.device import PrecisionName
from stages.train.losses import LossName
from stages.train.schedule import FROZEN, UNFROZEN, Cycle, frozen_peaks, one_cycle, unfrozen_peaks


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
        # pydantic itself refuses what is no section.
        given = set(content) if isinstance(content, dict) else set()
        asked = sorted({"early_stopping", "patience"} & given)
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


def phases(params: FineTuneParams, base_lr: float, groups: int) -> list[Phase]:
    """Return the two phases of fastai's fine_tune, without those of no epochs."""
    frozen = Phase("frozen", params.freeze_epochs, FROZEN, frozen_peaks(base_lr, groups))
    peaks = unfrozen_peaks(base_lr, params.lr_mult, groups)
    unfrozen = Phase("unfrozen", params.epochs, UNFROZEN, peaks)
    return [phase for phase in (frozen, unfrozen) if phase.epochs]


class EpochPlan(NamedTuple):
    """An epoch: its number from 1, and where in its phase it stands, from 0."""

    number: int
    epoch: int
    steps: int  # in an epoch
    phase: Phase

    def rates(self, step: int) -> tuple[list[float], float]:
        """Return the rate of each layer group, and the momentum, at a step from 0."""
        position = (self.epoch + step / self.steps) / self.phase.epochs
        return one_cycle(self.phase.cycle, self.phase.peaks, position)


def epoch_plans(plan: list[Phase], steps: int) -> list[EpochPlan]:
    """Return the epochs of all phases."""
    rows = [(phase, epoch) for phase in plan for epoch in range(phase.epochs)]
    return [EpochPlan(number, epoch, steps, phase) for number, (phase, epoch) in enumerate(rows, 1)]
