"""The probes that training and its trial start from, and their file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.base.npz_file import read_npz, write_npz
from stages.model.classifier import mean_activations
from stages.train.discriminant import fit_probe
from stages.train.linear_probe import (
    assign_folds,
    error_out_of_fold,
    fit_probe_start,
    out_of_fold,
)
from stages.train.probe_start import (
    FoldProbe,
    ProbeStart,
    read_probe_start,
    write_probe_start,
)

RNG = np.random.default_rng(0)
TARGETS = np.repeat(np.arange(3), 20)
GROUPS = np.arange(60)
PATHS = np.array([f"{number}.jpg" for number in range(60)])
POOLED = RNG.standard_normal((60, 12)).astype(np.float32)
POOLED[np.arange(60), 6 + TARGETS] += 1.5


def fitted(targets: np.ndarray = TARGETS) -> ProbeStart:
    """Return both probes on the features above."""
    probe = fit_probe(mean_activations(POOLED), targets)
    return fit_probe_start(probe, POOLED, targets, GROUPS, PATHS, 3)


def test_the_trial_has_not_seen_what_is_held_out() -> None:
    """A fifth is held out, and its answers are those of a probe fitted on the others."""
    start = fitted()
    held_out = assign_folds(TARGETS, GROUPS) == 0
    assert start.held_out.tolist() == PATHS[held_out].tolist()
    features = mean_activations(POOLED)
    probe = fit_probe(features[~held_out], TARGETS[~held_out])
    expected = probe.predict(features[held_out]) == TARGETS[held_out]
    assert start.held_out_right.tolist() == expected.tolist()
    assert start.trial_probe.weights == pytest.approx(probe.weights)
    assert start.probe.weights != pytest.approx(probe.weights)


def test_nothing_is_held_out_where_one_class_would_be_left() -> None:
    """Where the first fold has the only image of one of two classes, both probes are of all."""
    start = fitted(np.array([0, *[1] * 59]))
    assert start.held_out.size == start.held_out_right.size == 0
    assert np.array_equal(start.probe.weights, start.trial_probe.weights)


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The file holds every number of both probes, and the same probes are the same bytes."""
    start = fitted()
    for name in ("one.npz", "two.npz"):
        write_probe_start(tmp_path / name, start)
    read = read_probe_start(tmp_path / "one.npz")
    for probe, again in ((start.probe, read.probe), (start.trial_probe, read.trial_probe)):
        assert all(np.array_equal(value, getattr(again, key)) for key, value in vars(probe).items())
    assert read.error == start.error
    assert np.isnan(read.shallow_error)
    assert np.array_equal(read.held_out, start.held_out)
    assert np.array_equal(read.held_out_right, start.held_out_right)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_error_and_temperature_are_out_of_fold() -> None:
    """Both are those of the training images, each by a probe that was fitted without it."""
    start = fitted()
    answers, temperature = out_of_fold(mean_activations(POOLED), TARGETS, GROUPS, 3)
    assert start.error == np.mean(~answers.right(TARGETS))
    assert start.probe.temperature == temperature
    assert start.trial_probe.temperature == start.probe.temperature


def test_another_probe_gives_its_error_alone() -> None:
    """The error of a probe on other features is that of their out-of-fold probabilities."""
    features = mean_activations(POOLED)
    assert error_out_of_fold(features, TARGETS, GROUPS, 3) == fitted().error
    noise = np.random.default_rng(1).standard_normal((60, 6))
    assert error_out_of_fold(noise, TARGETS, GROUPS, 3) > 0.4
    assert error_out_of_fold(features, np.zeros(60, int), GROUPS, 3) == 1.0


def test_what_no_probe_could_predict_counts_as_wrong() -> None:
    """Where all training images are of one class, whichever it is, the error is 1."""
    for label in (0, 2):
        assert fitted(np.full(60, label)).error == 1.0


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    """An npz with other arrays is an error that names the file and the remedy."""
    np.savez(tmp_path / "probe.npz", weights=np.zeros(3))
    with pytest.raises(UserError, match=r"probe.npz holds other arrays.*dvc repro"):
        read_probe_start(tmp_path / "probe.npz")


def test_the_probes_of_folds_come_back(tmp_path: Path) -> None:
    """The file holds the probe, paths and answers of each fold, by its number in order."""
    start = fitted()
    folds = {
        number: FoldProbe(
            probe=start.trial_probe, paths=PATHS[:number], right=TARGETS[:number] == 0
        )
        for number in (2, 11)
    }
    write_probe_start(tmp_path / "folds.npz", replace(start, folds=folds))
    read = read_probe_start(tmp_path / "folds.npz")
    assert list(read.folds) == [2, 11]
    assert read.folds[11].paths.tolist() == PATHS[:11].tolist()
    assert read.folds[11].right.tolist() == [True] * 11
    assert np.array_equal(read.folds[2].probe.weights, start.trial_probe.weights)
    assert np.array_equal(read.probe.weights, start.probe.weights)
    assert read.without_first_fold() is read.folds[2].probe
    assert start.without_first_fold() is start.probe


def test_a_damaged_fold_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """A fold without a number, or without its paths, names the file and what makes it."""
    start = fitted()
    write_probe_start(tmp_path / "probe.npz", start)
    arrays = read_npz(tmp_path / "probe.npz")
    for name in ("fold_x_paths", "fold_1_paths"):
        write_npz(tmp_path / "damaged.npz", {**arrays, name: PATHS})
        with pytest.raises(UserError, match=r"damaged\.npz holds other arrays"):
            read_probe_start(tmp_path / "damaged.npz")


def test_groups_survive_the_file_and_are_missing_without(tmp_path: Path) -> None:
    """Held-out images and those of folds keep their groups; where none are declared, no array."""
    start = fitted()
    fold = FoldProbe(probe=start.probe, paths=PATHS[:4], right=np.ones(4, bool))
    start = replace(start, folds={1: fold})
    names = {path: f"group {row // 10}" for row, path in enumerate(PATHS.tolist())}
    grouped = start.with_groups(names)
    write_probe_start(tmp_path / "probe.npz", grouped)
    again = read_probe_start(tmp_path / "probe.npz")
    rows = [PATHS.tolist().index(path) for path in again.held_out.tolist()]
    assert again.held_out_groups is not None
    assert len(set(again.held_out_groups.tolist())) < len(rows)
    same = np.subtract.outer(again.held_out_groups, again.held_out_groups) == 0
    assert np.array_equal(same, np.equal.outer(*[np.array(rows) // 10] * 2))
    assert again.folds[1].groups is not None
    assert again.folds[1].groups.tolist() == [0, 0, 0, 0]
    assert again.held_out_units() == len({row // 10 for row in rows})
    write_probe_start(tmp_path / "plain.npz", start.with_groups({}))
    assert not [name for name in read_npz(tmp_path / "plain.npz") if "groups" in name]
    assert start.held_out_units() == len(start.held_out)


def test_groups_that_part_all_images_are_none() -> None:
    """Where two training images share a group and no two held out do, there are none held out."""
    start = fitted()
    held_out = start.held_out.tolist()
    others = [path for path in PATHS.tolist() if path not in held_out]
    folds = {
        1: FoldProbe(probe=start.probe, paths=np.array(others[:2]), right=np.ones(2, bool)),
        2: FoldProbe(probe=start.probe, paths=np.array(held_out[:2]), right=np.ones(2, bool)),
    }
    grouped = replace(start, folds=folds).with_groups(dict.fromkeys(others[:2], "anna"))
    assert grouped.held_out_groups is None
    assert grouped.held_out_units() == len(held_out)
    fold_groups = [fold.groups for fold in grouped.folds.values()]
    assert [groups.tolist() for groups in fold_groups if groups is not None] == [[0, 0], [1, 2]]
    apart = replace(start, folds=folds).with_groups({held_out[0]: "anna", others[9]: "anna"})
    assert apart.held_out_groups is None
    assert [fold.groups for fold in apart.folds.values()] == [None, None]
