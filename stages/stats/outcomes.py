"""Outcomes: one row for each validation image, with its label, prediction and loss."""

import numpy as np
import pandas as pd

from stages.stats.predictions import Predictions
from stages.stats.probability_blocks import most_probable, probability_of

# The smallest ordinary float32. As a probability it costs a loss of 87.3, so that a probability of
# zero costs that and not infinity: tables can be sorted and JSON can hold the number.
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)


def outcomes_table(predictions: Predictions) -> pd.DataFrame:
    """Return path, actual, predicted, p_actual, p_predicted and loss of the validation images.

    `loss` is -log p_actual in nats. With cross-entropy that is the loss of training; with bce it
    is the same measure of surprise, though training also counted the other classes.
    """
    predicted = most_probable(predictions.pred_probs)
    p_actual = probability_of(predictions.targets, predictions.pred_probs).astype(np.float64)
    p_predicted = probability_of(predicted, predictions.pred_probs)
    return pd.DataFrame(
        {
            "path": predictions.paths,
            "actual": predictions.class_names[predictions.targets],
            "predicted": predictions.class_names[predicted],
            "p_actual": p_actual,
            "p_predicted": p_predicted.astype(np.float64),
            "loss": np.abs(np.log(np.maximum(p_actual, SMALLEST_PROBABILITY))),
        }
    )
