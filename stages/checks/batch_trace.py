"""The first batch of training, step by step, from the list of images to the loss.

It takes the images that training takes first, through the same views. On a processor training
makes them in one pass, which differs by less than a tenth of a level. A step that fails ends the
walk, not the program.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from stages.base.seed import derive
from stages.batch.loader import Photos, RenderSpec, collate
from stages.batch.render_gpu import lighting, normalize, resample, shrink_factors
from stages.batch.views import CORNERS, AugmentParams, Views, centre_views, random_views
from stages.batch.windows import visible_windows
from stages.checks.findings import Finding, counted
from stages.checks.trace_log import TraceLog, TraceStep, TraceStopped
from stages.dataset.splits import list_class_names

# More images would show nothing new, and take their time in a stage that should be quick.
MOST = 64


@dataclass
class BatchTrace:
    """The batch as far as it came, with the log of its steps."""

    log: TraceLog = field(default_factory=TraceLog)
    labels: list[str] = field(default_factory=list)  # (B,)
    seen: np.ndarray | None = None  # (B, S, S, 3) uint8, after augmentation
    images: Tensor | None = None  # (B, 3, S, S) float32, what the model takes
    loss: float | None = None


def trace_batch(
    splits: pd.DataFrame,
    image: Callable[[str], np.ndarray],
    augment: AugmentParams,
    look: RenderSpec,
    batch_size: int,
    seed: int,
    forward: Callable[[Tensor], Tensor],
) -> BatchTrace:
    """Take the first batch of epoch 1 as far as it goes.

    splits has path, label and split; image gives (H, W, 3) uint8; forward takes (B, 3, S, S) and
    gives activations (B, C).
    """
    walk = BatchTrace()
    with suppress(TraceStopped):
        _choose(walk, splits, min(batch_size, MOST), seed)
        photos = _decode(walk, splits, image)
        walk.images = _render(walk, photos, augment, look, seed)
        _judge(walk, walk.images, photos.targets, list_class_names(splits), forward)
    return walk


def views_over_epochs(
    path: str, photo: np.ndarray, params: AugmentParams, seed: int, epochs: int
) -> np.ndarray:
    """Return one image (H, W, 3) as validation sees it, then as each epoch from 1 on will.

    Gives (1 + epochs, S, S, 3) uint8.
    """
    sizes = [photo.shape[:2]] * (1 + epochs)
    rngs = [derive(seed, "view", epoch, path) for epoch in range(1, 1 + epochs)]
    plain, drawn = centre_views(sizes[:1]), random_views(sizes[1:], params, rngs)
    views = Views(
        *(
            np.concatenate(both)
            for both in zip(vars(plain).values(), vars(drawn).values(), strict=True)
        )
    )
    pixels = torch.from_numpy(photo.copy()).permute(2, 0, 1).expand(len(sizes), -1, -1, -1)
    x = resample(pixels, np.array(sizes), views.matrices, params.size)
    return _pixels(lighting(x, views.brightness, views.contrast))


def _choose(walk: BatchTrace, splits: pd.DataFrame, batch_size: int, seed: int) -> None:
    """Go from the list of all images to the paths and labels of the batch."""
    log, classes = walk.log, list_class_names(splits)
    ends = " ... ".join(splits["path"].iloc[[0, -1]]) if len(splits) else ""
    log.steps.append(TraceStep("collect", [len(splits)], "path", None, None, None, ends))
    targets = _targets(classes, splits["label"])
    log.add("label", targets, f"{counted(len(classes), 'class', 'classes')}, sorted by name")
    train = splits[splits["split"] == "train"]
    order = derive(seed, "order", 1).permutation(len(train))[:batch_size]
    log.add("split", order, f"what epoch 1 takes first of {len(train):,} training images")
    log.paths, walk.labels = (train[name].iloc[order].tolist() for name in ("path", "label"))


def _decode(walk: BatchTrace, splits: pd.DataFrame, image: Callable[[str], np.ndarray]) -> Photos:
    """Open the images; the walk goes on with those that open."""
    log, decoded = walk.log, {}
    for path in log.paths:
        try:
            decoded[path] = image(path)
        except Exception as error:
            log.failed("decode", error, [path])
    label = dict(zip(log.paths, walk.labels, strict=True))
    log.paths, pixels = list(decoded), list(decoded.values())
    walk.labels = [label[path] for path in log.paths]
    if not pixels:
        raise TraceStopped
    heights, widths = zip(*(photo.shape[:2] for photo in pixels), strict=True)
    note = f"{min(widths)}-{max(widths)} wide, {min(heights)}-{max(heights)} high"
    log.add("decode", np.concatenate([photo.ravel() for photo in pixels]), note, [len(pixels)])
    targets = _targets(list_class_names(splits), walk.labels)
    return Photos(log.paths, targets, [torch.tensor(photo) for photo in pixels].__getitem__)


def _render(
    walk: BatchTrace, photos: Photos, params: AugmentParams, look: RenderSpec, seed: int
) -> Tensor:
    """Go from decoded photos to what the model takes, as `augment.render` does at once."""
    log = walk.log
    sizes = np.array([photos.image(row).shape[:2] for row in range(len(photos))])

    def draw(rows: np.ndarray) -> Views:
        rngs = [derive(seed, "view", 1, photos.paths[row]) for row in rows]
        return random_views(sizes[rows], params, rngs)

    matrices = log.take("crop", lambda rows: draw(rows).matrices, lambda m: _share_note(m, sizes))
    views, factors = draw(np.arange(len(photos))), shrink_factors(matrices, look.size)
    windows = visible_windows(matrices, sizes, factors)
    pixels = log.take(
        "pad",
        lambda rows: collate([photos.image(int(row)) for row in rows], windows.of(rows)),
        "what the views see, with zeros around it",
    )
    x = log.take(
        "resample",
        lambda rows: resample(
            pixels[rows], sizes[rows], matrices[rows], look.size, windows.of(rows)
        ),
        f"box of {factors.max()} at most, then bilinear",
    )
    lit = log.take(
        "lighting",
        lambda rows: lighting(x[rows], views.brightness[rows], views.contrast[rows]),
        f"{np.sum((views.brightness != 0) | (views.contrast != 1))} images changed",
    )
    walk.seen = _pixels(lit)
    x = log.take("normalise", lambda rows: normalize(lit[rows], look.mean, look.std), _deviation)
    return log.take(
        "collate",
        lambda rows: x[rows].contiguous(memory_format=torch.channels_last),
        f"{len(set(walk.labels))} classes among {counted(len(x), 'image')}, channels last",
    )


def _judge(
    walk: BatchTrace,
    images: Tensor,
    targets: np.ndarray,
    classes: list[str],
    forward: Callable[[Tensor], Tensor],
) -> None:
    """Go from images to the loss, and compare it with guessing."""
    target = torch.from_numpy(targets)
    with torch.no_grad():
        out = walk.log.take("forward", lambda rows: forward(images[rows]).float(), _deviation)
    blind = np.log(len(classes))
    # What a head that knows nothing may expect from activations of this spread.
    unrelated = float((out.logsumexp(1) - out.mean(1)).mean())
    losses = walk.log.take(
        "loss",
        lambda rows: F.cross_entropy(out[rows], target[rows], reduction="none"),
        f"ln({len(classes)}) = {blind:.2f} for guessing, {unrelated:.2f} at this spread",
    )
    walk.loss = float(losses.mean())
    if walk.loss > 2 * blind + 3:
        message = (
            f"the first loss is {walk.loss:.2f}, where guessing gives ln({len(classes)}) = "
            f"{blind:.2f}: do the weights suit model.arch?"
        )
        walk.log.findings.append(Finding("warning", "first_loss", message))


def _targets(classes: Sequence[str], labels: Iterable[str]) -> np.ndarray:
    number = {label: place for place, label in enumerate(classes)}
    return np.array([number[label] for label in labels], dtype=np.int64)


def view_shares(matrices: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return how much of its image each view takes in, (B,): the area between its corners."""
    corners = np.concatenate([CORNERS[[0, 2, 3, 1]], np.ones((4, 1))], axis=1)
    moved = corners @ matrices.transpose(0, 2, 1)
    x, y = (moved[..., :2] / moved[..., 2:]).transpose(2, 0, 1)
    area = (x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1) / 2
    return np.abs(area) / sizes.prod(axis=1)


def _share_note(matrices: np.ndarray, sizes: np.ndarray) -> str:
    share = view_shares(matrices, sizes)
    return f"each view takes in {share.min():.0%} to {share.max():.0%} of its image"


def _deviation(x: Tensor) -> str:
    return f"standard deviation {x.std():.3g}"


def _pixels(x: Tensor) -> np.ndarray:
    """Return images (B, 3, S, S) in 0..1 as (B, S, S, 3) uint8."""
    return (x.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
