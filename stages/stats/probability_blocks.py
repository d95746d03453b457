"""Probability blocks: probabilities (N, C), read by blocks for rows and for classes.

They may lie in a file, of which never more than some tens of megabytes are in memory.
"""

from collections.abc import Iterator

import numpy as np

from stages.base.stored_array import Rows, StoredArray, row_blocks

_COLUMN_VALUES = 2**23  # read at once, 32 MB; a file is read once for each so many


def most_probable(pred_probs: Rows) -> np.ndarray:
    """Return the most probable class number of each row of probabilities, (N,)."""
    blocks = row_blocks(pred_probs)
    return np.concatenate([np.asarray(pred_probs[rows]).argmax(axis=1) for rows in blocks])


def largest_probability(pred_probs: Rows) -> np.ndarray:
    """Return the probability of the most probable class of each row, (N,)."""
    blocks = row_blocks(pred_probs)
    return np.concatenate([np.asarray(pred_probs[rows]).max(axis=1) for rows in blocks])


def probability_of(classes: np.ndarray, pred_probs: Rows) -> np.ndarray:
    """Return the probability that each row gives one class, whose numbers are (N,)."""
    return np.concatenate(
        [
            np.take_along_axis(np.asarray(pred_probs[rows]), classes[rows, None], axis=1)[:, 0]
            for rows in row_blocks(pred_probs)
        ]
    )


def class_columns(pred_probs: Rows) -> Iterator[np.ndarray]:
    """Yield for each class the probabilities that the rows give it, (N,)."""
    classes = pred_probs.shape[1]
    at_once = max(1, _COLUMN_VALUES // max(1, len(pred_probs)))
    for start in range(0, classes, at_once):
        columns = slice(start, min(classes, start + at_once))
        # Copies, so that nobody holds these while the next are read.
        yield from (column.copy() for column in _columns(pred_probs, columns).T)


def _columns(pred_probs: Rows, columns: slice) -> np.ndarray:
    if isinstance(pred_probs, StoredArray):
        return np.asarray(pred_probs.with_columns(columns))
    return pred_probs[:, columns]
