"""Which images the probes of a learning curve have wrong: as a table, and drawn again."""

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.stats.intervals import DRAWS
from stages.stats.learning_curve import (
    CURVE_SHARES,
    LEARNING_CURVE_COLUMNS,
    count_curve,
    draw_curves,
    learning_curve_table,
    read_learning_curve,
)

CLASS_NAMES = np.array(["NA", "cat", "007"])


def test_the_table_counts_images_by_class_and_outcome() -> None:
    """Every image is in one row, and no name of a photo is in the table."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 200)
    wrong = rng.random((len(CURVE_SHARES), 200)) < 0.3
    table = learning_curve_table(CLASS_NAMES, targets, wrong)
    assert tuple(table.columns) == LEARNING_CURVE_COLUMNS
    assert table["images"].sum() == 200
    for row in table.to_dict("records"):
        outcome = np.array([row[column] for column in LEARNING_CURVE_COLUMNS[1:-1]], bool)
        same = (outcome == wrong.T).all(axis=1) & (CLASS_NAMES[targets] == row["label"])
        assert same.sum() == row["images"]


def test_a_table_is_read_as_it_was_written() -> None:
    """Labels such as NA and 007 stay text, and classes stand together."""
    targets = np.array([0, 1, 2, 0])
    wrong = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]], bool)
    curve = read_learning_curve(learning_curve_table(CLASS_NAMES, targets, wrong).astype(str)[::-1])
    assert curve.labels.tolist() == ["007", "NA", "NA", "cat"]
    assert curve.images.tolist() == [1, 1, 1, 1]
    assert (curve.wrong.sum(axis=0) == wrong.sum(axis=1)).all()


def test_cells_that_are_no_numbers_are_one_line() -> None:
    """A damaged table is refused with the stage that makes it."""
    table = learning_curve_table(CLASS_NAMES, np.zeros(3, int), np.zeros((4, 3), bool))
    with pytest.raises(UserError, match=r"no number .*dvc repro baseline"):
        read_learning_curve(table.astype(str).assign(images="many"))


def test_groups_are_a_column_of_the_table() -> None:
    """Images of two groups are two rows, and the curve has each row's group, from 0 on."""
    wrong = np.ones((4, 4), bool)
    targets = np.array([1, 1, 1, 0])
    table = learning_curve_table(CLASS_NAMES, targets, wrong, np.array([7, 7, 9, 7]))
    assert table["images"].tolist() == [1, 2, 1]
    curve = read_learning_curve(table.astype(str))
    assert curve.labels.tolist() == ["NA", "cat", "cat"]
    assert curve.groups is not None
    assert curve.groups[0] == curve.groups[1] != curve.groups[2]
    assert sorted(set(curve.groups.tolist())) == [0, 1]
    assert curve.units_wrong() == 2


def test_images_that_are_drawn_again_are_as_many() -> None:
    """Each draw has all images once in the mean, and its counts fit each other."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 60)
    wrong = rng.random((4, 60)) < 0.4
    curve = read_learning_curve(learning_curve_table(CLASS_NAMES, targets, wrong).astype(str))
    found = count_curve(curve)
    assert found.wrong[0].tolist() == wrong.sum(axis=1).tolist()
    assert found.refit_variance[0] == (wrong[2] != wrong[3]).sum()
    draws = draw_curves(curve, rng)
    assert draws.images.tolist() == [60] * DRAWS
    assert (draws.class_images.sum(axis=1) == 60).all()
    assert (draws.class_wrong.sum(axis=1) == draws.wrong[:, -1]).all()
    assert draws.wrong.mean(axis=0) == pytest.approx(found.wrong[0], abs=0.5)


def test_groups_are_drawn_whole() -> None:
    """Of 20 groups of 5 that are wrong or right together 19 are drawn, with all their images.

    The variance of their mean is then that of 20 independent groups (divisor 19).
    """
    groups = np.repeat(np.arange(20), 5)
    wrong = np.tile(groups % 4 == 0, (4, 1))
    table = learning_curve_table(CLASS_NAMES, np.zeros(100, int), wrong, groups)
    draws = draw_curves(read_learning_curve(table.astype(str)), np.random.default_rng(0))
    assert set(draws.images.tolist()) == {95}
    assert (draws.wrong % 5 == 0).all()
    shares = draws.wrong[:, -1] / draws.images
    assert shares.var() == pytest.approx(0.25 * 0.75 / 19, rel=0.1)


def test_of_very_many_groups_some_are_drawn_together() -> None:
    """The spread of the mean is that of the groups, and 50,000 are as few numbers as 2,000."""
    groups = np.repeat(np.arange(50_000), 2)
    wrong = np.tile(groups % 4 == 0, (4, 1))
    table = learning_curve_table(CLASS_NAMES, np.zeros(100_000, int), wrong, groups)
    draws = draw_curves(read_learning_curve(table.astype(str)), np.random.default_rng(0))
    shares = draws.wrong[:, -1] / draws.images
    assert shares.mean() == pytest.approx(0.25, abs=0.001)
    assert shares.var() == pytest.approx(0.25 * 0.75 / 50_000, rel=0.15)


def test_another_fit_changes_groups_as_a_whole() -> None:
    """Where all 10 images of a group change together its square counts, where they cancel none."""
    groups = np.repeat(np.arange(4), 10)
    before = np.repeat([True, False, True, False], 10)
    after = np.repeat([False, True, True, False], 10)
    mixed = np.arange(40) % 2 == 0
    for last, found in ((after, 200.0), (mixed, 4 * 25.0)):
        wrong = np.stack([before, before, before, last])
        table = learning_curve_table(CLASS_NAMES, np.zeros(40, int), wrong, groups)
        draws = draw_curves(read_learning_curve(table.astype(str)), np.random.default_rng(0))
        # Of four groups three are drawn.
        assert draws.refit_variance.mean() == pytest.approx(0.75 * found, rel=0.05)
