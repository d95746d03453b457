"""The plan of training: its params, its phases, and their epochs with their learning rates."""

from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from pydantic import Field, model_validator

from stages.base.param_docs import OF_RECIPE
from stages.base.params import Section
from stages.batch.balance import BalanceName
from stages.model.model_params import LossName
from stages.train.device_rules import PrecisionName
from stages.train.lr_suggest import BaseLr, Suggestion
from stages.train.recipe import LARGEST_EPOCHS, ImagesSeen, StartName
from stages.train.schedule import FROZEN, UNFROZEN, Cycle, frozen_peaks, one_cycle, unfrozen_peaks


class FineTuneParams(Section):
    """The section `fine_tune` of params.yaml."""

    images_seen: ImagesSeen = Field(
        description="images that training sees, its trial aside; sets those epochs that are auto",
        json_schema_extra={"auto": "as many as the recipe has epochs for"},
    )
    epochs: float = Field(
        ge=0,
        le=LARGEST_EPOCHS,
        description="epochs with the backbone training, the last of them whole or a part",
        json_schema_extra=OF_RECIPE,
    )
    freeze_epochs: float = Field(
        ge=0,
        le=LARGEST_EPOCHS,
        description="epochs before that, with the head alone",
        json_schema_extra=OF_RECIPE,
    )
    base_lr: BaseLr = Field(
        description="peak learning rate; with a number the sweep is skipped",
        json_schema_extra={**OF_RECIPE, "find": "from lr_find"},
    )
    lr_rule: Literal["consensus", "minimum", "decrease", "steep", "valley", "slide"] = Field(
        description="which answer of lr_find is taken",
        json_schema_extra={"consensus": "the mean, in decades, of the middle three"},
    )
    lr_mult: float = Field(
        ge=1,
        le=1e6,
        description="the first layers learn this many times slower than the head",
        json_schema_extra=OF_RECIPE,
    )
    batch_size: int = Field(
        ge=2,
        le=4096,
        description="images per step; 24 of 224 pixels take 4 GB of memory on a processor",
    )
    accumulate: int = Field(
        ge=1,
        le=2048,
        description="parts in which a step's batch is computed, one after another, for less memory;"
        " norm layers that learn, as the head's does, see one part at a time, so let a part have 8"
        " images or more; dropout is drawn anew for each",
    )
    precision: PrecisionName = Field(
        description="floating-point arithmetic of training",
        json_schema_extra={"auto": "fp16 on a GPU; on a processor bf16 where it is faster"},
    )
    train_bn: bool = Field(
        description="the backbone's norm layers learn; false is faster, and suits few photos of"
        " things that ImageNet knows",
        json_schema_extra=OF_RECIPE,
    )
    frozen_share: float = Field(
        ge=0,
        le=1,
        description="share of the backbone's layers, from the first, that do not learn",
        json_schema_extra=OF_RECIPE,
    )
    loss: LossName = Field(
        description="loss function",
        json_schema_extra={"bce": "one yes or no per class, so that none may fit"},
    )
    label_smoothing: float = Field(ge=0, lt=1, description="label smoothing; 0 for none")
    balance: BalanceName = Field(
        description="how often an epoch draws the images of each class; probabilities stay those of"
        " the class sizes at hand",
        json_schema_extra={
            "none": "every image once",
            "sqrt": "by the root of the class's size",
            "full": "every class alike",
        },
    )
    start: StartName = Field(
        description="what the head starts from",
        json_schema_extra={
            "auto": "the probe, unless all layers learn anew",
            "probe": "the linear probe of baseline",
            "zero": "as model.head says",
        },
    )
    trained_share: float = Field(
        gt=0,
        le=1,
        description="share of the trained weights in a model that started from the probe; the rest"
        " are the probe's (WiSE-FT)",
        json_schema_extra=OF_RECIPE,
    )
    trial: bool = Field(
        description="fine-tune on four fifths of the training images first; where that is worse"
        " than the probe on the fifth, the model is the probe"
    )

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
        if self.batch_size < 2 * self.accumulate:
            raise ValueError(
                f"accumulate: {self.accumulate} parts of a batch of {self.batch_size} are of less "
                f"than two images; set at most {self.batch_size // 2}"
            )
        if self.loss == "bce" and self.balance != "none":
            raise ValueError(
                f"balance: {self.balance} needs loss: cross_entropy, since what drawing a class "
                "more often does to a yes or no of its own cannot be taken back; set balance: none"
            )
        return self

    def choose_lr(self, suggestion: Suggestion) -> float:
        """Return base_lr, or for find the answer of lr_find that lr_rule names."""
        if self.base_lr != "find":
            return self.base_lr
        if self.lr_rule == "consensus":
            return suggestion.consensus
        return suggestion.rules[self.lr_rule]


@dataclass(frozen=True)
class Phase:
    """A one-cycle of some epochs, with the peak learning rate of each layer group."""

    name: Literal["frozen", "unfrozen"]
    epochs: float
    cycle: Cycle
    peaks: list[float]


def phases(params: FineTuneParams, base_lr: float, groups: int) -> list[Phase]:
    """Return the two phases of fastai's fine_tune, without those of no epochs."""
    frozen = Phase("frozen", params.freeze_epochs, FROZEN, frozen_peaks(base_lr, groups))
    peaks = unfrozen_peaks(base_lr, params.lr_mult, groups)
    unfrozen = Phase("unfrozen", params.epochs, UNFROZEN, peaks)
    return [phase for phase in (frozen, unfrozen) if phase.epochs]


@dataclass(frozen=True, kw_only=True)
class EpochPlan:
    """An epoch of training: which it is, and so its learning rates."""

    number: int  # from 1, over both phases
    phase: Phase
    epoch_in_phase: int  # from 0
    steps: int
    whole_steps: int  # of an epoch that is not the last part of its phase

    def rates(self, step: int) -> tuple[list[float], float]:
        """Return the learning rate of each layer group, and the momentum, at a step from 0."""
        position = (self.epoch_in_phase + step / self.whole_steps) / self.phase.epochs
        return one_cycle(self.phase.cycle, self.phase.peaks, position)


def epoch_plans(phases: list[Phase], steps: int) -> list[EpochPlan]:
    """Return the plan of every epoch of all phases; steps: of a whole epoch.

    A phase takes at least one step, and its last epoch what is left of its steps.
    """
    steps_left = [
        (phase, epoch, total - epoch * steps)
        for phase in phases
        for total in [max(1, round(phase.epochs * steps))]
        for epoch in range(ceil(total / steps))
    ]
    return [
        EpochPlan(
            number=number,
            phase=phase,
            epoch_in_phase=epoch,
            steps=min(steps, left),
            whole_steps=steps,
        )
        for number, (phase, epoch, left) in enumerate(steps_left, start=1)
    ]
