"""What more photos would do, from the outcomes of probes on parts of them."""

from dataclasses import replace

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.stats.intervals import wilson
from stages.stats.learning_curve import (
    CURVE_SHARES,
    FACTORS,
    LEARNING_CURVE_COLUMNS,
    MORE_PHOTOS,
    LearningCurve,
    expect_errors,
    learning_curve_table,
    read_learning_curve,
)

CLASS_NAMES = np.array(["NA", "cat", "007"])


def curve_of(wrong: np.ndarray, targets: np.ndarray) -> LearningCurve:
    """Return the curve of images, by way of the table."""
    names = np.array([f"class {number:03}" for number in range(targets.max() + 1)])
    return read_learning_curve(learning_curve_table(names, targets, wrong).astype(str))


def falling(errors: tuple[float, ...], images: int = 1000) -> LearningCurve:
    """Return the curve of one class with these errors, the same images wrong the longest."""
    number = np.arange(images)
    wrong = number < np.array(errors)[:, None] * images
    return curve_of(wrong, np.zeros(images, int))


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


def test_a_power_law_goes_on() -> None:
    """Where every doubling takes a quarter of the error away, so do the next two."""
    outlook = expect_errors(falling((0.4, 0.3, 0.225, 0.169)), np.random.default_rng(0))
    assert outlook.now == wilson(169, 1000)
    assert outlook.images == 1000
    assert [expected.factor for expected in outlook.expected] == list(FACTORS)
    for expected, error in zip(outlook.expected, (0.127, 0.095), strict=True):
        assert expected.error.value == pytest.approx(error, rel=0.03)
        assert expected.error.low < error < expected.error.high
        assert expected.gain.value == pytest.approx(0.169 - error, abs=0.005)
        assert expected.gain.low > 0


def test_the_line_is_that_of_least_squares() -> None:
    """The slope is numpy's own fit to the logarithms of the last three points."""
    errors = (0.4, 0.31, 0.2, 0.19)
    outlook = expect_errors(falling(errors), np.random.default_rng(0))
    counts = np.array(errors[1:]) * 1000
    slope = np.polyfit([0, 1, 2], np.log((counts + 0.5) / 1001), 1)[0]
    expected = np.exp(np.log(190.5 / 1001) + slope)
    assert outlook.expected[0].error.value == pytest.approx(expected)


def test_a_curve_that_does_not_fall_cannot_tell() -> None:
    """Where half of the photos did as well, the gain begins at zero and the error stays."""
    outlook = expect_errors(falling((0.2, 0.2, 0.2, 0.2)), np.random.default_rng(0))
    for expected in outlook.expected:
        assert expected.gain.low == 0
        assert expected.gain.value == pytest.approx(0, abs=1e-9)
        assert expected.error.low < 0.2 <= expected.error.high


@pytest.mark.parametrize("wrong", [0, 1])
def test_all_right_and_all_wrong_are_no_failure(wrong: int) -> None:
    """A probe without a mistake, or with nothing else, has an interval within 0 to 1."""
    outlook = expect_errors(falling((wrong,) * 4, 50), np.random.default_rng(0))
    for expected in outlook.expected:
        assert expected.error.value is not None
        ends = (expected.error.low, expected.error.value, expected.error.high)
        assert 0 <= ends[0] <= ends[1] <= ends[2] <= 1


@pytest.mark.parametrize("errors", [0, 4])
def test_hardly_an_error_says_nothing_of_more_photos(errors: int) -> None:
    """Where the last probe errs on under five images, it is not sure that any of them goes."""
    wrong = np.zeros((4, 98), bool)
    wrong[:, :errors] = True
    outlook = expect_errors(curve_of(wrong, np.repeat([0, 1], 49)), np.random.default_rng(0))
    for expected in outlook.expected:
        assert expected.error.value == outlook.now.value
        assert (expected.error.low, expected.error.high) == (0.0, outlook.now.high)
        assert expected.gain.low == 0.0


def test_few_photos_have_a_wider_interval_than_many() -> None:
    """The interval is of images drawn again."""
    widths = []
    for images in (60, 6000):
        error = (
            expect_errors(falling((0.4, 0.3, 0.2, 0.15), images), np.random.default_rng(0))
            .expected[0]
            .error
        )
        widths.append(error.high - error.low)
    assert widths[0] > 2 * widths[1]


def unequal_classes(hard: int, images: int = 60) -> LearningCurve:
    """Return the curve of ten classes of which some are hard."""
    rng = np.random.default_rng(1)
    targets = np.repeat(np.arange(10), images)
    rates = np.where(targets < hard, 0.4, 0.03)
    uniform = rng.random(len(targets))
    return curve_of(uniform < rates * np.array([[2], [1.6], [1.25], [1]]), targets)


def test_hard_classes_gain_most() -> None:
    """Two classes with most of the mistakes are named, with what both together gain."""
    classes = expect_errors(unequal_classes(hard=2), np.random.default_rng(0)).classes
    assert sorted(classes.labels) == ["class 000", "class 001"]
    assert classes.gain.value is not None
    assert classes.gain.low < classes.gain.value < classes.gain.high
    left = ((60 + MORE_PHOTOS) / 60) ** -np.log2(1.25)  # of a class's error, by the curve
    assert classes.gain.value == pytest.approx(0.2 * 0.4 * (1 - left), rel=0.35)


def test_the_gain_of_classes_has_the_chance_of_another_fit() -> None:
    """The more images the last two fits have wrong in turn, the wider its interval is."""
    steady = unequal_classes(hard=2)
    turns = steady.wrong.copy()
    turns[:, -2] = ~turns[:, -1]  # whatever one has wrong, the other has right
    restless = replace(steady, wrong=turns)
    gains = [
        expect_errors(curve, np.random.default_rng(0)).classes.gain for curve in (steady, restless)
    ]
    images = int(steady.images.sum())
    assert gains[0].high - gains[0].low < 0.6 * (gains[1].high - gains[1].low)
    assert gains[1].high - gains[1].low == pytest.approx(2 * 1.96 / np.sqrt(images), rel=0.1)


def test_at_most_three_classes_are_named() -> None:
    """Of more hard classes those with the largest gains are named."""
    classes = expect_errors(unequal_classes(hard=4), np.random.default_rng(0)).classes
    assert len(classes.labels) == 3


def test_equal_classes_cannot_be_told_apart() -> None:
    """Where chance alone makes classes differ, none is named, 19 times out of 20 or more."""
    named = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        targets = np.repeat(np.arange(10), 40)
        uniform = rng.random(400)
        curve = curve_of(uniform < np.array([[0.3], [0.24], [0.19], [0.15]]), targets)
        named += bool(expect_errors(curve, rng).classes.labels)
    assert named <= 5


def test_a_thousand_classes_take_no_second_too_many() -> None:
    """Two photos of each of a thousand classes are drawn again as everything else is."""
    rng = np.random.default_rng(0)
    targets = np.repeat(np.arange(1000), 2)
    curve = curve_of(rng.random(2000) < np.array([[0.9], [0.8], [0.7], [0.6]]), targets)
    outlook = expect_errors(curve, rng)
    assert outlook.expected[0].error.value == pytest.approx(0.52, abs=0.05)
