"""What tests of the device's path share: flat images, and a stream that runs as late as it may."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
import torch

from stages.batch.flat_images import FlatImages, flat_from_memory
from stages.batch.image_set import ImageSet
from stages.batch.random_draws import DRAWS_PER_VIEW
from stages.batch.render_spec import RenderSpec
from stages.batch.side_stream import SideStream
from stages.batch.views import Views, drawn_views
from tests.batch.examples import AUGMENT, CPU, imagenet_spec, noise_image


class LateStream(SideStream):
    """A stream that runs its work only when somebody waits for it.

    A real one may be as late. So what is read or overwritten without waiting is read too early
    here, or overwritten, and gives other bytes.
    """

    def __init__(self) -> None:
        """Begin with no work."""
        super().__init__(CPU)
        self.waiting: list[Callable[[], object]] = []
        self.given = 0
        self.done = 0
        self.waits = 0
        self._one_thread = Lock()  # does work at a time, whoever waits

    def run(self, work: Callable[[], object]) -> None:
        """Take some work."""
        self.waiting.append(work)
        self.given += 1

    def mark(self) -> Any:
        """Return how much work there is up to here."""
        return self.given

    def wait(self, mark: Any) -> None:
        """Do the work up to a mark."""
        self.waits += 1
        with self._one_thread:
            while mark is not None and self.done < mark:
                self.waiting.pop(0)()
                self.done += 1

    def hand_over(self, mark: Any, tensors: Sequence[torch.Tensor]) -> None:
        """Do the work up to a mark, as the stream that takes the tensors waits for it."""
        self.wait(mark)


def sized_images(count: int = 11, seed: int = 0) -> list[np.ndarray]:
    """Return images of different sizes up to 60 pixels."""
    sizes = np.random.default_rng(seed).integers(16, 60, (count, 2)).tolist()
    return [noise_image(height, width, number) for number, (height, width) in enumerate(sizes)]


def flat_image_set(images: list[np.ndarray], resident: bool) -> ImageSet:
    """Return images in one buffer of the device, or in the processor's memory."""
    tensors = [torch.from_numpy(image) for image in images]
    flat: FlatImages = flat_from_memory(tensors)
    if resident:
        flat = flat.on_device(CPU)
    names = [f"{row}.jpg" for row in range(len(images))]
    return ImageSet(names, np.arange(len(images)), tensors.__getitem__, 1, flat)


def kernel_spec(size: int = 16, dtype: torch.dtype = torch.float32) -> RenderSpec:
    """Return a spec by which the kernel of a device renders."""
    return replace(imagenet_spec(size), kernel=True, dtype=dtype)


def views_by_rows(rows: np.ndarray, sizes: np.ndarray) -> Views:
    """Draw strong views of images, each from its row alone."""
    numbers = np.stack([np.random.default_rng(row).random(DRAWS_PER_VIEW) for row in rows], axis=1)
    return drawn_views(sizes, AUGMENT, numbers)
