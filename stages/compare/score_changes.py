"""Two recipes on the same images: how much better, in what, and which pictures changed sides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.stats.holm import holm
from stages.stats.intervals import CONFIDENCE, DRAWS, Interval
from stages.stats.macro import macro_statistic
from stages.stats.mcnemar import PairedComparison
from stages.stats.seeds import compare_seeds

Statistic = Callable[[np.ndarray], np.ndarray]  # as `bootstrap` takes it


@dataclass(frozen=True)
class SideOutcomes:
    """What one recipe said of the images; K runs that differ only in the seed, mostly one."""

    predicted: np.ndarray  # (K, V) int, places in the vocabulary
    loss: np.ndarray | None  # (K, V), None in results from before it was kept
    confidence: np.ndarray | None  # (K, V), probability of the class predicted

    def right(self, targets: np.ndarray) -> np.ndarray:
        """Return which images each run has right, (K, V) bool."""
        return self.predicted == targets


@dataclass(frozen=True)
class ScoreChange:
    """A score of both, and the difference other - base with its interval."""

    base: float
    other: float
    difference: Interval


@dataclass(frozen=True)
class ScoreChanges:
    """All that the same images tell about two recipes."""

    error: PairedComparison  # the other against the base
    error_rates: tuple[float | None, float | None]  # base, other
    macro_f1: ScoreChange | None  # None without images
    log_loss: ScoreChange | None  # None where a side has no losses
    classes: pd.DataFrame  # by_class
    confusion: np.ndarray  # (C, C) images more than before, row = actual, column = predicted


def compare_scores(
    targets: np.ndarray,
    classes: Sequence[str],
    base: SideOutcomes,
    other: SideOutcomes,
    draw: np.random.Generator,
) -> ScoreChanges:
    """Compare two recipes on the same images; targets, (V,), are places in `classes`."""
    before, after = base.right(targets), other.right(targets)
    error, some = compare_seeds(after, before), len(targets) > 0
    rates = tuple(float(1 - side.mean()) if some else None for side in (before, after))
    f1 = log_loss = None
    if some:
        sides = (_f1(targets, base, len(classes)), _f1(targets, other, len(classes)))
        f1 = _widened(_change(*sides, len(targets), draw), error.difference)
    if some and base.loss is not None and other.loss is not None:
        log_loss = _change(_means(base.loss), _means(other.loss), len(targets), draw)
    return ScoreChanges(
        error=error,
        error_rates=(rates[0], rates[1]),
        macro_f1=f1,
        log_loss=log_loss,
        classes=class_changes(targets, classes, before, after),
        confusion=_matrix(targets, other, len(classes)) - _matrix(targets, base, len(classes)),
    )


def class_changes(
    targets: np.ndarray, classes: Sequence[str], before: np.ndarray, after: np.ndarray
) -> pd.DataFrame:
    """Return label, images, base and other (shares wrong), low, high, p, p_holm, verdict.

    One row for each class that has images. The verdict holds for all classes together: Holm's p.
    """
    rows = []
    for place, label in enumerate(classes):
        of_class = targets == place
        if of_class.any():
            found = compare_seeds(after[:, of_class], before[:, of_class])
            wrong = [float(1 - side[:, of_class].mean()) for side in (before, after)]
            ends = found.difference
            rows.append((label, int(of_class.sum()), *wrong, ends.low, ends.high, found.p))
    columns = ["label", "images", "base", "other", "low", "high", "p"]
    table = pd.DataFrame(rows, columns=columns)
    table["p_holm"] = holm(table["p"].tolist())
    sign = np.where(table["other"] < table["base"], "better", "worse")
    table["verdict"] = np.where(table["p_holm"] < 1 - CONFIDENCE, sign, "cannot tell")
    return table


def changed_images(
    targets: np.ndarray, base: SideOutcomes, other: SideOutcomes
) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the images that are newly wrong, and of those newly right.

    Of several runs the majority counts. Those whose loss changed most come first.
    """
    before, after = (side.right(targets).mean(axis=0) > 0.5 for side in (base, other))
    worse = np.zeros(len(targets))
    if base.loss is not None and other.loss is not None:
        worse = other.loss.mean(axis=0) - base.loss.mean(axis=0)
    order = np.argsort(-worse, kind="stable")
    return order[(before & ~after)[order]], order[(after & ~before)[order]][::-1]


def _change(
    base: Sequence[Statistic], other: Sequence[Statistic], images: int, draw: np.random.Generator
) -> ScoreChange:
    """Return the means over runs, and the percentile interval of their difference.

    Images are drawn with replacement, the same for both, and so are the runs of each side (the
    pigeonhole bootstrap of Owen 2007, whose interval is wide rather than narrow).
    """
    whole = np.ones((1, images))
    values = [float(np.mean([of(whole)[0] for of in side])) for side in (base, other)]
    block = max(1, min(DRAWS, 2**22 // images))
    drawn = []
    for start in range(0, DRAWS, block):
        size = min(block, DRAWS - start)
        counts = _counts(images, size, draw)
        means = [_mean_of_runs([of(counts) for of in side], draw) for side in (base, other)]
        drawn.append(means[1] - means[0])
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail])
    return ScoreChange(
        values[0], values[1], Interval(values[1] - values[0], float(low), float(high))
    )


def _counts(images: int, draws: int, draw: np.random.Generator) -> np.ndarray:
    """Return how often each image is drawn with replacement, (D, V).

    One count of all draws takes a fifth of the time of `multinomial`; and floats, since BLAS has
    no whole numbers, make what is done with the result 20 times faster.
    """
    drawn = draw.integers(0, images, (draws, images)) + images * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * images).reshape(draws, images).astype(float)


def _mean_of_runs(values: list[np.ndarray], draw: np.random.Generator) -> np.ndarray:
    """Return (D,) means of as many runs, drawn with replacement, as there are; values are (D,)."""
    runs = len(values)
    times = draw.multinomial(runs, np.full(runs, 1 / runs), size=len(values[0]))  # (D, K)
    return (times * np.stack(values, axis=1)).mean(axis=1)


def _widened(change: ScoreChange, accuracy: Interval) -> ScoreChange:
    """Let an interval reach as far as that of the error rate: see metrics.macro_f1."""
    value = change.difference.value or 0.0
    middle = accuracy.value or 0.0
    low = min(change.difference.low, value - (accuracy.high - middle))
    high = max(change.difference.high, value + (middle - accuracy.low))
    return ScoreChange(change.base, change.other, Interval(change.difference.value, low, high))


def _f1(targets: np.ndarray, side: SideOutcomes, classes: int) -> list[Statistic]:
    return [macro_statistic("f1", targets, run, classes) for run in side.predicted]


def _means(losses: np.ndarray) -> list[Statistic]:
    """Return a statistic a run: the mean loss of the images drawn."""

    def of(run: np.ndarray) -> Statistic:
        return lambda drawn: drawn @ run / drawn.sum(axis=1)

    return [of(run) for run in losses]


def _matrix(targets: np.ndarray, side: SideOutcomes, classes: int) -> np.ndarray:
    """Return the mean confusion matrix over runs."""
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (np.broadcast_to(targets, side.predicted.shape), side.predicted), 1)
    return matrix / len(side.predicted)
