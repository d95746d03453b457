"""Photographs decoded once, batched in seeded order, and ready before they are needed."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from stages.base.ranks import SINGLE_PROCESS, Rank
from stages.base.seed import derive
from stages.batch.render_cpu import PreparedViews, load_compiled_code, prepare_views, render_images
from stages.batch.render_gpu import render_batch, shrink_factors
from stages.batch.views import AugmentParams, Views, centre_views, random_views
from stages.batch.windows import Windows, visible_windows
from stages.store.reader import Store

T = TypeVar("T")
U = TypeVar("U")
# Above this, images of training, and of validation, are decoded anew for every epoch, in each
# process. 4 GiB holds 5,000 photographs of 613x460.
MEMORY_BUDGET = 4 * 2**30
# The share of a GPU's free memory that images may take; the rest is for training.
DEVICE_SHARE = 0.25


class Batch(NamedTuple):
    """What the model takes: images (B, 3, S, S) float32, targets (B,), and which rows they are."""

    images: Tensor
    targets: Tensor
    rows: np.ndarray


class DrawnBatch(NamedTuple):
    """A batch before it is rendered: whole images, and what will be seen of each."""

    images: list[Tensor]  # B times (H, W, 3) uint8
    views: Views
    rows: np.ndarray  # (B,)


# What a processor needs of a batch to render it at once: pixels, how they are seen, rows.
PreparedBatch = tuple[list[np.ndarray], PreparedViews, np.ndarray]


@dataclass(frozen=True)
class Photos:
    """The images of one side of the split; row i is paths[i], with targets[i]."""

    paths: list[str]
    targets: np.ndarray  # (N,) int64
    image: Callable[[int], Tensor]  # row -> (H, W, 3) uint8, in memory or on the device
    threads: int = 1  # that it takes to have batches in time

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def subset(self, rows: np.ndarray) -> "Photos":
        """Return the images in these rows, numbered anew."""
        paths = [self.paths[row] for row in rows]
        return Photos(paths, self.targets[rows], lambda row: self.image(rows[row]), self.threads)


@dataclass(frozen=True)
class RenderSpec:
    """How images are rendered: side in pixels, the model's normalisation, the device."""

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    device: torch.device


def open_photos(
    store: Store, splits: pd.DataFrame, class_names: list[str], workers: int, device: torch.device
) -> Photos:
    """Return the images of these rows of the split, numbered by their label's place in vocab.

    They are decoded now, by threads, when they fit MEMORY_BUDGET, and else whenever asked for.
    They lie on the device when they fit DEVICE_SHARE of what is free there. Compiled code is
    loaded now too (.3 s), not while the first batch is waited for.
    """
    if device.type == "cpu":
        load_compiled_code()
    paths = splits["path"].tolist()
    targets = pd.Categorical(splits["label"], categories=class_names).codes.astype(np.int64)
    index = store.index.set_index("path").loc[paths]
    needed = int((index["width"] * index["height"] * 3).sum())
    if needed > MEMORY_BUDGET:
        return Photos(paths, targets, lambda row: torch.tensor(store.image(paths[row])), workers)
    place = device if needed <= _room(device) else torch.device("cpu")
    with ThreadPoolExecutor(workers) as pool:
        decoding = pool.map(lambda path: torch.tensor(store.image(path), device=place), paths)
        bar = tqdm(decoding, "decoding", len(paths), unit="image", delay=1, leave=False)
        return Photos(paths, targets, list(bar).__getitem__)


def _room(device: torch.device) -> float:
    """Return how many bytes of images a device may hold."""
    return DEVICE_SHARE * torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0


def train_batches(
    photos: Photos,
    look: RenderSpec,
    augment: AugmentParams,
    batch_size: int,
    seed: int,
    epoch: int,
    first: int = 0,
    rank: Rank = SINGLE_PROCESS,
) -> Iterator[Batch]:
    """Yield the batches of one epoch: shuffled, augmented, the incomplete last one left out.

    Order and views depend on the seed, the epoch and the path alone, never on earlier draws; so
    the batches from step `first` on, and a process's share of each, are those of the whole.
    """
    order = derive(seed, "order", epoch).permutation(len(photos))
    steps = train_steps(len(photos), batch_size)
    splits = [
        rank.share(order[step * batch_size : (step + 1) * batch_size])
        for step in range(first, steps)
    ]

    def views(rows: np.ndarray, sizes: np.ndarray) -> Views:
        rngs = [derive(seed, "view", epoch, photos.paths[row]) for row in rows]
        return random_views(sizes, augment, rngs)

    return _batches(photos, look, splits, views)


def train_steps(images: int, batch_size: int) -> int:
    """Return the batches in an epoch: whole ones only, but at least one."""
    return max(1, images // batch_size)


def valid_batches(
    photos: Photos, look: RenderSpec, batch_size: int, rank: Rank = SINGLE_PROCESS
) -> Iterator[Batch]:
    """Yield all images in order, or a process's share, each seen through its centre square."""
    rows = rank.share(np.arange(len(photos)))
    splits = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    return _batches(photos, look, splits, lambda _, sizes: centre_views(sizes))


def _batches(
    photos: Photos,
    look: RenderSpec,
    splits: list[np.ndarray],
    views: Callable[[np.ndarray, np.ndarray], Views],  # of rows and sizes
) -> Iterator[Batch]:
    """Yield the batch of each split, ready before it is asked for.

    On a processor only as far as decoded and drawn: rendering beside the model's step would take
    the cores that the step wants.
    """

    def draw(rows: np.ndarray) -> DrawnBatch:
        images = [photos.image(int(row)) for row in rows]
        return DrawnBatch(
            images, views(rows, np.array([image.shape[:2] for image in images])), rows
        )

    def get_ready(rows: np.ndarray) -> PreparedBatch:
        images, views, _ = draw(rows)
        return [image.numpy() for image in images], prepare_views(views, look.size), rows

    if look.device.type == "cpu":
        return _on_processor(photos, look, prefetch(get_ready, splits, photos.threads))
    return prefetch(lambda rows: _on_device(photos, look, draw(rows)), splits, photos.threads)


def _on_processor(
    photos: Photos, look: RenderSpec, every: Iterator[PreparedBatch]
) -> Iterator[Batch]:
    """Render what was drawn, and only then ask for what follows: that is drawn beside the step."""
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        ready = next(every, None)
        while ready is not None:
            pixels, prepared, rows = ready
            x = render_images(pixels, prepared, look.size, look.mean, look.std, pool, threads)
            ready = next(every, None)
            yield Batch(x, torch.as_tensor(photos.targets[rows]), rows)


def _on_device(photos: Photos, look: RenderSpec, drawn: DrawnBatch) -> Batch:
    images, views, rows = drawn
    sizes = np.array([image.shape[:2] for image in images])
    windows = visible_windows(views.matrices, sizes, shrink_factors(views.matrices, look.size))
    pixels = collate(images, windows).to(look.device, non_blocking=True)
    x = render_batch(pixels, sizes, views, look.size, look.mean, look.std, windows)
    return Batch(x, torch.as_tensor(photos.targets[rows], device=look.device), rows)


def collate(images: Sequence[Tensor], windows: Windows) -> Tensor:
    """Stack the windows of images (H, W, 3), each at the top left of its place: (B, 3, H, W)."""
    stacked = images[0].new_zeros(len(images), *windows.shape.max(axis=0), 3)
    for place, image, (top, left), (height, width) in zip(
        stacked, images, windows.first.tolist(), windows.shape.tolist(), strict=True
    ):
        place[:height, :width] = image[top : top + height, left : left + width]
    return stacked.permute(0, 3, 1, 2)


def prefetch(make: Callable[[T], U], items: Iterable[T], threads: int = 1) -> Iterator[U]:
    """Yield make(item) in order, with the next ones (at least two) in the making on threads."""
    waiting: deque[Future[U]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > max(2, threads):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
