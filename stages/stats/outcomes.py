"""One row an image: what it is, what the model said, how sure it was, and what that cost."""

import numpy as np
import pandas as pd

# -log of the smallest ordinary float32: a probability of zero costs 87.3, not infinity, so that
# tables can be sorted and JSON can hold the number.
SMALLEST = float(np.finfo(np.float32).tiny)


def outcomes_table(
    class_names: np.ndarray, paths: np.ndarray, targets: np.ndarray, pred_probs: np.ndarray
) -> pd.DataFrame:
    """Return path, actual, predicted, p_actual, p_predicted, loss, in the order given.

    `loss` is -log p_actual in nats. With cross-entropy that is the loss of training; with bce it
    is the same measure of surprise, though training also counted the other classes.
    """
    rows = np.arange(len(targets))
    predicted = pred_probs.argmax(axis=1)
    p_actual = pred_probs[rows, targets].astype(np.float64)
    return pd.DataFrame(
        {
            "path": paths,
            "actual": class_names[targets],
            "predicted": class_names[predicted],
            "p_actual": p_actual,
            "p_predicted": pred_probs[rows, predicted].astype(np.float64),
            "loss": np.abs(np.log(np.maximum(p_actual, SMALLEST))),
        }
    )
