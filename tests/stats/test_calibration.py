"""Reliability table and expected calibration error, against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve

from stages.base.seed import derive
from stages.stats.calibration import (
    calibration_by_chance,
    calibration_error_interval,
    expected_calibration_error,
    reliability_diagram,
    reliability_table,
)


def example_model(
    images: int = 400, overconfidence: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return targets and probabilities (N, 5) of a model whose logits are too large by a factor.

    With 1 the targets are drawn from the probabilities themselves.
    """
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (images, 5))
    targets = np.array([rng.choice(5, p=row) for row in softmax(logits, axis=1)])
    return targets, softmax(overconfidence * logits, axis=1).astype("float32")


def confidence_and_right(
    images: int = 400, overconfidence: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the model's confidence, and whether its prediction is right."""
    targets, pred_probs = example_model(images, overconfidence, seed)
    return pred_probs.max(axis=1).astype(float), pred_probs.argmax(axis=1) == targets


def test_the_reliability_table_agrees_with_scikit_learn() -> None:
    """Bins by quantile have scikit-learn's mean confidence and accuracy."""
    confidence, right = confidence_and_right()
    table = reliability_table(confidence, right)
    accuracy, mean = calibration_curve(right, confidence, n_bins=10, strategy="quantile")
    assert table["accuracy"].to_numpy() == pytest.approx(accuracy)
    assert table["confidence"].to_numpy() == pytest.approx(mean)
    assert table["images"].sum() == 400
    first = table.iloc[0]
    hits = round(first["accuracy"] * first["images"])
    ends = binomtest(hits, int(first["images"])).proportion_ci(method="wilson")
    assert (first["accuracy_low"], first["accuracy_high"]) == pytest.approx((ends.low, ends.high))


def test_few_images_and_equal_confidences_make_few_bins() -> None:
    """A bin holds fifteen images or more, and equal confidences are never parted."""
    confidence, right = confidence_and_right(44)
    assert len(reliability_table(confidence, right)) == 2
    assert len(reliability_table(confidence[:1], right[:1])) == 1
    two_values = reliability_table(np.array([1.0] * 90 + [0.5] * 10), np.arange(100) % 2 == 0)
    assert two_values["images"].tolist() == [10, 90]


def test_the_error_is_the_weighted_distance_of_the_bins() -> None:
    """The value follows from the reliability table, and lies in its interval."""
    confidence, right = confidence_and_right(overconfidence=2)
    table = reliability_table(confidence, right)
    distance = (table["confidence"] - table["accuracy"]).abs()
    interval = calibration_error_interval(confidence, right, 0.02, derive(1, "ece"))
    assert interval.value is not None
    assert interval.value == pytest.approx(np.average(distance, weights=table["images"]))
    assert interval.value == pytest.approx(expected_calibration_error(confidence, right))
    assert interval.low <= interval.value <= interval.high
    assert interval == calibration_error_interval(confidence, right, 0.02, derive(1, "ece"))


def test_the_error_of_a_calibrated_model_is_chance() -> None:
    """Over 40 draws a calibrated model seldom exceeds the bound, an overconfident one always."""
    exceeding = []
    for overconfidence in (1.0, 3.0):
        count = 0
        for seed in range(40):
            confidence, right = confidence_and_right(200, overconfidence, seed)
            by_chance, _ = calibration_by_chance(confidence, right, derive(seed, "chance"))
            count += expected_calibration_error(confidence, right) > by_chance
        exceeding.append(count)
    assert exceeding[0] <= 6  # 2 are expected; 7 or more have a chance of .5 %
    assert exceeding[1] == 40


@pytest.mark.parametrize(
    ("overconfidence", "tendency"),
    [(0.4, "not sure enough"), (1.0, "cannot tell"), (3.0, "too sure")],
)
def test_the_tendency_is_given_in_words(overconfidence: float, tendency: str) -> None:
    """Logits too large make a model too sure, logits too small not sure enough."""
    confidence, right = confidence_and_right(overconfidence=overconfidence)
    assert calibration_by_chance(confidence, right, derive(0, "x"))[1] == tendency


@pytest.mark.parametrize("right", [True, False])
def test_all_right_and_all_wrong(right: bool) -> None:
    """Both extremes have an error, an interval that contains it, and a tendency."""
    confidence = np.full(60, 0.9)
    outcomes = np.full(60, right)
    by_chance, tendency = calibration_by_chance(confidence, outcomes, derive(0, "x"))
    interval = calibration_error_interval(confidence, outcomes, by_chance, derive(0, "ece"))
    expected = pytest.approx([0.1 if right else 0.9] * 3)
    assert [interval.value, interval.low, interval.high] == expected
    assert tendency == ("not sure enough" if right else "too sure")


@pytest.mark.parametrize("shift", [0.0, 0.05])
def test_the_interval_covers_the_true_error(shift: float) -> None:
    """Of 25 sets of 200 images, 20 intervals or more contain the error of the true chances."""
    covered = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        confidence = 1 - rng.beta(1, 8, 200)
        truth = np.clip(confidence - shift, 0, 1)
        right = rng.random(200) < truth
        by_chance, _ = calibration_by_chance(confidence, right, derive(seed, "chance"))
        interval = calibration_error_interval(confidence, right, by_chance, derive(seed, "ece"))
        covered += interval.low <= expected_calibration_error(confidence, truth) <= interval.high
    assert covered >= 20


def test_a_diagram_of_one_run_is_its_reliability_table() -> None:
    """With one run the points are the table's rows, and the error is that of the same bins."""
    confidence, right = confidence_and_right(overconfidence=2)
    diagram = reliability_diagram(confidence[None], right[None])
    table = reliability_table(confidence, right)
    assert (
        diagram.points.tolist() == table[["confidence", "accuracy", "images"]].to_numpy().tolist()
    )
    assert diagram.confidence == confidence.mean()
    assert diagram.accuracy == right.mean()
    assert diagram.calibration_error == expected_calibration_error(confidence, right)


def test_a_diagram_counts_the_images_of_one_run() -> None:
    """Over three runs the images of the bins add up to those of one, by rising confidence."""
    rng = np.random.default_rng(0)
    diagram = reliability_diagram(rng.random((3, 200)), rng.random((3, 200)) > 0.5)
    assert diagram.points[:, 2].sum() == pytest.approx(200)
    assert np.all(np.diff(diagram.points[:, 0]) > 0)


def test_as_right_as_confident_is_no_error() -> None:
    """At 75 % confidence and right three times out of four, the diagram has no error."""
    diagram = reliability_diagram(np.full((1, 4), 0.75), np.array([[True, True, True, False]]))
    assert (diagram.confidence, diagram.accuracy, diagram.calibration_error) == (0.75, 0.75, 0)
    assert diagram.points.tolist() == [[0.75, 0.75, 4]]


def test_opposite_errors_do_not_cancel() -> None:
    """Where the means agree, the error still shows one bin too sure and one not sure enough."""
    confidence = np.repeat([[0.35, 0.95]], 20, axis=1)
    right = np.repeat([[True, False]], 20, axis=1)
    diagram = reliability_diagram(confidence, right)
    assert diagram.calibration_error == pytest.approx((0.65 + 0.95) / 2)
    assert diagram.points.tolist() == [[pytest.approx(0.35), 1, 20], [pytest.approx(0.95), 0, 20]]


def grouped_gaps(groups: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return confidence, right and group of a model that is too sure in each of its groups."""
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.9, 1, 40 * groups)
    return confidence, rng.random(40 * groups) < 0.5, np.repeat(np.arange(groups), 40)


@pytest.mark.parametrize("groups", range(1, 9))
def test_fewer_than_six_groups_say_nothing_of_calibration(groups: int) -> None:
    """All signs alike are 1 of 2, 4, ... 16 outcomes, never 5 %; from six groups on they tell."""
    for seed in range(10):
        confidence, right, group_of = grouped_gaps(groups, seed)
        generator = derive(seed, "chance")
        by_chance, tendency = calibration_by_chance(confidence, right, generator, group_of)
        assert tendency == ("too sure" if groups >= 6 else "cannot tell")
        error = expected_calibration_error(confidence, right)
        assert (error > by_chance) == (groups >= 6)
        ends = calibration_error_interval(confidence, right, by_chance, generator, group_of)
        assert groups >= 6 or ends.low == 0


def test_many_groups_are_drawn_and_count_their_own_signs() -> None:
    """Forty groups that are too sure tell; where every second is as much the other way, none."""
    confidence, right, group_of = grouped_gaps(40, 1)
    assert calibration_by_chance(confidence, right, derive(1, "x"), group_of)[1] == "too sure"
    even = np.full(1600, 0.5)
    error, tendency = calibration_by_chance(even, group_of % 2 == 0, derive(1, "x"), group_of)
    assert tendency == "cannot tell"
    assert error >= expected_calibration_error(even, group_of % 2 == 0)
