"""The files of predictions between training and interpretation."""

import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.base.stored_array import StoredArray
from stages.stats.predictions import (
    Baseline,
    Predictions,
    read_baseline,
    read_predictions,
    write_baseline,
    write_predictions,
)

PREDICTIONS = Predictions(
    class_names=np.array(["cat", "دجاجة", "<b>"]),
    paths=np.array(["a/ü.jpg", "b.jpg"]),
    targets=np.array([0, 2]),
    pred_probs=np.array([[0.7, 0.9, 0.1], [0.0, 0.0, 0.0]], "float32"),
    train_paths=np.array(["c.jpg"]),
    train_targets=np.array([1]),
    train_margins=np.array([-0.5], "float32"),
    map_paths=np.array(["b.jpg"]),
    maps=np.array([[[0.0, 0.5], [1.0, 0.25]]], "float32"),
)
BASELINE = Baseline(
    class_names=np.array(["cat", "dog"]),
    paths=np.array(["a.jpg", "b.jpg", "c.jpg"]),
    targets=np.array([0, 1, 1]),
    pred_probs=np.full((3, 2), 0.5, "float32"),
    valid_paths=np.array(["a.jpg"]),
    valid_pred_probs=np.array([[0.25, 0.75]], "float32"),
)


def same(first: Predictions | Baseline, second: Predictions | Baseline) -> bool:
    """Return whether every array is equal in values and type, or absent in both."""
    pairs = [(getattr(first, field.name), getattr(second, field.name)) for field in fields(first)]
    present = [(a, b) for a, b in pairs if not (a is None and b is None)]
    return all(np.array_equal(np.asarray(a), b) and a.dtype == b.dtype for a, b in present)


def test_predictions_come_back(tmp_path: Path) -> None:
    """The same values and types are read back, also of rows that do not sum to one."""
    write_predictions(tmp_path / "p.npz", PREDICTIONS)
    assert same(read_predictions(tmp_path / "p.npz"), PREDICTIONS)


def test_baseline_comes_back(tmp_path: Path) -> None:
    """The baseline's arrays survive the round trip too."""
    write_baseline(tmp_path / "b.npz", BASELINE)
    assert same(read_baseline(tmp_path / "b.npz"), BASELINE)


def test_the_probabilities_of_the_model_stay_in_the_file(tmp_path: Path) -> None:
    """Of a million photos they are most of what there is; written again they are the same bytes."""
    write_predictions(tmp_path / "p.npz", PREDICTIONS)
    read = read_predictions(tmp_path / "p.npz")
    assert isinstance(read.pred_probs, StoredArray)
    write_predictions(tmp_path / "again.npz", read)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "p.npz").read_bytes()


def test_the_probabilities_of_the_baseline_stay_in_the_file(tmp_path: Path) -> None:
    """They are read when they are asked for, written again are the same bytes, and checked."""
    write_baseline(tmp_path / "b.npz", BASELINE)
    read = read_baseline(tmp_path / "b.npz")
    assert isinstance(read.pred_probs, StoredArray)
    assert isinstance(read.valid_pred_probs, StoredArray)
    assert np.array_equal(np.asarray(read.pred_probs[1:]), BASELINE.pred_probs[1:])
    write_baseline(tmp_path / "again.npz", read)
    content = (tmp_path / "b.npz").read_bytes()
    assert (tmp_path / "again.npz").read_bytes() == content
    at = content.index(np.float32(0.75).tobytes())
    (tmp_path / "b.npz").write_bytes(content[:at] + b"\1" + content[at + 1 :])
    with pytest.raises(UserError, match=r"b\.npz is damaged"):
        read_baseline(tmp_path / "b.npz")
    np.savez(
        tmp_path / "b.npz",
        **{**np.load(tmp_path / "again.npz"), "probabilities": 2 * np.ones((3, 2), "f4")},
    )
    with pytest.raises(UserError, match="probabilities must lie from 0 to 1"):
        read_baseline(tmp_path / "b.npz")


def test_same_content_same_bytes(tmp_path: Path) -> None:
    """Two files of the same arrays are equal byte for byte."""
    for name in ("one.npz", "two.npz"):
        write_predictions(tmp_path / name, PREDICTIONS)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_types_are_brought_to_the_schema(tmp_path: Path) -> None:
    """Wider floats and narrower whole numbers are stored as float32 and int64."""
    wide = replace(
        PREDICTIONS,
        pred_probs=np.asarray(PREDICTIONS.pred_probs, "float64"),
        targets=PREDICTIONS.targets.astype("int32"),
    )
    write_predictions(tmp_path / "p.npz", wide)
    assert same(read_predictions(tmp_path / "p.npz"), PREDICTIONS)


def test_no_training_images_fit(tmp_path: Path) -> None:
    """Empty arrays, which numpy gives another type, are written and read."""
    empty = replace(
        PREDICTIONS,
        train_paths=np.array([]),
        train_targets=np.array([]),
        train_margins=np.array([]),
    )
    write_predictions(tmp_path / "p.npz", empty)
    assert read_predictions(tmp_path / "p.npz").train_targets.dtype == np.int64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.array([0, 3])}, "targets must lie from 0 to 2"),
        ({"targets": np.array([-1, 0])}, "targets must lie from 0 to 2"),
        ({"targets": np.array([0.0, 1.0])}, "targets must hold int64"),
        ({"targets": np.array([0])}, "targets has shape"),
        ({"pred_probs": np.zeros((2, 2), "float32")}, "probabilities has shape"),
        ({"pred_probs": np.zeros(2, "float32")}, "probabilities has shape"),
        ({"pred_probs": np.full((2, 3), np.nan, "float32")}, "training diverged"),
        ({"pred_probs": np.full((2, 3), 1.5, "float32")}, "must lie from 0 to 1"),
        ({"pred_probs": np.full((2, 3), np.inf, "float32")}, "probabilities must lie from 0 to 1"),
        ({"train_margins": np.array([np.inf], "float32")}, "train_margins holds infinity"),
        ({"maps": np.zeros((2, 2, 2), "float32")}, "maps has shape"),
        ({"maps": np.full((1, 2, 2), -0.5, "float32")}, "maps must lie from 0 to 1"),
        ({"paths": np.array(["a.jpg", "a.jpg"])}, "names something twice"),
        ({"class_names": np.array([b"a", b"b", b"c"])}, "vocab must hold str"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    """Wrong kinds, shapes and ranges are refused by name before anything is written."""
    with pytest.raises(UserError, match=message):
        write_predictions(tmp_path / "p.npz", replace(PREDICTIONS, **change))
    assert not (tmp_path / "p.npz").exists()


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    """A missing file, other content and a missing array each give a line with the remedy."""
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "empty.npz").write_bytes(b"")
    np.savez(tmp_path / "part.npz", vocab=np.array(["a"]))
    np.save(tmp_path / "array.npy", np.zeros(3))
    for name, message in [
        ("none.npz", "is missing"),
        ("text.npz", "is damaged"),
        ("empty.npz", "is damaged"),
        ("array.npy", "is damaged"),
        ("part.npz", "paths, targets, probabilities"),
    ]:
        with pytest.raises(UserError, match=message):
            read_predictions(tmp_path / name)


def test_the_module_is_light() -> None:
    """Training scripts import it, so it brings neither torch nor the report's own libraries."""
    code = (
        "import sys, stages.stats.predictions;"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'matplotlib', 'jinja2', 'PIL')"
        " if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_names_in_the_files_stay(tmp_path: Path) -> None:
    """Scripts of other people read these arrays by their names."""
    write_predictions(tmp_path / "p.npz", PREDICTIONS)
    write_baseline(tmp_path / "b.npz", BASELINE)
    with np.load(tmp_path / "p.npz") as archive:
        assert archive.files == [
            "vocab", "paths", "targets", "probabilities", "train_paths", "train_targets",
            "train_margins", "map_paths", "maps",
        ]  # fmt: skip
    with np.load(tmp_path / "b.npz") as archive:
        assert archive.files == [
            "vocab", "paths", "targets", "probabilities", "valid_paths", "valid_probabilities",
        ]  # fmt: skip


def test_the_errors_are_those_of_both_sets() -> None:
    """Validation images are found by their paths, in whatever order they stand."""
    errors = replace(
        BASELINE,
        pred_probs=np.array([[0.2, 0.8], [0.1, 0.9], [0.4, 0.6]], "float32"),
        valid_paths=np.array(["c.jpg", "a.jpg"]),
        valid_pred_probs=np.array([[0.3, 0.7], [0.6, 0.4]], "float32"),
    ).errors()
    assert errors.valid == 0
    assert errors.as_dict() == {
        "error_rate": 0, "accuracy": 1, "error_rate_out_of_fold": pytest.approx(1 / 3),
    }  # fmt: skip


def test_maps_belong_to_the_rows_given() -> None:
    """The first rows have the maps, in their order."""
    maps = np.ones((1, 2, 2), "float32")
    explained = PREDICTIONS.with_maps(np.array([1, 0]), maps)
    assert explained.map_paths.tolist() == ["b.jpg"]
    assert np.array_equal(explained.map_of()["b.jpg"], maps[0])
    assert explained.targets is PREDICTIONS.targets


def test_folds_come_back(tmp_path: Path) -> None:
    """By folds the file has one more array, the fold of each image; without it there is none."""
    folds = replace(PREDICTIONS, folds=np.array([2, 11]))
    write_predictions(tmp_path / "p.npz", folds)
    assert same(read_predictions(tmp_path / "p.npz"), folds)
    write_predictions(tmp_path / "without.npz", PREDICTIONS)
    with np.load(tmp_path / "without.npz") as arrays:
        assert "folds" not in arrays
    assert read_predictions(tmp_path / "without.npz").folds is None
    with pytest.raises(UserError, match="folds has shape"):
        write_predictions(tmp_path / "p.npz", replace(PREDICTIONS, folds=np.array([2])))


def test_error_rates_of_the_baseline() -> None:
    """The error of validation is that of its own probe, that of all images is out of fold."""
    baseline = replace(
        BASELINE,
        pred_probs=np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]], "float32"),
        valid_paths=np.array(["c.jpg", "a.jpg"]),
        valid_pred_probs=np.array([[0.1, 0.9], [0.4, 0.6]], "float32"),
    )
    assert baseline.errors().as_dict() == {
        "error_rate": 0.5,
        "accuracy": 0.5,
        "error_rate_out_of_fold": pytest.approx(1 / 3),
    }
