"""Probe start: the probe that training starts from, and another that a trial compares it with.

The other was fitted without a fifth of the training images, which are held out in the trial. So
fine-tuning is compared with the probe before the real run, without a look at validation.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.base.errors import UserError
from stages.base.files import read_npz, write_npz
from stages.model.probe import Probe

_TRIAL = "trial_"  # before the names of the other probe's arrays
_OTHERS = ("held_out", "held_out_right", "error", "shallow_error", "images")


@dataclass(frozen=True, kw_only=True)
class ProbeStart:
    """Both probes, and the held-out images."""

    probe: Probe  # fitted on all training images
    trial_probe: Probe  # fitted on those that are not held out
    held_out: np.ndarray  # (H,) str, paths
    held_out_right: np.ndarray  # (H,) bool, whether the trial's probe predicts the label of each
    error: np.ndarray  # () float64, error rate of the training images out of fold
    shallow_error: np.ndarray  # () float64, the same of shallow_recipe's probe; nan without one
    images: np.ndarray  # () int64, how many training images there are


def write_probe_start(path: Path | str, start: ProbeStart) -> None:
    """Write both as .npz."""
    trial = {f"{_TRIAL}{name}": array for name, array in vars(start.trial_probe).items()}
    others = {name: getattr(start, name) for name in _OTHERS}
    write_npz(path, {**vars(start.probe), **trial, **others})


def read_probe_start(path: Path | str) -> ProbeStart:
    """Read what `write_probe_start` wrote; a UserError names a missing or damaged file."""
    arrays = read_npz(path)
    trial = {
        name.removeprefix(_TRIAL): arrays.pop(name)
        for name in list(arrays)
        if name.startswith(_TRIAL)
    }
    try:
        others = {name: arrays.pop(name) for name in _OTHERS}
        return ProbeStart(probe=Probe(**arrays), trial_probe=Probe(**trial), **others)
    except (KeyError, TypeError):
        raise UserError(f"{path} holds other arrays than baseline's; dvc repro makes it") from None
