"""Score changes: two setups on the same images, in error rate, macro scores, loss and classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.compare.record import BaseAndOther, ClassChange, ScoreChange
from stages.compare.resampled_change import Statistic, resampled_change
from stages.stats.holm import holm
from stages.stats.image_groups import count_groups, some_groups
from stages.stats.intervals import Interval
from stages.stats.macro import Score, macro_statistic
from stages.stats.mcnemar import PairedComparison, verdict_of
from stages.stats.seeds import compare_seeds


@dataclass(frozen=True, kw_only=True)
class ComparedImages:
    """The V images that both setups are judged on."""

    targets: np.ndarray  # (V,) int, class numbers
    class_names: Sequence[str]
    groups: np.ndarray | None = None  # (V,) int; None where images are independent


@dataclass(frozen=True, kw_only=True)
class SetupOutcomes:
    """The outcomes of one setup on V images, in K runs that differ only in the seed; often one."""

    predicted: np.ndarray  # (K, V) int, class numbers
    loss: np.ndarray | None  # (K, V); None in results from before there were losses
    confidence: np.ndarray | None  # (K, V), probability of the class predicted

    def right(self, targets: np.ndarray) -> np.ndarray:
        """Return which images each run has right, (K, V) bool."""
        right: np.ndarray = self.predicted == targets
        return right


@dataclass(frozen=True, kw_only=True)
class ScoreChanges:
    """The scores of two setups on the same images."""

    error: PairedComparison  # the other against the base
    error_rates: BaseAndOther[float | None]  # None without images
    macro_f1: ScoreChange | None  # None without images, or of one group
    macro_recall: ScoreChange | None  # None without images, and where classes are about equal
    log_loss: ScoreChange | None  # None where a side has no losses, or of one group
    classes: list[ClassChange]
    confusion: np.ndarray  # (C, C) images more than before, row = actual, column = predicted


def compare_scores(
    images: ComparedImages,
    base: SetupOutcomes,
    other: SetupOutcomes,
    generator: np.random.Generator,
    *,
    unequal: bool = False,
) -> ScoreChanges:
    """Compare two setups on the same images.

    unequal: whether class sizes differ so much that the mean recall says more than the error rate.
    Of one group alone nobody can tell by how much means vary, so there are none.
    """
    targets = images.targets
    groups = images.groups
    base_right = base.right(targets)
    other_right = other.right(targets)
    classes = len(images.class_names)
    error = compare_seeds(other_right, base_right, groups)
    macro: dict[Score, ScoreChange] = {}
    log_loss = None
    if len(targets) and count_groups(groups) != 1:
        scores: list[Score] = ["f1", "recall"] if unequal else ["f1"]
        for score in scores:
            change = resampled_change(
                _macro_statistics(score, targets, base, classes),
                _macro_statistics(score, targets, other, classes),
                len(targets),
                generator,
                groups,
            )
            macro[score] = _widened(change, error.difference)
        if base.loss is not None and other.loss is not None:
            log_loss = resampled_change(
                _mean_statistics(base.loss),
                _mean_statistics(other.loss),
                len(targets),
                generator,
                groups,
            )
    return ScoreChanges(
        error=error,
        error_rates=BaseAndOther(base=_error_rate(base_right), other=_error_rate(other_right)),
        macro_f1=macro.get("f1"),
        macro_recall=macro.get("recall"),
        log_loss=log_loss,
        classes=class_changes(images, base_right, other_right),
        confusion=_mean_confusion(targets, other, classes)
        - _mean_confusion(targets, base, classes),
    )


def class_changes(
    images: ComparedImages, base_right: np.ndarray, other_right: np.ndarray
) -> list[ClassChange]:
    """Return the change of each class that has images, in the order of the classes.

    The arguments ending in right are (K, V) bool. The verdict is by Holm's p over all classes.
    """
    targets = images.targets
    present = [n for n in range(len(images.class_names)) if (targets == n).any()]
    of_class = [targets == number for number in present]
    comparisons = [
        compare_seeds(
            other_right[:, members], base_right[:, members], some_groups(images.groups, members)
        )
        for members in of_class
    ]
    adjusted = holm([comparison.p for comparison in comparisons])
    changes = []
    for number, members, comparison, p_holm in zip(
        present, of_class, comparisons, adjusted, strict=True
    ):
        base_rate = float(1 - base_right[:, members].mean())
        other_rate = float(1 - other_right[:, members].mean())
        changes.append(
            ClassChange(
                label=images.class_names[number],
                images=int(members.sum()),
                base=base_rate,
                other=other_rate,
                low=comparison.difference.low,
                high=comparison.difference.high,
                p=comparison.p,
                p_holm=p_holm,
                verdict=verdict_of(p_holm, other_rate < base_rate),
            )
        )
    return changes


def changed_images(
    targets: np.ndarray, base: SetupOutcomes, other: SetupOutcomes
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the images that are newly wrong, and of those newly right.

    Of several runs the majority counts. The images whose loss changed most come first.
    """
    base_right = base.right(targets).mean(axis=0) > 0.5
    other_right = other.right(targets).mean(axis=0) > 0.5
    loss_increase = np.zeros(len(targets))
    if base.loss is not None and other.loss is not None:
        loss_increase = other.loss.mean(axis=0) - base.loss.mean(axis=0)
    order = np.argsort(-loss_increase, kind="stable")
    newly_wrong = order[(base_right & ~other_right)[order]]
    newly_right = order[(other_right & ~base_right)[order]]
    return newly_wrong, newly_right[::-1]


def voted_classes(targets: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return the class that K runs predicted for each image, (V,) int, from (K, V) class numbers.

    That is the actual class where more than half of the runs predicted it, as `changed_images`
    counts, and otherwise the most frequent wrong one; of equally frequent ones the first.
    """
    wrong = predicted != targets
    votes = np.stack([(predicted == run).sum(axis=0) for run in predicted])
    most = np.where(wrong, votes, 0).max(axis=0)
    past_the_last = max(targets.max(), predicted.max()) + 1
    most_frequent_wrong = np.where(wrong & (votes == most), predicted, past_the_last).min(axis=0)
    voted: np.ndarray = np.where(wrong.mean(axis=0) >= 0.5, most_frequent_wrong, targets)
    return voted


def _error_rate(right: np.ndarray) -> float | None:
    """Return the share of (K, V) bool that is not right; None without images."""
    return float(1 - right.mean()) if right.size else None


def _widened(change: ScoreChange, error: Interval) -> ScoreChange:
    """Return a change whose interval reaches at least as far as that of the error rate, mirrored.

    Resampling alone covers them too seldom with few images; `metrics.macro` has the figures.
    """
    value = change.difference.value or 0.0
    middle = error.value or 0.0
    low = min(change.difference.low, value - (error.high - middle))
    high = max(change.difference.high, value + (middle - error.low))
    difference = Interval(change.difference.value, low, high)
    return ScoreChange(base=change.base, other=change.other, difference=difference)


def _macro_statistics(
    score: Score, targets: np.ndarray, outcomes: SetupOutcomes, classes: int
) -> list[Statistic]:
    """Return a statistic for each run: the macro score of the images drawn."""
    return [macro_statistic(score, targets, run, classes) for run in outcomes.predicted]


def _mean_statistics(losses: np.ndarray) -> list[Statistic]:
    """Return a statistic for each run, of (K, V): the mean loss of the images drawn."""

    def mean_loss(run: np.ndarray) -> Statistic:
        return lambda drawn: drawn @ run / drawn.sum(axis=1)

    return [mean_loss(run) for run in losses]


def _mean_confusion(targets: np.ndarray, outcomes: SetupOutcomes, classes: int) -> np.ndarray:
    """Return the mean confusion matrix over runs, (C, C)."""
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (np.broadcast_to(targets, outcomes.predicted.shape), outcomes.predicted), 1)
    return matrix / len(outcomes.predicted)
