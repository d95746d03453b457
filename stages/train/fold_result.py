"""The result of a fold: what its model predicts of the images that it validates; kept as a file.

A run that was ended goes on behind the folds that it has finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import torch

from stages.train.checkpoint import CheckpointFacts, CheckpointState
from stages.train.infer import Inference
from stages.train.progress import HistoryRow, count_trained

_PROBABILITIES = "fold.probabilities"
_LOSS = "fold.loss"
_ROWS = "fold.rows"
_MAPS = "fold.maps"


@dataclass(frozen=True, kw_only=True)
class FoldResult:
    """What is kept of a fold's training, without its model."""

    epochs: list[HistoryRow]
    validation: Inference  # of the V images of the fold
    explained: np.ndarray  # (M,) int64, rows of these images
    maps: np.ndarray  # (M, H, W) float32, their saliency; (0, 0, 0) where there is none


def fold_state(result: FoldResult) -> CheckpointState:
    """Return a result as the content of a checkpoint."""
    tensors = {
        _PROBABILITIES: torch.from_numpy(result.validation.pred_probs),
        _LOSS: torch.tensor(result.validation.loss, dtype=torch.float64),
        _ROWS: torch.from_numpy(result.explained),
        _MAPS: torch.from_numpy(result.maps),
    }
    facts = CheckpointFacts(epochs=result.epochs, losses=[], scaler={})
    return CheckpointState({name: t.contiguous() for name, t in tensors.items()}, facts)


def finished_fold(state: CheckpointState | None) -> FoldResult | None:
    """Return the result that a checkpoint holds; None where it is of a training under way."""
    if state is None or _PROBABILITIES not in state.tensors:
        return None
    arrays = {name: tensor.numpy() for name, tensor in state.tensors.items()}
    return FoldResult(
        epochs=state.facts.epochs,
        validation=Inference(arrays[_PROBABILITIES], float(arrays[_LOSS])),
        explained=arrays[_ROWS],
        maps=arrays[_MAPS],
    )


def pool_epochs(
    epochs: Sequence[HistoryRow], folds: Sequence[Sequence[HistoryRow]], images: Sequence[int]
) -> list[HistoryRow]:
    """Return the epochs of the last run, of all images, with the validation of the folds.

    Loss and error rate are means over the folds, by their images, at the same part of training: a
    fold has fewer images, so where epochs are cut it may have one more or less. What is no training
    comes last everywhere.
    """
    trained = count_trained(epochs)

    def at_same_part(number: int, fold: Sequence[HistoryRow]) -> HistoryRow:
        if number > trained:
            return fold[-1]
        return fold[ceil(number * count_trained(fold) / trained) - 1]

    pooled: list[HistoryRow] = []
    for number, row in enumerate(epochs, start=1):
        rows = [at_same_part(number, fold) for fold in folds]
        valid_loss = np.average([one.valid_loss for one in rows], weights=images)
        error_rate = np.average([one.error_rate for one in rows], weights=images)
        pooled.append(row._replace(valid_loss=float(valid_loss), error_rate=float(error_rate)))
    return pooled
