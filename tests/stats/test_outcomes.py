"""The outcomes table of four images."""

from dataclasses import replace

import numpy as np
import pytest

from stages.stats.outcomes import outcomes_table
from stages.stats.predictions import Predictions

PREDICTIONS = Predictions(
    class_names=np.array(["a", "b", "c"]),
    paths=np.array(["z.jpg", "y.jpg", "x.jpg", "w.jpg"]),
    targets=np.array([0, 1, 2, 2]),
    pred_probs=np.array(
        [[0.5, 0.3, 0.2], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0], [0.9, 0.8, 0.7]], "float32"
    ),
    train_paths=np.zeros(0, str),
    train_targets=np.zeros(0, int),
    train_margins=np.zeros(0),
)


def test_loss_is_minus_log_of_the_labels_probability() -> None:
    """Loss and probability stand side by side and are never the same thing."""
    table = outcomes_table(PREDICTIONS)
    assert table["path"].tolist() == ["z.jpg", "y.jpg", "x.jpg", "w.jpg"]
    assert table["actual"].tolist() == ["a", "b", "c", "c"]
    assert table["predicted"].tolist() == ["a", "a", "a", "a"]
    assert table["p_actual"].to_numpy() == pytest.approx([0.5, 0.1, 0.0, 0.7])
    assert table["p_predicted"].to_numpy() == pytest.approx([0.5, 0.9, 1.0, 0.9])
    assert table["loss"].to_numpy()[[0, 1, 3]] == pytest.approx(-np.log([0.5, 0.1, 0.7]))


def test_a_probability_of_zero_costs_a_finite_loss() -> None:
    """Neither infinity nor a negative zero gets into a table."""
    loss = outcomes_table(replace(PREDICTIONS, targets=np.array([0, 1, 1, 0])))["loss"]
    assert loss[2] == pytest.approx(87.34, abs=0.01)
    certain = replace(PREDICTIONS, pred_probs=np.repeat([[1.0, 0, 0]], 4, axis=0))
    assert str(outcomes_table(certain)["loss"][0]) == "0.0"
