"""Random draws: the numbers that decide a view, of each image from its own generator."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from stages.base.seed import key_of
from stages.batch.philox import philox_keys, philox_uniform

DRAWS_PER_VIEW = 20  # random numbers that decide one view


class RandomDraws:
    """Random numbers for B images: every draw is (B,), each number from its image's generator."""

    def __init__(self, numbers: np.ndarray) -> None:
        """Take the numbers (DRAWS_PER_VIEW, B), in the order in which they are drawn."""
        self._numbers: Iterator[np.ndarray] = iter(numbers)

    def uniform(self, low: float, high: float) -> np.ndarray:
        """Return numbers from low to high."""
        return low + (high - low) * next(self._numbers)

    def happens(self, probability: float) -> np.ndarray:
        """Return booleans that are true with this probability."""
        return next(self._numbers) < probability


def draw_numbers(generators: Sequence[np.random.Generator]) -> np.ndarray:
    """Return the numbers that each generator gives for a view: (DRAWS_PER_VIEW, B)."""
    return np.stack([generator.random(DRAWS_PER_VIEW) for generator in generators], axis=1)


def view_names(epoch: int, path: str, turn: int = 0) -> tuple[str | int, ...]:
    """Return the names of the generator of an image's view in an epoch.

    turn: how often the epoch has drawn it before.
    """
    return ("view", epoch, path, turn) if turn else ("view", epoch, path)


def view_numbers(
    seed: int, epoch: int, paths: Sequence[str], turns: Sequence[int] | None = None
) -> NDArray[np.float64]:
    """Return the numbers that decide the views of images in an epoch: (DRAWS_PER_VIEW, N).

    They are those of each image's generator, derive(seed, *view_names(epoch, path, turn)).
    """
    drawn = zip(paths, turns or [0] * len(paths), strict=True)
    keys = [key_of(seed, view_names(epoch, path, turn)) for path, turn in drawn]
    return philox_uniform(philox_keys(keys), DRAWS_PER_VIEW)
