"""Training run: a model, its data and its params, ready to be trained by a recipe."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stages.base.environment import KernelChoice, kernel_choice
from stages.base.plural import count_noun
from stages.base.ranks import Rank
from stages.base.seed import derive_int
from stages.batch.batches import BatchPlan
from stages.batch.dataloaders import DataLoaders
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.model.classifier import build_classifier
from stages.model.files import ModelCard
from stages.model.model_params import ModelParams
from stages.stats.metrics_record import RecipeRecord, TrialRecord
from stages.train.candidates import Candidates, candidates
from stages.train.checkpoint import Checkpoints
from stages.train.device import open_device
from stages.train.distributed import process_group
from stages.train.memory import memory_advice
from stages.train.plan import FineTuneParams
from stages.train.probe_start import ProbeStart
from stages.train.progress import HistoryListener, no_listener
from stages.train.training_data import TrainingData, TrainingTask


@dataclass(frozen=True, kw_only=True)
class RunParams:
    """The sections of params.yaml that a recipe has values for."""

    augment: AugmentParams
    model: ModelParams
    fine_tune: FineTuneParams


@dataclass(frozen=True, kw_only=True)
class RunInputs:
    """What is the same for every recipe: the photos, and where to compute."""

    open_loaders: Callable[[RenderSpec, AugmentParams, BatchPlan], DataLoaders]
    classes: int
    seed: int
    device: str
    rank: Rank
    checkpoints: Path  # their file
    fingerprints: dict[str, str]  # of code, params and data, by which a checkpoint is known
    epoch_ended: HistoryListener = no_listener
    kernels: KernelChoice = field(default_factory=kernel_choice)  # FINETRACK_KERNELS unless given

    def together(self) -> AbstractContextManager[None]:
        """Join the processes that train together, which is needed before photos are opened."""
        compute = open_device(self.device, "auto", rank=self.rank, kernels=self.kernels)
        return process_group(compute)


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """What is trained, and with what."""

    model_params: ModelParams
    task: TrainingTask
    loaders: DataLoaders

    def without_average(self) -> "TrainingRun":
        """Return the run whose weights stay as they were trained: its start is not a model."""
        params = self.task.params.model_copy(update={"trained_share": 1.0})
        return replace(self, task=replace(self.task, params=params))

    def describe(self, base_lr: float) -> str:
        """Return what is about to be trained, in a sentence."""
        epochs = self.task.params.freeze_epochs + self.task.params.epochs
        images = count_noun(len(self.loaders.train), "image")
        return (
            f"Training {self.model_params.arch} on {images} at {self.loaders.augment.size} pixels: "
            f"{epochs:.3g} {'epoch' if epochs == 1 else 'epochs'}, rate {base_lr:.2g}"
        )

    def card(self, class_names: list[str], presize: int, base_lr: float) -> ModelCard:
        """Return the card of the trained model; presize: shorter side of the photos in pixels."""
        return ModelCard(
            params=self.model_params,
            class_names=class_names,
            size=self.loaders.augment.size,
            loss=self.task.params.loss,
            presize=presize,
            base_lr=base_lr,
            seed=self.task.seed,
            **self.task.compute.facts(),
            processor=self.task.compute.processor(),
        )

    def recipe_record(self, name: str, start: ProbeStart, anew: TrialRecord | None) -> RecipeRecord:
        """Return how the model is trained, as it stands in recipe.json; anew: its trial."""
        params = self.task.params
        return {
            "name": name,
            "probe_error": start.error.item(),
            "shallow_error": None if np.isnan(start.shallow_error) else start.shallow_error.item(),
            "anew": anew,
            "arch": self.model_params.arch,
            "size": self.loaders.augment.size,
            "cut": self.model_params.cut,
            "epochs": params.epochs,
            "freeze_epochs": params.freeze_epochs,
            "frozen_share": params.frozen_share,
            "trained_share": params.trained_share,
            "train_bn": params.train_bn,
            "flip": self.loaders.augment.flip,
        }


def list_candidates(first: RunParams, start: ProbeStart) -> Candidates:
    """Return the recipes that may suit the photos of the probes, within the budget.

    first: what params.yaml says where auto is the first recipe's.
    """
    params = first.fine_tune
    options = candidates(params.start, first.model, params.loss, start)
    return options.with_budget(params.images_seen, start.images.item(), params.batch_size)


def open_run(params: RunParams, inputs: RunInputs) -> TrainingRun:
    """Build the model and open both sides of the split."""
    with memory_advice(params.fine_tune.batch_size):
        return _open_run(params, inputs)


def _open_run(params: RunParams, inputs: RunInputs) -> TrainingRun:
    size = params.augment.size
    precision = params.fine_tune.precision
    model_seed = derive_int(inputs.seed, "model")
    model = build_classifier(params.model, inputs.classes, model_seed, size)
    compute = open_device(inputs.device, precision, model, inputs.rank, inputs.kernels)
    render = compute.render_spec(model, size)
    plan = BatchPlan(
        batch_size=params.fine_tune.batch_size,
        seed=inputs.seed,
        rank=inputs.rank,
        balance=params.fine_tune.balance,
    )
    loaders = inputs.open_loaders(render, params.augment, plan)
    fingerprint = {**inputs.fingerprints, "machine": compute.machine()}
    task = TrainingTask(
        model=model.to(compute.device),
        params=params.fine_tune,
        compute=compute,
        data=TrainingData.from_loaders(loaders),
        checkpoints=Checkpoints(inputs.checkpoints, fingerprint),
        seed=inputs.seed,
        epoch_ended=inputs.epoch_ended,
    )
    return TrainingRun(model_params=params.model, task=task, loaders=loaders)
