"""Batch trace: the first batch of training, step by step, from the list of images to the loss.

It takes the images that training takes first, through the same views. On a CPU training renders
them in one pass, which differs by less than a tenth of a level. A step that fails ends the trace,
not the program.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from stages.base.plural import count_noun
from stages.base.seed import derive
from stages.batch.batches import BatchPlan
from stages.batch.image_set import ImageSet
from stages.batch.render_gpu import apply_lighting, normalize, resample, shrink_factors
from stages.batch.render_spec import RenderSpec
from stages.batch.views import CORNERS, AugmentParams, Views, random_views
from stages.batch.windows import collate, visible_windows
from stages.checks.epoch_views import to_uint8
from stages.checks.finding import Finding
from stages.checks.trace_log import TraceLog, TraceStep, TraceStopped
from stages.dataset.split_files import list_class_names

# More images would show nothing new, and take their time in a stage that should be quick.
MAX_TRACED_IMAGES = 64


@dataclass(frozen=True, kw_only=True)
class BatchTrace:
    """The log of the steps, and the batch as far as it came."""

    log: TraceLog
    labels: list[str]  # (B,)
    pixels: np.ndarray | None  # (B, S, S, 3) uint8, after augmentation
    images: Tensor | None  # (B, 3, S, S) float32, what the model takes
    loss: float | None


def trace_batch(
    splits: pd.DataFrame,
    image: Callable[[str], np.ndarray],
    forward: Callable[[Tensor], Tensor],
    augment: AugmentParams,
    render: RenderSpec,
    plan: BatchPlan,
) -> BatchTrace:
    """Take the first batch of epoch 1 as far as it goes.

    splits has path, label and split; image gives (H, W, 3) uint8; forward takes (B, 3, S, S) and
    gives activations (B, C).
    """
    log = TraceLog()
    class_names = list_class_names(splits)
    labels: list[str] = []
    pixels = None
    images = None
    loss = None
    with suppress(TraceStopped):
        label_of = _choose(log, splits, class_names, plan)
        image_set = _decode(log, label_of, image, class_names)
        labels = [label_of[path] for path in log.paths]
        augmented = _augment(log, image_set, augment, render.size, plan.seed)
        pixels = to_uint8(augmented)
        images = _normalise(log, augmented, labels, render)
        loss = _compute_loss(log, images, image_set.targets, len(class_names), forward)
    return BatchTrace(log=log, labels=labels, pixels=pixels, images=images, loss=loss)


def _choose(
    log: TraceLog, splits: pd.DataFrame, class_names: Sequence[str], plan: BatchPlan
) -> dict[str, str]:
    """Go from the list of all images to the paths of the batch; return their labels by path."""
    ends = " ... ".join(splits["path"].iloc[[0, -1]]) if len(splits) else ""
    log.steps.append(TraceStep(step="collect", shape=[len(splits)], dtype="path", note=ends))
    class_count = count_noun(len(class_names), "class", "classes")
    targets = _targets(class_names, splits["label"])
    log.record("label", targets, f"{class_count}, sorted by name")
    train = splits[splits["split"] == "train"]
    places = plan.epoch_rows(len(train), epoch=1)[0][:MAX_TRACED_IMAGES]
    rows = plan.drawn(_targets(class_names, train["label"]), epoch=1)[places]
    log.record("split", rows, f"what epoch 1 takes first of {len(train):,} training images")
    batch = train.iloc[rows]
    log.paths = batch["path"].tolist()
    return dict(zip(log.paths, batch["label"], strict=True))


def _decode(
    log: TraceLog,
    label_of: dict[str, str],
    image: Callable[[str], np.ndarray],
    class_names: Sequence[str],
) -> ImageSet:
    """Decode the images of the batch; the trace goes on with those that can be decoded."""
    decoded = {}
    for path in log.paths:
        try:
            decoded[path] = image(path)
        except Exception as error:
            log.record_failure("decode", error, [path])
    log.paths = list(decoded)
    photos = list(decoded.values())
    if not photos:
        raise TraceStopped
    heights = [photo.shape[0] for photo in photos]
    widths = [photo.shape[1] for photo in photos]
    note = f"{min(widths)}-{max(widths)} wide, {min(heights)}-{max(heights)} high"
    all_pixels = np.concatenate([photo.ravel() for photo in photos])
    log.record("decode", all_pixels, note, shape=[len(photos)])
    tensors = [torch.tensor(photo) for photo in photos]
    targets = _targets(class_names, [label_of[path] for path in log.paths])
    return ImageSet(paths=log.paths, targets=targets, load_image=tensors.__getitem__)


def _augment(
    log: TraceLog, image_set: ImageSet, augment: AugmentParams, size: int, seed: int
) -> Tensor:
    """Render the views of epoch 1, as `render_batch` does at once; (B, 3, S, S) in 0..1."""
    photos = [image_set.load_image(row) for row in range(len(image_set))]
    sizes = np.array([photo.shape[:2] for photo in photos])

    def draw(rows: np.ndarray) -> Views:
        paths = [image_set.paths[row] for row in rows]
        generators = [derive(seed, "view", 1, path) for path in paths]
        return random_views(sizes[rows], augment, generators)

    matrices = log.run(
        "crop",
        lambda rows: draw(rows).matrices,
        lambda matrices: _share_note(view_shares(matrices, sizes)),
    )
    views = draw(np.arange(len(photos)))
    factors = shrink_factors(matrices, size)
    windows = visible_windows(matrices, sizes, factors)
    pixels = log.run(
        "pad",
        lambda rows: collate([photos[row] for row in rows], windows.subset(rows)),
        "what the views see, with zeros around it",
    )
    x = log.run(
        "resample",
        lambda rows: resample(
            pixels[rows], sizes[rows], matrices[rows], size, windows.subset(rows)
        ),
        f"box of {factors.max()} at most, then bilinear",
    )
    return log.run(
        "lighting",
        lambda rows: apply_lighting(x[rows], views.lighting.subset(rows)),
        f"{views.lighting.changes.sum()} images changed",
    )


def _normalise(
    log: TraceLog, augmented: Tensor, labels: Sequence[str], render: RenderSpec
) -> Tensor:
    """Go from augmented images in 0..1 to what the model takes, (B, 3, S, S) both."""
    x = log.run(
        "normalise",
        lambda rows: normalize(augmented[rows], render.mean, render.std),
        _deviation_note,
    )
    return log.run(
        "collate",
        lambda rows: x[rows].contiguous(memory_format=torch.channels_last),
        f"{len(set(labels))} classes among {count_noun(len(x), 'image')}, channels last",
    )


def _compute_loss(
    log: TraceLog,
    images: Tensor,
    targets: np.ndarray,
    class_count: int,
    forward: Callable[[Tensor], Tensor],
) -> float:
    """Return the mean cross-entropy of the batch, with a warning when it is far above guessing."""
    target = torch.from_numpy(targets)
    with torch.no_grad():
        out = log.run("forward", lambda rows: forward(images[rows]).float(), _deviation_note)
    guessing = np.log(class_count)
    # What a head that knows nothing may expect from activations of this spread.
    unrelated = float((out.logsumexp(1) - out.mean(1)).mean())
    losses = log.run(
        "loss",
        lambda rows: functional.cross_entropy(out[rows], target[rows], reduction="none"),
        f"ln({class_count}) = {guessing:.2f} for guessing, {unrelated:.2f} at this spread",
    )
    loss = float(losses.mean())
    if loss > 2 * guessing + 3:
        message = (
            f"the first loss is {loss:.2f}, where guessing gives ln({class_count}) = "
            f"{guessing:.2f}: do the weights suit model.arch?"
        )
        log.findings.append(Finding("warning", "first_loss", message))
    return loss


def _targets(class_names: Sequence[str], labels: Iterable[str]) -> np.ndarray:
    number = {label: place for place, label in enumerate(class_names)}
    return np.array([number[label] for label in labels], dtype=np.int64)


def view_shares(matrices: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the area of each view as a share of its image, (B,): between the four corners."""
    corners = np.concatenate([CORNERS[[0, 2, 3, 1]], np.ones((4, 1))], axis=1)
    moved = corners @ matrices.transpose(0, 2, 1)
    x, y = (moved[..., :2] / moved[..., 2:]).transpose(2, 0, 1)
    area = (x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1) / 2
    shares: np.ndarray = np.abs(area) / sizes.prod(axis=1)
    return shares


def _share_note(shares: np.ndarray) -> str:
    return f"each view takes in {shares.min():.0%} to {shares.max():.0%} of its image"


def _deviation_note(x: Tensor) -> str:
    return f"standard deviation {x.std():.3g}"
