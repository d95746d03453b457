"""One row an image."""

import numpy as np
import pytest

from stages.stats.outcomes import outcomes_table

VOCAB = np.array(["a", "b", "c"])
PATHS = np.array(["z.jpg", "y.jpg", "x.jpg", "w.jpg"])
TARGETS = np.array([0, 1, 2, 2])
PROBABILITIES = np.array(
    [[0.5, 0.3, 0.2], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0], [0.9, 0.8, 0.7]], "float32"
)


def test_loss_is_minus_log_of_the_labels_probability() -> None:
    """Loss and probability stand side by side and are never the same thing."""
    table = outcomes_table(VOCAB, PATHS, TARGETS, PROBABILITIES)
    assert table["path"].tolist() == PATHS.tolist()
    assert table["actual"].tolist() == ["a", "b", "c", "c"]
    assert table["predicted"].tolist() == ["a", "a", "a", "a"]
    assert table["p_actual"].to_numpy() == pytest.approx([0.5, 0.1, 0.0, 0.7])
    assert table["p_predicted"].to_numpy() == pytest.approx([0.5, 0.9, 1.0, 0.9])
    assert table["loss"].to_numpy()[[0, 1, 3]] == pytest.approx(-np.log([0.5, 0.1, 0.7]))


def test_a_probability_of_zero_costs_a_finite_loss() -> None:
    """Neither infinity nor a negative zero gets into a table."""
    loss = outcomes_table(VOCAB, PATHS, np.array([0, 1, 1, 0]), PROBABILITIES)["loss"]
    assert loss[2] == pytest.approx(87.34, abs=0.01)
    certain = outcomes_table(VOCAB, PATHS[:1], TARGETS[:1], np.array([[1.0, 0, 0]]))["loss"]
    assert str(certain[0]) == "0.0"
