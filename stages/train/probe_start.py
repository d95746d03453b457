"""Probe start: the probe that training starts from, and another that a trial compares it with.

The other was fitted without a fifth of the training images, which are held out in the trial. So
fine-tuning is compared with the probe before the real run, without a look at validation. By folds
there is a probe for each fold, fitted without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stages.base.errors import UserError
from stages.base.npz_file import read_npz, write_npz
from stages.model.probe import Probe
from stages.stats.image_groups import count_groups, number_groups

_TRIAL = "trial_"  # before the names of the other probe's arrays
_FOLD = "fold_"  # and its number, before those of a fold's probe
_GROUPS = "held_out_groups"  # missing where no groups are declared
_OTHERS = ("held_out", "held_out_right", "error", "shallow_error", "images")


@dataclass(frozen=True, kw_only=True)
class FoldProbe:
    """The probe that was fitted without a fold, and what it says of the images of the fold."""

    probe: Probe
    paths: np.ndarray  # (V,) str, validated by the fold
    right: np.ndarray  # (V,) bool, whether the probe predicts the label of each
    groups: np.ndarray | None = None  # (V,) int64, no two folds with one; None without groups


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
    folds: Mapping[int, FoldProbe] = field(default_factory=dict)  # by number; {} without folds
    # (H,) int64, of each held-out image; None where no groups are declared.
    held_out_groups: np.ndarray | None = None

    def with_groups(self, group_of: Mapping[str, str]) -> "ProbeStart":
        """Return the same with the groups of its images, by path -> name.

        The held-out images have them where two of them share one, and the folds where two images of
        all folds together do.
        """
        folds = self.folds
        paths = [fold.paths for fold in folds.values()]
        groups = number_groups(np.concatenate(paths), group_of) if paths else None
        if groups is not None:
            of_folds = np.split(groups, np.cumsum([len(some) for some in paths])[:-1])
            folds = {
                number: replace(fold, groups=of_fold)
                for (number, fold), of_fold in zip(folds.items(), of_folds, strict=True)
            }
        return replace(self, held_out_groups=number_groups(self.held_out, group_of), folds=folds)

    def held_out_units(self) -> int:
        """Return how many independent images are held out, or groups of them."""
        groups = count_groups(self.held_out_groups)
        return len(self.held_out) if groups is None else groups

    def without_first_fold(self) -> Probe:
        """Return the probe that was fitted without the first fold; without folds, `probe`."""
        return next((fold.probe for fold in self.folds.values()), self.probe)


def write_probe_start(path: Path | str, start: ProbeStart) -> None:
    """Write all probes as .npz."""
    trial = _named(_TRIAL, vars(start.trial_probe))
    others = {name: getattr(start, name) for name in _OTHERS}
    folds = {
        name: array
        for number, fold in start.folds.items()
        for name, array in _named(
            f"{_FOLD}{number}_",
            {**vars(fold.probe), "paths": fold.paths, "right": fold.right}
            | _known("groups", fold.groups),
        ).items()
    }
    known = _known(_GROUPS, start.held_out_groups)
    write_npz(path, {**vars(start.probe), **trial, **others, **folds, **known})


def read_probe_start(path: Path | str) -> ProbeStart:
    """Read what `write_probe_start` wrote; a UserError names a missing or damaged file."""
    arrays = read_npz(path)
    trial = _taken(arrays, _TRIAL)
    folds = _taken(arrays, _FOLD)
    try:
        numbers = sorted({int(name.partition("_")[0]) for name in folds})
        others = {name: arrays.pop(name) for name in _OTHERS}
        groups = arrays.pop(_GROUPS, None)
        return ProbeStart(
            probe=Probe(**arrays),
            trial_probe=Probe(**trial),
            **others,
            held_out_groups=groups,
            folds={number: _fold_probe(_taken(folds, f"{number}_")) for number in numbers},
        )
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path} holds other arrays than baseline's; dvc repro makes it") from None


def _fold_probe(arrays: dict[str, np.ndarray]) -> FoldProbe:
    paths = arrays.pop("paths")
    right = arrays.pop("right")
    groups = arrays.pop("groups", None)
    return FoldProbe(probe=Probe(**arrays), paths=paths, right=right, groups=groups)


def _known(name: str, array: np.ndarray | None) -> dict[str, np.ndarray]:
    return {} if array is None else {name: array}


def _named(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def _taken(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Remove the arrays whose names begin so; return them without it."""
    names = [name for name in arrays if name.startswith(prefix)]
    return {name.removeprefix(prefix): arrays.pop(name) for name in names}
