"""Two setups on the same images: scores, classes, and the images newly wrong and newly right."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, recall_score

from stages.compare.score_changes import (
    ComparedImages,
    ScoreChanges,
    SetupOutcomes,
    changed_images,
    compare_scores,
    voted_classes,
)
from stages.stats.intervals import Interval
from tests.measured_work import measured_work

CLASS_NAMES = ["cat", "dog", "owl"]
TargetsAndPredictions = tuple[np.ndarray, np.ndarray, np.ndarray]


def setup_outcomes(predicted: np.ndarray, loss: np.ndarray | None = None) -> SetupOutcomes:
    """Return the outcomes of one or several runs, (V,) or (K, V)."""
    return SetupOutcomes(predicted=np.atleast_2d(predicted), loss=loss, confidence=None)


def compare(
    targets: np.ndarray,
    base: SetupOutcomes,
    other: SetupOutcomes,
    class_names: list[str] = CLASS_NAMES,
) -> ScoreChanges:
    """Compare with the generator that all tests begin with."""
    return compare_scores(
        ComparedImages(targets=targets, class_names=class_names),
        base,
        other,
        np.random.default_rng(5),
    )


def macro_f1_difference(changes: ScoreChanges) -> Interval:
    """Return the difference of the macro F1, which there is."""
    assert changes.macro_f1 is not None
    return changes.macro_f1.difference


def log_loss_difference(changes: ScoreChanges) -> Interval:
    """Return the difference of the log loss, which there is."""
    assert changes.log_loss is not None
    return changes.log_loss.difference


@pytest.fixture
def predictions() -> TargetsAndPredictions:
    """Return targets, and what a worse and a better model predicted of 300 images."""
    rng = np.random.default_rng(5)
    targets = rng.integers(0, 3, 300)
    worse, better = (
        np.where(rng.random(300) < rate, rng.integers(0, 3, 300), targets) for rate in (0.4, 0.1)
    )
    return targets, worse, better


def test_scores_are_those_of_scikit_learn(predictions: TargetsAndPredictions) -> None:
    """Macro F1 and error rate of both sides agree with scikit-learn and numpy."""
    targets, base, other = predictions
    changes = compare(targets, setup_outcomes(base), setup_outcomes(other))
    assert changes.macro_f1 is not None
    assert changes.macro_f1.base == pytest.approx(f1_score(targets, base, average="macro"))
    assert changes.macro_f1.other == pytest.approx(f1_score(targets, other, average="macro"))
    assert changes.error_rates.base == pytest.approx(np.mean(base != targets))
    assert changes.error_rates.other == pytest.approx(np.mean(other != targets))
    assert changes.macro_f1.difference.low > 0
    assert changes.error.verdict == "better"


def test_the_change_of_confusion_is_other_minus_base(predictions: TargetsAndPredictions) -> None:
    """The matrix is the difference of the two confusion matrices."""
    targets, base, other = predictions
    changes = compare(targets, setup_outcomes(base), setup_outcomes(other))
    expected = confusion_matrix(targets, other) - confusion_matrix(targets, base)
    assert np.array_equal(changes.confusion, expected)


def test_the_interval_of_the_loss_is_that_of_a_paired_mean(
    predictions: TargetsAndPredictions,
) -> None:
    """The bootstrap agrees with the normal interval of the mean difference, image by image."""
    targets, base, other = predictions
    base_loss = np.random.default_rng(5).exponential(1, (1, 300)) + 0.2
    other_loss = np.random.default_rng(6).exponential(1, (1, 300))
    changes = compare(targets, setup_outcomes(base, base_loss), setup_outcomes(other, other_loss))
    paired = (other_loss - base_loss)[0]
    reach = 1.96 * paired.std(ddof=1) / np.sqrt(300)
    difference = log_loss_difference(changes)
    assert difference.value == pytest.approx(paired.mean())
    assert (difference.low, difference.high) == pytest.approx(
        (paired.mean() - reach, paired.mean() + reach), abs=0.15 * reach
    )


def test_pairing_makes_the_interval_narrow(predictions: TargetsAndPredictions) -> None:
    """When both models lose alike, the difference is known far better than either loss."""
    targets, base, other = predictions
    loss = np.random.default_rng(5).exponential(3, (1, 300))
    changes = compare(targets, setup_outcomes(base, loss), setup_outcomes(other, loss - 0.01))
    difference = log_loss_difference(changes)
    assert (difference.low, difference.high) == pytest.approx((-0.01, -0.01))


def test_a_side_without_losses_has_no_log_loss(predictions: TargetsAndPredictions) -> None:
    """Results from before a column existed are compared without it."""
    targets, base, other = predictions
    with_loss = setup_outcomes(other, np.ones((1, 300)))
    assert compare(targets, setup_outcomes(base), with_loss).log_loss is None


def test_no_common_images_are_no_failure() -> None:
    """With nothing in common there are no scores, and the verdict is cannot tell."""
    nothing = np.zeros(0, np.int64)
    changes = compare(nothing, setup_outcomes(nothing), setup_outcomes(nothing), [])
    assert changes.error.verdict == "cannot tell"
    assert (changes.error_rates.base, changes.error_rates.other) == (None, None)
    assert changes.macro_f1 is None
    assert changes.classes == []


def test_a_class_beyond_noise_has_a_verdict_and_no_other() -> None:
    """A class that is lost entirely is worse; of those that change by a few images none can tell.

    Holm's p is never below the p of the class itself.
    """
    targets = np.repeat([0, 1, 2], 60)
    predicted = targets.copy()
    predicted[:60] = 1
    predicted[60:63] = 2
    classes = compare(targets, setup_outcomes(targets), setup_outcomes(predicted)).classes
    assert [change.label for change in classes] == CLASS_NAMES
    assert [change.verdict for change in classes] == ["worse", "cannot tell", "cannot tell"]
    assert [change.other for change in classes] == pytest.approx([1, 0.05, 0])
    assert [change.images for change in classes] == [60, 60, 60]
    assert all(change.p_holm >= change.p for change in classes)


def test_a_class_without_images_is_left_out() -> None:
    """A class that is only predicted has no error rate of its own."""
    targets = np.array([0, 0, 2])
    classes = compare(targets, setup_outcomes(np.array([0, 1, 2])), setup_outcomes(targets)).classes
    assert [(change.label, change.base, change.other) for change in classes] == [
        ("cat", 0.5, 0.0),
        ("owl", 0.0, 0.0),
    ]


def test_images_change_by_majority_and_in_order_of_the_loss() -> None:
    """Newly wrong and newly right follow most of the runs; the largest change comes first."""
    targets = np.zeros(4, np.int64)
    base = setup_outcomes(np.array([[0, 0, 1, 1]] * 3), np.zeros((3, 4)))
    runs = np.array([[1, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, 1]])
    other = setup_outcomes(runs, np.array([[0.5, 2.0, -1.0, 0.0]] * 3))
    newly_wrong, newly_right = changed_images(targets, base, other)
    assert newly_wrong.tolist() == [1, 0]
    assert newly_right.tolist() == [2]


def test_runs_vote_for_a_class() -> None:
    """Where half of the runs are wrong, their most frequent class counts; of two the first."""
    predicted = np.array([[0, 1, 2, 2], [0, 1, 1, 2], [0, 0, 0, 1], [1, 0, 0, 1]])
    assert voted_classes(np.zeros(4, np.int64), predicted).tolist() == [0, 1, 1, 1]


def test_the_vote_on_many_images_takes_no_loop() -> None:
    """200,000 images take hundredths of a second, and row by row they took minutes."""
    predicted = np.random.default_rng(5).integers(0, 1000, (3, 200_000))
    with measured_work() as work:
        voted_classes(predicted[0], predicted)
    assert work.seconds < 5


def test_several_runs_count_as_their_mean() -> None:
    """With three seeds a score is the mean over them, and its interval includes their spread."""
    targets = np.repeat([0, 1], 100)
    rng = np.random.default_rng(5)
    runs = np.stack(
        [np.where(rng.random(200) < rate, 1 - targets, targets) for rate in (0.1, 0.2, 0.3)]
    )
    perfect = np.stack([targets] * 3)
    several = compare(targets, setup_outcomes(perfect), setup_outcomes(runs), CLASS_NAMES[:2])
    single = compare(
        targets, setup_outcomes(perfect[:1]), setup_outcomes(runs[1:2]), CLASS_NAMES[:2]
    )
    mean = np.mean([f1_score(targets, run, average="macro") for run in runs])
    assert several.macro_f1 is not None
    assert several.macro_f1.other == pytest.approx(mean)
    of_several = macro_f1_difference(several)
    of_single = macro_f1_difference(single)
    assert of_several.high - of_several.low > of_single.high - of_single.low


def test_unequal_classes_have_the_mean_recall(predictions: TargetsAndPredictions) -> None:
    """It agrees with scikit-learn, and its interval reaches as far as that of the error."""
    targets, base, other = predictions
    runs = (setup_outcomes(base), setup_outcomes(other))
    plain = compare(targets, *runs)
    assert plain.macro_recall is None
    changes = compare_scores(
        ComparedImages(targets=targets, class_names=CLASS_NAMES),
        *runs,
        np.random.default_rng(5),
        unequal=True,
    )
    recall = changes.macro_recall
    assert recall is not None
    assert changes.macro_f1 == plain.macro_f1
    assert recall.base == pytest.approx(recall_score(targets, base, average="macro"))
    assert recall.other == pytest.approx(recall_score(targets, other, average="macro"))
    error = changes.error.difference
    assert error.value is not None
    assert recall.difference.value is not None
    assert recall.difference.high - recall.difference.value >= error.value - error.low


def test_without_images_there_is_no_mean_recall() -> None:
    """An empty set has none, unequal or not."""
    none = np.zeros(0, np.int64)
    runs = (setup_outcomes(none), setup_outcomes(none))
    empty = compare_scores(
        ComparedImages(targets=none, class_names=CLASS_NAMES),
        *runs,
        np.random.default_rng(5),
        unequal=True,
    )
    assert empty.macro_recall is None
