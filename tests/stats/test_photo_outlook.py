"""What more photos would do, from the outcomes of probes on parts of them."""

from dataclasses import replace

import numpy as np
import pytest

from stages.stats.intervals import wilson
from stages.stats.learning_curve import LearningCurve, learning_curve_table, read_learning_curve
from stages.stats.photo_outlook import FACTORS, MORE_PHOTOS, expect_errors


def curve_of(
    wrong: np.ndarray, targets: np.ndarray, groups: np.ndarray | None = None
) -> LearningCurve:
    """Return the curve of images, by way of the table."""
    names = np.array([f"class {number:03}" for number in range(targets.max() + 1)])
    table = learning_curve_table(names, targets, wrong, groups)
    return read_learning_curve(table.astype(str))


def falling(errors: tuple[float, ...], images: int = 1000) -> LearningCurve:
    """Return the curve of one class with these errors, the same images wrong the longest."""
    number = np.arange(images)
    wrong = number < np.array(errors)[:, None] * images
    return curve_of(wrong, np.zeros(images, int))


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


def test_groups_of_one_image_say_what_images_say() -> None:
    """With every image a group of its own the point is the same, and the interval nearly so."""
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1], 200)
    wrong = rng.random(400) < np.array([[0.4], [0.3], [0.22], [0.17]])
    alone = expect_errors(curve_of(wrong, targets), np.random.default_rng(1))
    grouped = expect_errors(curve_of(wrong, targets, np.arange(400)), np.random.default_rng(1))
    assert grouped.now == pytest.approx(alone.now)
    for one, other in zip(grouped.expected, alone.expected, strict=True):
        assert one.error.value == pytest.approx(other.error.value)
        width = other.error.high - other.error.low
        assert one.error.high - one.error.low == pytest.approx(width, rel=0.1)


def test_an_image_ten_times_is_one_image() -> None:
    """Ten copies of each image in a group of theirs leave the intervals as wide as without."""
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1], 60)
    wrong = rng.random(120) < np.array([[0.5], [0.4], [0.3], [0.25]])
    alone = expect_errors(curve_of(wrong, targets), np.random.default_rng(1)).expected[0]
    copies = curve_of(np.repeat(wrong, 10, 1), np.repeat(targets, 10), np.repeat(range(120), 10))
    ten = expect_errors(copies, np.random.default_rng(1)).expected[0]
    counted = expect_errors(replace(copies, groups=None), np.random.default_rng(1)).expected[0]
    width = alone.error.high - alone.error.low
    assert ten.error.high - ten.error.low == pytest.approx(width, rel=0.1)
    assert counted.error.high - counted.error.low < 0.7 * width


@pytest.mark.parametrize("groups", [1, 4])
def test_mistakes_in_few_groups_say_nothing_of_more_photos(groups: int) -> None:
    """A hundred wrong images of under five groups are as little as under five images."""
    wrong = np.arange(400) < np.array([[160], [140], [120], [100]])
    group = np.minimum(np.arange(400) // (100 // groups), groups)
    outlook = expect_errors(curve_of(wrong, np.zeros(400, int), group), np.random.default_rng(0))
    assert {expected.gain.low for expected in outlook.expected} == {0.0}
    assert {expected.error.low for expected in outlook.expected} == {0.0}
    assert outlook.classes.labels == []


def test_classes_of_one_hard_group_each_are_not_named() -> None:
    """A class is no harder than others where all its mistakes are of one object, 19 times in 20."""
    named = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        targets = np.repeat(np.arange(10), 40)
        groups = np.arange(400) // 10  # four objects a class, each right or wrong as a whole
        hard = rng.random(40)[groups]
        curve = curve_of(hard < np.array([[0.3], [0.24], [0.19], [0.15]]), targets, groups)
        named += bool(expect_errors(curve, rng).classes.labels)
    assert named <= 5
