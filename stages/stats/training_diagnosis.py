"""Training diagnosis: whether the losses of the epochs say that training was too short or too long.

A hint, not a test: it names the param to change, and the next run's paired test decides.
"""

import pandas as pd

# Shares by which a loss must move to count: in 19 sweeps of the sample the mean loss of an epoch
# moves by 2 to 4 % between seeds, and by 10 % never.
_CLEAR_FALL = 0.1
_CLEAR_RISE = 0.1


def diagnose_training(history: pd.DataFrame) -> list[str]:
    """Return sentences for the page; none where the losses show nothing.

    history: a row an epoch with phase, train_loss, valid_loss; rows without training do not count.
    """
    trained = history[history["train_loss"].notna()]
    if len(trained) < 2:
        return []
    train_losses = trained["train_loss"].tolist()
    valid_losses = trained["valid_loss"].tolist()
    best = min(valid_losses)
    epoch = valid_losses.index(best) + 1
    learned = train_losses[-1] < train_losses[epoch - 1]
    if learned and valid_losses[-1] > best * (1 + _CLEAR_RISE):
        return [
            f"Overfitting: the validation loss was least after epoch {epoch} and rises since, while"
            " the training loss falls. Try a smaller fine_tune.epochs, or a smaller"
            " fine_tune.base_lr."
        ]
    still_falling = train_losses[-1] < train_losses[-2] * (1 - _CLEAR_FALL)
    if still_falling and valid_losses[-1] < valid_losses[-2] * (1 - _CLEAR_FALL):
        return [
            "Underfitting: both losses still fell by more than a tenth in the last epoch. Try a"
            " larger fine_tune.epochs."
        ]
    return []
