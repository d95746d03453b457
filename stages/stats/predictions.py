"""Predictions of fine_tune and baseline, the arrays that interpret reads: schema, write, read.

Light on purpose (numpy alone), because the scripts that train import it too. Every row of
probabilities belongs to one image and every column to one of `class_names`; rows need not sum to
one, since a model trained with bce answers yes or no for each class by itself.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from stages.base.errors import UserError
from stages.base.npz_file import open_npz, write_npz
from stages.base.stored_array import Rows, StoredArray, row_blocks
from stages.stats.image_groups import number_groups
from stages.stats.probability_blocks import most_probable


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The fine-tuned model on the validation images, and the margins of the training images.

    By folds these are the same images, each predicted by the model that was trained without its
    fold; the margins are of the training on all of them.
    """

    class_names: np.ndarray  # (C,) str, the classes in the order of the columns
    paths: np.ndarray  # (V,) str, validation images
    targets: np.ndarray  # (V,) int64, the labels as class numbers
    pred_probs: Rows  # (V, C) float32
    train_paths: np.ndarray  # (T,) str, training images
    train_targets: np.ndarray  # (T,) int64
    # (T,) float32: p(label) - largest other p, mean over the epochs; NaN where an image was never
    # in a batch.
    train_margins: np.ndarray
    # Validation images with a saliency map; none when the network's features do not lie as the
    # image does.
    map_paths: np.ndarray = field(default_factory=lambda: np.zeros(0, "U1"))  # (M,) str
    # (M, H, W) float32, 0 to 1: how much each place of the centre square speaks for the predicted
    # class, as a share of the largest.
    maps: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), "float32"))
    folds: np.ndarray | None = None  # (V,) int64, of each image, from 1; None without folds
    # (V,) int64, of each image, as by number_groups. Not in the file: data/groups.csv has them.
    groups: np.ndarray | None = None

    def with_maps(self, rows: np.ndarray, maps: np.ndarray) -> "Predictions":
        """Return the same with maps (M, H, W) for the first M of these validation rows."""
        return replace(self, map_paths=self.paths[rows[: len(maps)]], maps=maps)

    def with_groups(self, group_of: Mapping[str, str]) -> "Predictions":
        """Return the same with the group of each validation image, by path -> name."""
        return replace(self, groups=number_groups(self.paths, group_of))

    def map_of(self) -> dict[str, np.ndarray]:
        """Return the maps by path."""
        return dict(zip(self.map_paths.tolist(), self.maps, strict=True))


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The linear probe on every image, always from folds that did not train on it."""

    class_names: np.ndarray  # (C,) str
    paths: np.ndarray  # (N,) str, every used image: train, valid and excluded
    targets: np.ndarray  # (N,) int64
    pred_probs: Rows  # (N, C) float32, out of fold
    valid_paths: np.ndarray  # (V,) str, validation images
    # (V, C) float32, from the probe fitted on training images; by folds, on those of other folds.
    valid_pred_probs: Rows

    def valid_targets(self) -> np.ndarray:
        """Return the class numbers of the validation images, (V,)."""
        row_of = {path: row for row, path in enumerate(self.paths.tolist())}
        targets: np.ndarray = self.targets[[row_of[path] for path in self.valid_paths.tolist()]]
        return targets

    def errors(self) -> "ProbeErrors":
        """Return how often the probe is wrong."""
        valid_targets = self.valid_targets()
        return ProbeErrors(
            valid=float((most_probable(self.valid_pred_probs) != valid_targets).mean()),
            valid_images=len(self.valid_paths),
            out_of_fold=float((most_probable(self.pred_probs) != self.targets).mean()),
            images=len(self.paths),
        )


@dataclass(frozen=True, kw_only=True)
class ProbeErrors:
    """The shares of images that the linear probe has wrong, 0 to 1, and of how many."""

    valid: float
    valid_images: int
    out_of_fold: float  # of all images
    images: int

    def as_dict(self) -> dict[str, float]:
        """Return the content of reports/baseline/metrics.json."""
        return {
            "error_rate": self.valid,
            "accuracy": 1 - self.valid,
            "error_rate_out_of_fold": self.out_of_fold,
        }

    def __str__(self) -> str:
        """Return both in a sentence."""
        return (
            f"A linear probe on the frozen body errs on {self.valid:.1%} of {self.valid_images} "
            f"validation images, and on {self.out_of_fold:.1%} of all {self.images} out of fold"
        )


_Record = TypeVar("_Record", Predictions, Baseline)
_Axes = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Array:
    """One array of a file. Other people's scripts may read the files, so their names stay."""

    name: str  # in the file
    dtype: str
    axes: _Axes  # a letter each; axes with the same letter must have the same length
    optional: bool = False  # the file may lack it, and the field is None then


# The arrays of each file by the field that holds them, in the order of the file.
_PREDICTIONS: Mapping[str, _Array] = {
    "class_names": _Array(name="vocab", dtype="str", axes=("C",)),
    "paths": _Array(name="paths", dtype="str", axes=("V",)),
    "targets": _Array(name="targets", dtype="int64", axes=("V",)),
    "pred_probs": _Array(name="probabilities", dtype="float32", axes=("V", "C")),
    "train_paths": _Array(name="train_paths", dtype="str", axes=("T",)),
    "train_targets": _Array(name="train_targets", dtype="int64", axes=("T",)),
    "train_margins": _Array(name="train_margins", dtype="float32", axes=("T",)),
    "map_paths": _Array(name="map_paths", dtype="str", axes=("M",)),
    "maps": _Array(name="maps", dtype="float32", axes=("M", "H", "W")),
    "folds": _Array(name="folds", dtype="int64", axes=("V",), optional=True),
}
_BASELINE: Mapping[str, _Array] = {
    "class_names": _Array(name="vocab", dtype="str", axes=("C",)),
    "paths": _Array(name="paths", dtype="str", axes=("N",)),
    "targets": _Array(name="targets", dtype="int64", axes=("N",)),
    "pred_probs": _Array(name="probabilities", dtype="float32", axes=("N", "C")),
    "valid_paths": _Array(name="valid_paths", dtype="str", axes=("V",)),
    "valid_pred_probs": _Array(name="valid_probabilities", dtype="float32", axes=("V", "C")),
}


def write_predictions(path: Path | str, predictions: Predictions) -> None:
    """Write predictions as .npz after checking names, types, shapes and ranges."""
    _write(path, predictions, _PREDICTIONS)


def read_predictions(path: Path | str) -> Predictions:
    """Read what `write_predictions` wrote, but for the probabilities, which stay in the file.

    A UserError names the array that does not fit.
    """
    return _read(path, Predictions, _PREDICTIONS, ("probabilities",))


def write_baseline(path: Path | str, baseline: Baseline) -> None:
    """Write the baseline's probabilities as .npz after the same checks."""
    _write(path, baseline, _BASELINE)


def read_baseline(path: Path | str) -> Baseline:
    """Read the same of the baseline; its probabilities stay in the file too."""
    return _read(path, Baseline, _BASELINE, ("probabilities", "valid_probabilities"))


def _write(path: Path | str, record: _Record, schema: Mapping[str, _Array]) -> None:
    values = {spec.name: getattr(record, key) for key, spec in schema.items()}
    arrays = {name: value for name, value in values.items() if value is not None}
    write_npz(path, _checked(path, arrays, schema))


def _read(
    path: Path | str,
    kind: type[_Record],
    schema: Mapping[str, _Array],
    stored: Container[str] = (),
) -> _Record:
    arrays = _checked(path, open_npz(path, stored), schema)
    present: dict[str, Any] = {
        key: arrays[spec.name] for key, spec in schema.items() if spec.name in arrays
    }
    return kind(**present)


def _checked(
    path: Path | str, arrays: Mapping[str, Rows], schema: Mapping[str, _Array]
) -> dict[str, Rows]:
    """Return the arrays of the schema by their names in the file, in its order and types."""
    specs = [spec for spec in schema.values() if spec.name in arrays or not spec.optional]
    if missing := [spec.name for spec in specs if spec.name not in arrays]:
        raise UserError(f"{path}: {', '.join(missing)} is missing; dvc repro makes the file anew")
    lengths: dict[str, int] = {}
    checked = {
        spec.name: _fitting(f"{path}: {spec.name}", arrays[spec.name], spec, lengths)
        for spec in specs
    }
    for name, array in checked.items():
        _check_values(f"{path}: {name}", name, array, lengths["C"])
    return checked


def _fitting(where: str, array: Rows, spec: _Array, lengths: dict[str, int]) -> Rows:
    """Return the array in its type, or refuse its kind or shape; notes the lengths of new axes."""
    dtype = spec.dtype
    axes = spec.axes
    kinds = {"str": "U", "int64": "iu", "float32": "f"}[dtype]
    if array.dtype.kind not in kinds and array.size:
        raise UserError(f"{where} must hold {dtype}, not {array.dtype}")
    expected = tuple(lengths.get(axis, size) for axis, size in zip(axes, array.shape, strict=False))
    if len(array.shape) != len(axes) or array.shape != expected:
        raise UserError(f"{where} has shape {array.shape}, which does not fit {axes} {lengths}")
    lengths.update(zip(axes, array.shape, strict=True))
    if isinstance(array, StoredArray) and array.dtype == dtype:
        return array
    return np.asarray(array).astype(dtype, copy=False)


def _check_values(where: str, name: str, array: Rows, class_count: int) -> None:
    """Refuse names that occur twice, class numbers out of range and impossible probabilities."""
    if name.endswith(("vocab", "paths")) and len(np.unique(array)) < len(array):
        raise UserError(f"{where} names something twice")
    if name.endswith("targets") and not _lies_within(array, 0, class_count - 1):
        raise UserError(f"{where} must lie from 0 to {class_count - 1}, the places in vocab")
    if name.endswith("margins") and np.isinf(array).any():
        raise UserError(f"{where} holds infinity; dvc repro makes the file anew")
    if name.endswith(("probabilities", "maps")) and not _lies_within(array, 0, 1):
        raise UserError(
            f"{where} must lie from 0 to 1; NaN means that training diverged: "
            "lower fine_tune.base_lr, or set fine_tune.precision to fp32"
        )


def _lies_within(array: Rows, low: int, high: int) -> bool:
    """Return whether all values lie between two others, these included; NaN does not."""
    if not array.size:
        return True
    if isinstance(array, StoredArray):
        return all(_lies_within(np.asarray(array[rows]), low, high) for rows in row_blocks(array))
    # Of NaN both are NaN. Compared one by one, the array would need half of its memory once more.
    return bool(low <= array.min() and array.max() <= high)
