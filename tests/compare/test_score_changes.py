"""Two recipes on the same images: scores, classes, and pictures that changed sides."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from stages.compare.score_changes import SideOutcomes, changed_images, compare_scores

CLASSES = ["cat", "dog", "owl"]


def side(predicted: np.ndarray, loss: np.ndarray | None = None) -> SideOutcomes:
    """Return a side of one or several runs."""
    return SideOutcomes(np.atleast_2d(predicted), loss, None)


def draw() -> np.random.Generator:
    """Return the generator that all tests begin with."""
    return np.random.default_rng(5)


@pytest.fixture
def said() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return targets, and what two models said of 300 images."""
    rng = draw()
    targets = rng.integers(0, 3, 300)
    sides = [
        np.where(rng.random(300) < rate, rng.integers(0, 3, 300), targets) for rate in (0.4, 0.1)
    ]
    return targets, sides[0], sides[1]


def test_scores_are_those_of_scikit_learn(said: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Macro F1 and error rate of both sides agree with another's computation."""
    targets, before, after = said
    result = compare_scores(targets, CLASSES, side(before), side(after), draw())
    assert result.macro_f1.base == pytest.approx(f1_score(targets, before, average="macro"))
    assert result.macro_f1.other == pytest.approx(f1_score(targets, after, average="macro"))
    assert result.error_rates == pytest.approx(
        (np.mean(before != targets), np.mean(after != targets))
    )
    assert result.macro_f1.difference.low > 0
    assert result.error.verdict == "better"


def test_the_change_of_confusion_is_after_minus_before(
    said: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """The matrix is the difference of the two confusion matrices."""
    targets, before, after = said
    result = compare_scores(targets, CLASSES, side(before), side(after), draw())
    expected = confusion_matrix(targets, after) - confusion_matrix(targets, before)
    assert np.array_equal(result.confusion, expected)


def test_the_interval_of_the_loss_is_that_of_a_paired_mean(
    said: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """The bootstrap agrees with the normal interval of the mean difference, image by image."""
    targets, before, after = said
    loss = draw().exponential(1, (2, 1, 300)) + np.array([[[0.2]], [[0.0]]])
    result = compare_scores(targets, CLASSES, side(before, loss[0]), side(after, loss[1]), draw())
    change = (loss[1] - loss[0])[0]
    error = 1.96 * change.std(ddof=1) / np.sqrt(300)
    ends = result.log_loss.difference
    assert ends.value == pytest.approx(change.mean())
    assert (ends.low, ends.high) == pytest.approx(
        (change.mean() - error, change.mean() + error), abs=0.15 * error
    )


def test_pairing_makes_the_interval_narrow(said: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """When both models lose alike, the difference is known far better than either loss."""
    targets, before, after = said
    shared = draw().exponential(3, (1, 300))
    sides = [side(run, shared + shift) for run, shift in ((before, 0.0), (after, -0.01))]
    ends = compare_scores(targets, CLASSES, *sides, draw()).log_loss.difference
    assert (ends.low, ends.high) == pytest.approx((-0.01, -0.01))


def test_a_side_without_losses_has_no_log_loss(
    said: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """Results from before a column existed are compared without it."""
    targets, before, after = said
    loss = np.ones((1, 300))
    assert (
        compare_scores(targets, CLASSES, side(before), side(after, loss), draw()).log_loss is None
    )


def test_no_common_images_are_no_failure() -> None:
    """With nothing in common there are no scores, and the verdict is cannot tell."""
    nothing = np.zeros(0, np.int64)
    result = compare_scores(nothing, [], side(nothing), side(nothing), draw())
    assert result.error.verdict == "cannot tell"
    assert result.error_rates == (None, None)
    assert result.macro_f1 is None
    assert result.classes.empty


def test_a_class_beyond_noise_is_found_and_no_other() -> None:
    """A class that is lost entirely is worse; those that move by a few images are not told."""
    targets = np.repeat([0, 1, 2], 60)
    before, after = targets.copy(), targets.copy()
    after[:60] = 1
    after[60:63] = 2
    classes = compare_scores(targets, CLASSES, side(before), side(after), draw()).classes
    assert classes["verdict"].tolist() == ["worse", "cannot tell", "cannot tell"]
    assert classes["p_holm"][1] >= classes["p"][1]
    assert classes["images"].tolist() == [60, 60, 60]


def test_pictures_change_sides_by_majority_and_in_order_of_the_loss() -> None:
    """Newly wrong and newly right follow most of the runs; the largest change comes first."""
    targets = np.zeros(4, np.int64)
    before = side(np.array([[0, 0, 1, 1]] * 3), np.zeros((3, 4)))
    runs = np.array([[1, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, 1]])
    after = side(runs, np.array([[0.5, 2.0, -1.0, 0.0]] * 3))
    wrong, right = changed_images(targets, before, after)
    assert wrong.tolist() == [1, 0]
    assert right.tolist() == [2]


def test_several_runs_count_as_their_mean() -> None:
    """With three seeds a score is the mean over them, and the interval knows their spread."""
    targets = np.repeat([0, 1], 100)
    rng = draw()
    runs = np.stack(
        [np.where(rng.random(200) < rate, 1 - targets, targets) for rate in (0.1, 0.2, 0.3)]
    )
    same = np.stack([targets] * 3)
    several = compare_scores(targets, CLASSES[:2], side(same), side(runs), draw())
    single = compare_scores(targets, CLASSES[:2], side(same[:1]), side(runs[1:2]), draw())
    mean = np.mean([f1_score(targets, run, average="macro") for run in runs])
    assert several.macro_f1.other == pytest.approx(mean)

    def width(result) -> float:
        return result.macro_f1.difference.high - result.macro_f1.difference.low

    assert width(several) > width(single)
