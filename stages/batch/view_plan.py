"""View plan: the views of an epoch's images and their shrink factors, many batches at once.

For a thousand images together it takes a third of the time that it takes batch by batch, and what
runs beside training on a GPU competes with it for the interpreter of Python.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stages.batch.render_gpu import shrink_factors
from stages.batch.views import Views

# Images whose views are computed together: 5 ms.
_CHUNK = 1024

# The views of images, from their rows (n,), or also from their heights and widths (n, 2).
ViewsOfRows = Callable[[np.ndarray], Views]
ViewsOf = Callable[[np.ndarray, np.ndarray], Views]


@dataclass(frozen=True, kw_only=True)
class PlannedViews:
    """The views of B images, with their shrink factors."""

    views: Views
    factors: NDArray[np.int64]  # (B,)

    def subset(self, part: slice) -> "PlannedViews":
        """Return those of consecutive images."""
        return PlannedViews(views=self.views.subset(part), factors=self.factors[part])


class ViewPlan:
    """The views of the batches of one epoch, in their order."""

    def __init__(self, batch_rows: Sequence[np.ndarray], views_of: ViewsOfRows, size: int) -> None:
        """Plan batches that have as many images each, but for the last; size: side in pixels."""
        self._batch_rows = batch_rows
        self._views_of = views_of
        self._size = size
        self._share = max(1, len(batch_rows[0])) if batch_rows else 1
        self._batches = max(1, _CHUNK // self._share)
        self._chunk = lru_cache(2)(self._compute)

    def of_batch(self, number: int) -> PlannedViews:
        """Return the views of the batch of this number."""
        chunk, place = divmod(number, self._batches)
        start = place * self._share
        return self._chunk(chunk).subset(slice(start, start + len(self._batch_rows[number])))

    def _compute(self, chunk: int) -> PlannedViews:
        start = chunk * self._batches
        views = self._views_of(np.concatenate(self._batch_rows[start : start + self._batches]))
        return PlannedViews(views=views, factors=shrink_factors(views.matrices, self._size))
