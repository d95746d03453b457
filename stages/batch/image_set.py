"""The image set of one side of the split, decoded once when it fits in memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from stages.batch.render_kernel import load_compiled_code
from stages.store.reader import Store

# Above this many bytes, images of training, and of validation, are decoded in every epoch, in each
# process. 4 GiB holds 5,000 photographs of 613x460.
MEMORY_BUDGET = 4 * 2**30
# The share of a GPU's free memory that images may take; the rest is for training.
_GPU_MEMORY_SHARE = 0.25


@dataclass(frozen=True)
class ImageSet:
    """N images with their targets; row i is paths[i], with targets[i]."""

    paths: list[str]
    targets: np.ndarray  # (N,) int64, class numbers
    load_image: Callable[[int], Tensor]  # row -> (H, W, 3) uint8, in memory or on the device
    prefetch_threads: int = 1  # as many as it takes to have batches in time

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
        )


def open_image_set(
    store: Store, splits: pd.DataFrame, class_names: list[str], workers: int, device: torch.device
) -> ImageSet:
    """Return the images of these rows of the split; a target is the place among class_names.

    They are decoded now, by threads, when they fit MEMORY_BUDGET, and otherwise whenever a batch
    needs them. They lie on the device when they fit its share of free memory. For the CPU compiled
    code is loaded now too (.3 s), not while the first batch is waited for.
    """
    if device.type == "cpu":
        load_compiled_code()
    paths = splits["path"].tolist()
    targets = pd.Categorical(splits["label"], categories=class_names).codes.astype(np.int64)
    index = store.index.set_index("path").loc[paths]
    needed = int((index["width"] * index["height"] * 3).sum())
    if needed > MEMORY_BUDGET:
        return ImageSet(paths, targets, lambda row: torch.tensor(store.image(paths[row])), workers)
    place = device if needed <= _device_budget(device) else torch.device("cpu")
    with ThreadPoolExecutor(workers) as pool:
        decoding = pool.map(lambda path: torch.tensor(store.image(path), device=place), paths)
        bar = tqdm(decoding, "decoding", len(paths), unit="image", delay=1, leave=False)
        return ImageSet(paths, targets, list(bar).__getitem__)


def _device_budget(device: torch.device) -> float:
    """Return how many bytes of images may lie on a device."""
    if device.type != "cuda":
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return _GPU_MEMORY_SHARE * free
