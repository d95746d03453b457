"""The arrays that fine_tune and baseline leave for interpret: schema, write, read.

Light on purpose (numpy alone), because the scripts that train import it too. Every row of
probabilities belongs to one image and every column to one class of `vocab`; rows need not sum
to one, since a model trained with bce answers yes or no for each class by itself.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TypeVar
from zipfile import BadZipFile

import numpy as np

from stages.base.errors import UserError
from stages.base.files import write_npz


@dataclass(frozen=True)
class Predictions:
    """What the fine-tuned model says of the validation images, and how training images fared."""

    class_names: np.ndarray  # (C,) str, the classes in the order of the columns
    paths: np.ndarray  # (V,) str, validation images
    targets: np.ndarray  # (V,) int64, the labels as places in vocab
    pred_probs: np.ndarray  # (V, C) float32
    train_paths: np.ndarray  # (T,) str, training images
    train_targets: np.ndarray  # (T,) int64
    train_margins: np.ndarray  # (T,) float32: p(label) - largest other p, mean over the epochs;
    #                             NaN where an image was never seen
    # Validation images with a map; none when the network's features do not lie as the image does.
    map_paths: np.ndarray = field(default_factory=lambda: np.zeros(0, "U1"))  # (M,) str
    # (M, H, W) float32, 0 to 1: what each place of the centre square gave to the predicted class.
    maps: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), "float32"))

    def with_maps(self, rows: np.ndarray, maps: np.ndarray) -> "Predictions":
        """Return the same with maps (M, H, W) for the first M of these validation rows."""
        return replace(self, map_paths=self.paths[rows[: len(maps)]], maps=maps)

    def map_of(self) -> dict[str, np.ndarray]:
        """Return the maps by path."""
        return dict(zip(self.map_paths.tolist(), self.maps, strict=True))


@dataclass(frozen=True)
class Baseline:
    """What the linear probe says of every image, always from folds that did not train on it."""

    class_names: np.ndarray  # (C,) str
    paths: np.ndarray  # (N,) str, every used image: train, valid and excluded
    targets: np.ndarray  # (N,) int64
    pred_probs: np.ndarray  # (N, C) float32, out of fold
    valid_paths: np.ndarray  # (V,) str, validation images
    valid_pred_probs: np.ndarray  # (V, C) float32, from the probe fitted on training images


Kind = TypeVar("Kind", Predictions, Baseline)
Shape = tuple[str, ...]

# Fields that have another name in the files, which scripts of other people may read.
FILE_NAMES = {
    "class_names": "vocab",
    "pred_probs": "probabilities",
    "valid_pred_probs": "valid_probabilities",
}

# One letter an axis; axes of one letter must agree in length.
PREDICTIONS: Mapping[str, tuple[str, Shape]] = {
    "vocab": ("str", ("C",)),
    "paths": ("str", ("V",)),
    "targets": ("int64", ("V",)),
    "probabilities": ("float32", ("V", "C")),
    "train_paths": ("str", ("T",)),
    "train_targets": ("int64", ("T",)),
    "train_margins": ("float32", ("T",)),
    "map_paths": ("str", ("M",)),
    "maps": ("float32", ("M", "H", "W")),
}
BASELINE: Mapping[str, tuple[str, Shape]] = {
    "vocab": ("str", ("C",)),
    "paths": ("str", ("N",)),
    "targets": ("int64", ("N",)),
    "probabilities": ("float32", ("N", "C")),
    "valid_paths": ("str", ("V",)),
    "valid_probabilities": ("float32", ("V", "C")),
}


def write_predictions(path: Path | str, predictions: Predictions) -> None:
    """Write predictions as .npz after checking names, types, shapes and ranges."""
    write_npz(path, _checked(path, _arrays(predictions), PREDICTIONS))


def read_predictions(path: Path | str) -> Predictions:
    """Read what `write_predictions` wrote; a UserError names the array that does not fit."""
    return _from_arrays(Predictions, _checked(path, _read(path), PREDICTIONS))


def write_baseline(path: Path | str, baseline: Baseline) -> None:
    """Write the baseline's probabilities as .npz after the same checks."""
    write_npz(path, _checked(path, _arrays(baseline), BASELINE))


def read_baseline(path: Path | str) -> Baseline:
    """Read what `write_baseline` wrote; a UserError names the array that does not fit."""
    return _from_arrays(Baseline, _checked(path, _read(path), BASELINE))


def _arrays(value: Kind) -> dict[str, np.ndarray]:
    return {
        FILE_NAMES.get(field.name, field.name): np.asarray(getattr(value, field.name))
        for field in fields(value)
    }


def _from_arrays(kind: type[Kind], arrays: Mapping[str, np.ndarray]) -> Kind:
    names = {field.name: FILE_NAMES.get(field.name, field.name) for field in fields(kind)}
    return kind(**{field: arrays[name] for field, name in names.items()})


def _read(path: Path | str) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro makes it") from None
    except (BadZipFile, zlib.error, ValueError, EOFError, TypeError):
        raise UserError(f"{path} is damaged or not .npz; dvc repro makes it anew") from None


def _checked(
    path: Path | str, arrays: Mapping[str, np.ndarray], schema: Mapping[str, tuple[str, Shape]]
) -> dict[str, np.ndarray]:
    """Return the arrays of the schema, in its order and types."""
    if missing := [name for name in schema if name not in arrays]:
        raise UserError(f"{path}: {', '.join(missing)} is missing; dvc repro makes the file anew")
    lengths: dict[str, int] = {}
    result = {
        name: _fitting(f"{path}: {name}", arrays[name], dtype, axes, lengths)
        for name, (dtype, axes) in schema.items()
    }
    for name, array in result.items():
        _check_values(f"{path}: {name}", name, array, lengths["C"])
    return result


def _fitting(
    where: str, array: np.ndarray, dtype: str, axes: Shape, lengths: dict[str, int]
) -> np.ndarray:
    """Return the array in its type, or refuse its kind or shape; learns lengths of new axes."""
    kinds = {"str": "U", "int64": "iu", "float32": "f"}[dtype]
    if array.dtype.kind not in kinds and array.size:
        raise UserError(f"{where} must hold {dtype}, not {array.dtype}")
    expected = tuple(lengths.get(axis, size) for axis, size in zip(axes, array.shape, strict=False))
    if array.ndim != len(axes) or array.shape != expected:
        raise UserError(f"{where} has shape {array.shape}, which does not fit {axes} {lengths}")
    lengths.update(zip(axes, array.shape, strict=True))
    return array.astype(dtype, copy=False)


def _check_values(where: str, name: str, array: np.ndarray, classes: int) -> None:
    if name.endswith(("vocab", "paths")) and len(np.unique(array)) < len(array):
        raise UserError(f"{where} names something twice")
    if name.endswith("targets") and array.size and not 0 <= array.min() <= array.max() < classes:
        raise UserError(f"{where} must lie from 0 to {classes - 1}, the places in vocab")
    if name.endswith(("probabilities", "maps")) and not np.all((array >= 0) & (array <= 1)):
        raise UserError(
            f"{where} must lie from 0 to 1; NaN means that training diverged: "
            "lower fine_tune.base_lr, or set fine_tune.precision to fp32"
        )
