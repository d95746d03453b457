"""The image set of one side of the split, decoded once when it fits in memory."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from stages.batch.flat_images import FlatImages
from stages.batch.memory_budget import MemoryBudget, memory_budget
from stages.batch.shared_images import can_share, decode_together
from stages.store.decode_into import decode_into
from stages.store.reader import Store


@dataclass(frozen=True)
class ImageSet:
    """N images with their targets; row i is paths[i], with targets[i]."""

    paths: list[str]
    targets: np.ndarray  # (N,) int64, class numbers
    load_image: Callable[[int], Tensor]  # row -> (H, W, 3) uint8 in the processor's memory
    prefetch_threads: int = 1  # as many as it takes to have batches in time
    flat: FlatImages | None = None  # the images as a device takes them

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.paths)

    def subset(self, rows: np.ndarray) -> "ImageSet":
        """Return the images in these rows, numbered from 0."""
        return ImageSet(
            [self.paths[row] for row in rows],
            self.targets[rows],
            lambda row: self.load_image(rows[row]),
            self.prefetch_threads,
            self.flat.subset(rows) if self.flat else None,
        )


def open_image_set(
    store: Store, splits: pd.DataFrame, class_names: list[str], workers: int
) -> ImageSet:
    """Return the images of these rows of the split, to be decoded when a batch needs them."""
    paths = splits["path"].tolist()
    targets = pd.Categorical(splits["label"], categories=class_names).codes.astype(np.int64)
    sides = store.index[["path", "height", "width"]].set_index("path")
    sizes = sides.loc[paths].to_numpy(np.int32)

    def read_into(row: int, out: NDArray[np.uint8]) -> None:
        decode_into(store, paths[row], out)

    return ImageSet(
        paths,
        targets,
        lambda row: torch.tensor(store.image(paths[row])),
        workers,
        FlatImages(sizes=sizes, read_into=read_into, threads=workers),
    )


def open_image_sets(
    store: Store,
    splits: Sequence[pd.DataFrame],
    class_names: list[str],
    workers: int,
    device: torch.device,
    budget: MemoryBudget | None = None,
) -> list[ImageSet]:
    """Return the image set of each part of the split; a target is the place among class_names.

    The images of a part are decoded now, by threads, when they fit the budget beside those of the
    parts before it, and otherwise whenever a batch needs them. Processes that train together call
    this together; those of a machine decode a share each, and hold one copy between them.
    """
    left = budget or memory_budget(device)
    opened: list[ImageSet] = []
    for part in splits:
        anew = open_image_set(store, part, class_names, workers)
        image_set, left = _within(left, anew, workers, device)
        opened.append(image_set)
    return opened


def _within(
    budget: MemoryBudget, anew: ImageSet, workers: int, device: torch.device
) -> tuple[ImageSet, MemoryBudget]:
    """Return images, which are decoded now if they fit the budget, and what is left of it."""
    needed = anew.flat.bytes if anew.flat else 0
    shared = _shared(anew, budget)
    if device.type != "cpu" and 0 < needed <= budget.device and anew.flat:
        source = shared.flat if shared and shared.flat else anew.flat
        # The shared memory is given back when nothing refers to it any more.
        flat = replace(source.on_device(device), read_into=anew.flat.read_into)
        return replace(anew, flat=flat), replace(budget, device=budget.device - needed)
    if shared:
        return shared, budget.without_host(needed // budget.rank.here)
    if budget.fits_host(needed):
        return _decoded(anew, workers), budget.without_host(needed)
    return anew, budget


def _shared(image_set: ImageSet, budget: MemoryBudget) -> ImageSet | None:
    """Return the images decoded now into memory that the processes of a machine share, or None."""
    flat = image_set.flat
    if flat is None or not can_share(budget.rank):
        return None
    fits = budget.of_machine().fits_host(flat.bytes)
    images = decode_together(flat, fits, budget.rank)
    if images is None:
        return None
    return _from_memory(image_set, [torch.from_numpy(image) for image in images])


def _decoded(image_set: ImageSet, workers: int) -> ImageSet:
    """Return the images decoded now into the processor's memory."""
    rows = range(len(image_set))
    with ThreadPoolExecutor(workers) as pool:
        decoding = pool.map(image_set.load_image, rows)
        bar = tqdm(decoding, "decoding", len(rows), unit="image", delay=1, leave=False)
        return _from_memory(image_set, list(bar))


def _from_memory(image_set: ImageSet, images: list[Tensor]) -> ImageSet:
    """Return the image set whose images (H, W, 3) lie in the processor's memory."""

    def read_into(row: int, out: NDArray[np.uint8]) -> None:
        out[:] = images[row].numpy()

    flat = replace(image_set.flat, read_into=read_into) if image_set.flat else None
    return ImageSet(image_set.paths, image_set.targets, images.__getitem__, 1, flat)
