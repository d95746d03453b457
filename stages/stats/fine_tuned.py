"""From both sides of the split, and what training gave, to the arrays that interpret reads."""

from typing import Protocol

import numpy as np
import pandas as pd

from stages.stats.outcomes import outcomes_table
from stages.stats.predictions import Predictions


class Side(Protocol):
    """The images of one side of the split."""

    @property
    def paths(self) -> list[str]:
        """Their paths, in order."""

    @property
    def targets(self) -> np.ndarray:
        """Their labels as places in the vocabulary."""


def predictions_of(
    class_names: list[str], valid: Side, train: Side, held: np.ndarray, margins: np.ndarray
) -> Predictions:
    """Join what the model says of validation, (V, C), and the margins (T,) of training images."""
    names, paths, seen = (np.array(texts) for texts in (class_names, valid.paths, train.paths))
    return Predictions(names, paths, valid.targets, held, seen, train.targets, margins)


def outcomes_of(told: Predictions) -> pd.DataFrame:
    """Return a row for each validation image: see `outcomes`."""
    return outcomes_table(told.class_names, told.paths, told.targets, told.pred_probs)
