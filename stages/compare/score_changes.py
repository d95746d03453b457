"""Score changes: two setups on the same images, in error rate, macro scores, loss and classes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stages.compare.record import BaseAndOther, ClassChange, ScoreChange
from stages.stats.holm import holm
from stages.stats.intervals import CONFIDENCE, DRAWS, Interval
from stages.stats.macro import Score, macro_statistic
from stages.stats.mcnemar import PairedComparison, verdict_of
from stages.stats.seeds import compare_seeds

Statistic = Callable[[np.ndarray], np.ndarray]  # as `bootstrap` takes it


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
    macro_f1: ScoreChange | None  # None without images
    macro_recall: ScoreChange | None  # None without images, and where classes are about equal
    log_loss: ScoreChange | None  # None where a side has no losses
    classes: list[ClassChange]
    confusion: np.ndarray  # (C, C) images more than before, row = actual, column = predicted


def compare_scores(
    targets: np.ndarray,
    class_names: Sequence[str],
    base: SetupOutcomes,
    other: SetupOutcomes,
    generator: np.random.Generator,
    *,
    unequal: bool = False,
) -> ScoreChanges:
    """Compare two setups on the same V images; targets, (V,), are class numbers.

    unequal: whether class sizes differ so much that the mean recall says more than the error rate.
    """
    base_right = base.right(targets)
    other_right = other.right(targets)
    classes = len(class_names)
    error = compare_seeds(other_right, base_right)
    macro: dict[Score, ScoreChange] = {}
    log_loss = None
    if len(targets):
        scores: list[Score] = ["f1", "recall"] if unequal else ["f1"]
        for score in scores:
            change = _change(
                _macro_statistics(score, targets, base, classes),
                _macro_statistics(score, targets, other, classes),
                len(targets),
                generator,
            )
            macro[score] = _widened(change, error.difference)
        if base.loss is not None and other.loss is not None:
            log_loss = _change(
                _mean_statistics(base.loss), _mean_statistics(other.loss), len(targets), generator
            )
    return ScoreChanges(
        error=error,
        error_rates=BaseAndOther(base=_error_rate(base_right), other=_error_rate(other_right)),
        macro_f1=macro.get("f1"),
        macro_recall=macro.get("recall"),
        log_loss=log_loss,
        classes=class_changes(targets, class_names, base_right, other_right),
        confusion=_mean_confusion(targets, other, classes)
        - _mean_confusion(targets, base, classes),
    )


def class_changes(
    targets: np.ndarray,
    class_names: Sequence[str],
    base_right: np.ndarray,
    other_right: np.ndarray,
) -> list[ClassChange]:
    """Return the change of each class that has images, in the order of the classes.

    The arguments ending in right are (K, V) bool. The verdict is by Holm's p over all classes.
    """
    present = [number for number in range(len(class_names)) if (targets == number).any()]
    of_class = [targets == number for number in present]
    comparisons = [
        compare_seeds(other_right[:, members], base_right[:, members]) for members in of_class
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
                label=class_names[number],
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


def _change(
    base: Sequence[Statistic],
    other: Sequence[Statistic],
    images: int,
    generator: np.random.Generator,
) -> ScoreChange:
    """Return the means over runs, and the percentile interval of their difference.

    Bootstrap: images are drawn with replacement, the same for both, and so are the runs of each
    side (the pigeonhole bootstrap of Owen 2007, whose interval is wide rather than narrow).
    """
    once = np.ones((1, images))
    base_value = float(np.mean([statistic(once)[0] for statistic in base]))
    other_value = float(np.mean([statistic(once)[0] for statistic in other]))
    block = max(1, min(DRAWS, 2**22 // images))
    differences = []
    for start in range(0, DRAWS, block):
        counts = _draw_counts(images, min(block, DRAWS - start), generator)
        base_means = _mean_of_drawn_runs([statistic(counts) for statistic in base], generator)
        other_means = _mean_of_drawn_runs([statistic(counts) for statistic in other], generator)
        differences.append(other_means - base_means)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(differences), [tail, 1 - tail])
    return ScoreChange(
        base=base_value,
        other=other_value,
        difference=Interval(other_value - base_value, float(low), float(high)),
    )


def _draw_counts(images: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Return how often each image is drawn with replacement, (D, V).

    One count of all draws takes a fifth of the time of `multinomial`; and floats, since BLAS has
    no whole numbers, make what is done with the result 20 times faster.
    """
    drawn = generator.integers(0, images, (draws, images)) + images * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * images).reshape(draws, images).astype(float)


def _mean_of_drawn_runs(values: list[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """Return (D,) means of K runs drawn with replacement from K runs, whose values are (D,) each.

    A draw takes as many runs as there are.
    """
    runs = len(values)
    counts = generator.multinomial(runs, np.full(runs, 1 / runs), size=len(values[0]))  # (D, K)
    means: np.ndarray = (counts * np.stack(values, axis=1)).mean(axis=1)
    return means


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
