"""What training gives becomes the arrays and the table that interpret reads."""

from types import SimpleNamespace

import numpy as np

from stages.stats.fine_tuned import outcomes_of, predictions_of
from stages.stats.predictions import Predictions

VALID = SimpleNamespace(paths=["a.jpg", "b.jpg"], targets=np.array([1, 0]))
TRAIN = SimpleNamespace(paths=["c.jpg", "d.jpg", "e.jpg"], targets=np.array([0, 1, 1]))
HELD = np.array([[0.25, 0.75], [0.25, 0.75]], dtype=np.float32)
MARGINS = np.array([0.5, np.nan, -0.5], dtype=np.float32)


def told() -> Predictions:
    """Return two images of validation, one of them wrong, and three of training."""
    return predictions_of(["cat", "dog"], VALID, TRAIN, HELD, MARGINS)


def test_each_side_keeps_its_own() -> None:
    """Validation has probabilities, training margins, and both their paths and labels in order."""
    predictions = told()
    assert predictions.class_names.tolist() == ["cat", "dog"]
    assert predictions.paths.tolist() == VALID.paths
    assert predictions.targets.tolist() == [1, 0]
    assert predictions.pred_probs is HELD
    assert predictions.train_paths.tolist() == TRAIN.paths
    assert predictions.train_targets.tolist() == [0, 1, 1]
    assert predictions.train_margins is MARGINS


def test_the_table_has_a_row_for_each_image_of_validation() -> None:
    """What each image is and was taken for, with both probabilities."""
    table = outcomes_of(told())
    assert table[["path", "actual", "predicted"]].to_numpy().tolist() == [
        ["a.jpg", "dog", "dog"],
        ["b.jpg", "cat", "dog"],
    ]
    assert table["p_actual"].tolist() == [0.75, 0.25]
