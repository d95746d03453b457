"""What a model answers on a GPU: how fast, and whether a processor answers the same."""

from stages.base.environment import prepare_process

prepare_process()

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import islice
from typing import Any

import numpy as np
import torch

from benchmarks.generated import CLASSES, Work, model_of, precisions, task_of
from benchmarks.measure import figure, timed
from stages.batch.batches import Batch
from stages.batch.dataloaders import DataLoaders
from stages.model.classifier import Classifier
from stages.model.files import ModelCard
from stages.model.model_params import ModelParams
from stages.predict.torch_classifier import TorchClassifier
from stages.train.device import Compute, open_device
from stages.train.infer import pooled_features, predict_batches
from stages.train.loop import fine_tune
from stages.train.result import TrainingResult


def _silent(line: str) -> None:
    """Drop a line of the training log."""


def answers(work: Work, arch: str) -> dict[str, Any]:
    """Return images/s of validation, of baseline's features, and of predict from pixels."""
    scale = work.scale
    loaders = work.loaders()
    model = model_of(arch, scale.size, loaders.render.device)
    figures: dict[str, Any] = {}

    def measure(name: str, images: int, answer: Callable[[], object]) -> None:
        answer()
        seconds = [timed(answer) for _ in range(scale.rounds)]
        figures[f"images/s, {name}"] = figure([images / second for second in seconds])

    passes = -(-scale.steps * scale.batch_size // len(loaders.valid))
    images = passes * len(loaders.valid)
    for name, compute in precisions(loaders.render.device).items():
        measure(f"validation, {name}", images, partial(_validate, model, loaders, compute, passes))
        measure(f"features, {name}", images, partial(_features, model, loaders, compute, passes))
    if loaders.render.device.type == "cpu" and not find_spec("numba"):
        return figures | {"predict": "on a processor it needs numba"}
    photos = [loaders.train.load_image(row).numpy() for row in range(scale.batch_size)]
    predictor = predictor_of(model, arch, scale.size, loaders.render.device)
    batches = range(scale.steps)
    measure(
        "predict, from decoded photos",
        scale.steps * scale.batch_size,
        lambda: [predictor.pred_probs(photos) for _ in batches],
    )
    return figures


def _validate(model: Classifier, loaders: DataLoaders, compute: Compute, passes: int) -> None:
    for _ in range(passes):
        predict_batches(model, loaders.valid_batches(), compute, "cross_entropy")


def _features(model: Classifier, loaders: DataLoaders, compute: Compute, passes: int) -> None:
    for _ in range(passes):
        deque(pooled_features(model, loaders.valid_batches(), compute), maxlen=0)


def predictor_of(model: Classifier, arch: str, size: int, device: torch.device) -> TorchClassifier:
    """Return the model as predict asks it."""
    compute = open_device(str(device), "auto")
    card = ModelCard(
        params=ModelParams(arch=arch, weights="none", head="linear", cut="none"),
        class_names=list(CLASSES), size=size, loss="cross_entropy", presize=460, base_lr=1e-3,
        seed=1, **compute.facts(),
    )  # fmt: skip
    return TorchClassifier(model, card, compute, 1.0, "none")


def agreement(work: Work) -> dict[str, Any]:
    """Return how far each precision ends from float32, and how far a processor answers from it."""
    scale = work.scale
    loaders = work.loaders(few=True)
    ends: dict[str, TrainingResult] = {}
    figures: dict[str, Any] = {}
    for name, compute in precisions(loaders.render.device).items():
        task = task_of(loaders, scale.small, compute, work.scratch / name, (1, scale.epochs))
        ends[name] = fine_tune(task, 2e-3, _silent)
        figures |= answers_of_processor(task.model, loaders, compute, name)
    return figures | against_fp32(ends)


def against_fp32(ends: dict[str, TrainingResult]) -> dict[str, Any]:
    """Return how each precision ended, and how far from float32."""
    exact = ends["fp32"]
    figures: dict[str, Any] = {}
    for name, end in ends.items():
        epochs = zip(end.epochs, exact.epochs, strict=True)
        differ = end.validation.pred_probs.argmax(1) != exact.validation.pred_probs.argmax(1)
        figures[f"{name}: error rate"] = end.epochs[-1].error_rate
        figures[f"{name}: training loss"] = end.epochs[-1].train_loss
        figures[f"{name} against fp32: largest difference of an epoch's loss"] = max(
            abs(epoch.train_loss - fp32_epoch.train_loss) for epoch, fp32_epoch in epochs
        )
        figures[f"{name} against fp32: predictions that differ"] = float(differ.mean())
    return figures


def answers_of_processor(
    model: Classifier, loaders: DataLoaders, compute: Compute, name: str
) -> dict[str, Any]:
    """Return how a processor's answers in float32 to the same batches differ from a device's."""
    ours = predict_batches(model, loaders.valid_batches(), compute, "cross_entropy").pred_probs
    cpu = open_device("cpu", "fp32")

    def copied() -> Iterator[Batch]:
        for batch in islice(loaders.valid_batches(), len(ours)):
            yield replace(batch, images=batch.images.cpu().float(), targets=batch.targets.cpu())

    theirs = predict_batches(model.to("cpu"), copied(), cpu, "cross_entropy").pred_probs
    model.to(compute.device)
    open_device(str(compute.device), "fp32")
    return {
        f"{name} against the processor: predictions that differ": float(
            np.mean(ours.argmax(1) != theirs.argmax(1))
        ),
        f"{name} against the processor: largest difference of a probability": float(
            np.abs(ours - theirs).max()
        ),
    }
