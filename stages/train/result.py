"""The result of training: the history, the margins of the training images, and the validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.batch.dataloaders import DataLoaders
from stages.stats.predictions import Predictions
from stages.train.infer import Inference
from stages.train.progress import HistoryRow


@dataclass(frozen=True)
class TrainingResult:
    """What training gives beside the model."""

    epochs: list[HistoryRow]
    margins: np.ndarray  # (T,) float32, of the training images
    validation: Inference  # by the model at its end, of V images

    def predictions(self, class_names: np.ndarray, loaders: DataLoaders) -> Predictions:
        """Return the predictions for validation, and the margins, with what they are of."""
        return Predictions(
            class_names=class_names,
            paths=np.array(loaders.valid.paths),
            targets=loaders.valid.targets,
            pred_probs=self.validation.pred_probs,
            train_paths=np.array(loaders.train.paths),
            train_targets=loaders.train.targets,
            train_margins=self.margins,
        )

    def __str__(self) -> str:
        """Say how many are wrong in the end."""
        images = len(self.validation.pred_probs)
        return f"{self.epochs[-1].error_rate:.1%} of {images} validation images wrong"

    @property
    def trained(self) -> list[HistoryRow]:
        """Return the epochs of training, without the average at the end or the probe as it is."""
        return trained_epochs(self.epochs)

    def metrics(self) -> dict[str, float | None]:
        """Return error rate, accuracy and losses of the end; no train_loss without training."""
        last = self.epochs[-1]
        train_loss = self.trained[-1].train_loss if self.trained else None
        return {
            "error_rate": last.error_rate,
            "accuracy": 1 - last.error_rate,
            "train_loss": train_loss,
            "valid_loss": last.valid_loss,
        }


def history_table(epochs: Sequence[HistoryRow]) -> pd.DataFrame:
    """Return the table history.csv: a row for each epoch of training."""
    return pd.DataFrame(trained_epochs(epochs), columns=list(HistoryRow._fields))


def trained_epochs(epochs: Sequence[HistoryRow]) -> list[HistoryRow]:
    """Return the epochs of training, without the average at the end or the probe as it is."""
    return [row for row in epochs if row.trained]
