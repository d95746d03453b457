"""What the losses of the epochs say about the length of training."""

import numpy as np
import pandas as pd
import pytest

from stages.stats.training_diagnosis import diagnose_training


def history(train: list[float], valid: list[float]) -> pd.DataFrame:
    """Return a history of unfrozen epochs with these losses."""
    return pd.DataFrame({"phase": "unfrozen", "train_loss": train, "valid_loss": valid})


@pytest.mark.parametrize(
    ("train", "valid", "word", "key"),
    [
        ([2.0, 1.5, 1.0], [1.9, 1.4, 0.9], "Underfitting", "larger fine_tune.epochs"),
        ([2.0, 0.5, 0.1], [1.0, 0.5, 0.7], "Overfitting", "smaller fine_tune.epochs"),
    ],
)
def test_a_clear_sign_names_the_param(
    train: list[float], valid: list[float], word: str, key: str
) -> None:
    """Losses that still fall ask for more epochs, a validation loss that rises for fewer."""
    (sentence,) = diagnose_training(history(train, valid))
    assert sentence.startswith(word)
    assert key in sentence


def test_the_epoch_of_the_least_validation_loss_is_named() -> None:
    """Epochs count from 1."""
    (sentence,) = diagnose_training(history([2.0, 0.5, 0.3, 0.1], [1.0, 0.5, 0.6, 0.7]))
    assert "least after epoch 2" in sentence


@pytest.mark.parametrize(
    ("train", "valid"),
    [
        ([2.0, 0.5, 0.48], [1.0, 0.5, 0.49]),  # flat at the end
        ([2.0, 0.5, 0.1], [1.0, 0.5, 0.54]),  # a rise by less than a tenth
        ([2.0, 1.5, 1.0], [1.0, 0.5, 0.49]),  # only what is learned by heart falls
        ([2.0, 0.5, 0.6], [1.0, 0.5, 0.7]),  # both rise: the rate, not the length
        ([2.0], [1.0]),
        ([], []),
        ([np.nan], [0.3]),  # the probe, untrained
    ],
)
def test_where_nothing_is_clear_nothing_is_said(train: list[float], valid: list[float]) -> None:
    """Flat ends, small rises, and histories too short to tell give no sentence."""
    assert diagnose_training(history(train, valid)) == []


def test_averaged_weights_are_no_epoch() -> None:
    """The row of averaged weights, which has no train loss, changes no sentence."""
    rows = history([2.0, 1.5, 1.0], [1.9, 1.4, 0.9])
    averaged = history([np.nan], [1.8])
    assert diagnose_training(pd.concat([rows, averaged])) == diagnose_training(rows)
