"""Learning curve: how the error falls with the number of training images, and where that leads.

The errors of the linear probe, out of fold, fitted on parts of the training images, are a line over
doublings when errors are in logarithms (a power law). All intervals are of images drawn again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.base.errors import UserError
from stages.stats.intervals import CONFIDENCE, DRAWS, Interval, wilson

# Of the images outside a fold, that the probes of a curve are fitted on: each twice the one before.
CURVE_SHARES = (0.125, 0.25, 0.5, 1.0)
FACTORS = (2, 4)  # how many times the photos are asked about
MORE_PHOTOS = 20  # of a class, asked about
_NAMED_CLASSES = 3  # at most
_WRONG_COLUMNS = tuple(f"wrong_{share:g}" for share in CURVE_SHARES)
LEARNING_CURVE_COLUMNS = ("label", *_WRONG_COLUMNS, "images")
_POINTS = 3  # the last of the curve, to which the line is fitted
# Standard deviation of the fall of one doubling that comes on top of the images' chance; it grows
# with the doublings, since a curve that bends leaves its line. Chosen on pets, where the interval
# held the error at twice and four times the photos in 96 and 96 % of 50 draws, and with the same
# spread for every doubling in 96 and 78 %.
_SPREAD = 0.1
_LARGEST_FALL = 1.0  # halves of the error per doubling; no curve of photos was seen to fall faster


# Of the last probe, below which images drawn again hardly differ: with none among 98 they said
# .3 % (.3 to .3) of twice as many, where up to 4.4 % may be wrong now.
_FEWEST_ERRORS = 5


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """The training images, counted by class and by which probes of the curve have them wrong."""

    labels: np.ndarray  # (R,) str, sorted
    wrong: np.ndarray  # (R, S) bool, a column for each of CURVE_SHARES
    images: np.ndarray  # (R,) int


@dataclass(frozen=True, kw_only=True)
class ExpectedError:
    """The error of the probe with so many times the photos."""

    factor: int
    error: Interval
    gain: Interval  # by how much that is less than now


@dataclass(frozen=True, kw_only=True)
class ClassGains:
    """The classes of which more photos would help most, and by how much all of them together."""

    labels: Sequence[str]  # those that surely gain more than classes do in the mean
    gain: Interval  # of the error over all classes; no value without such classes


@dataclass(frozen=True, kw_only=True)
class PhotoOutlook:
    """What more photos would do for the linear probe."""

    images: int  # training images
    now: Interval  # error out of fold
    expected: Sequence[ExpectedError]
    classes: ClassGains


def learning_curve_table(
    class_names: np.ndarray, targets: np.ndarray, wrong: np.ndarray
) -> pd.DataFrame:
    """Return LEARNING_CURVE_COLUMNS: how many images of a class the same probes have wrong.

    targets: class numbers (N,); wrong: (S, N) bool, as probe_curve gives it.
    """
    columns = dict(zip(_WRONG_COLUMNS, wrong.astype(int), strict=True))
    table = pd.DataFrame({"label": class_names[targets], **columns})
    keys = ["label", *_WRONG_COLUMNS]
    return table.groupby(keys, sort=True).size().reset_index(name="images")


def read_learning_curve(table: pd.DataFrame) -> LearningCurve:
    """Return the curve of such a table, whose cells are text; a UserError for other cells."""
    try:
        wrong = table[list(_WRONG_COLUMNS)].astype(int).to_numpy()
        images = table["images"].astype(int).to_numpy()
    except ValueError as error:
        raise UserError(
            f"The learning curve of baseline holds what is no number ({error}); dvc repro baseline"
        ) from None
    labels = table["label"].to_numpy(str)
    order = np.argsort(labels, kind="stable")
    return LearningCurve(labels=labels[order], wrong=wrong[order] == 1, images=images[order])


def expect_errors(curve: LearningCurve, generator: np.random.Generator) -> PhotoOutlook:
    """Return what more photos would do, by the line through the last points of the curve.

    More photos never harm here: where the curve does not fall, the error stays and the interval of
    the gain begins at zero, as where it ends with hardly any errors.
    """
    total = int(curve.images.sum())
    errors = int(curve.images[curve.wrong[:, -1]].sum())
    now = wilson(errors, total)
    draws = generator.multinomial(total, curve.images / total, size=DRAWS)
    point = curve.images[None, :]
    spread = _SPREAD * generator.standard_normal(DRAWS)
    drawn = _Line(errors=_last_errors(draws, curve), falls=_falls(draws, curve), spread=spread)
    fitted = _Line(
        errors=_last_errors(point, curve), falls=_falls(point, curve), spread=np.zeros(1)
    )
    expected = [_expected(factor, fitted, drawn) for factor in FACTORS]
    if errors < _FEWEST_ERRORS:
        expected = [_unsure(one.factor, now) for one in expected]
    return PhotoOutlook(
        images=total,
        now=now,
        expected=expected,
        classes=_class_gains(curve, draws, fitted.fall(1), drawn.fall(1), generator),
    )


@dataclass(frozen=True, kw_only=True)
class _Line:
    """The line through the logarithms of errors, as fitted or as drawn, (D,) each."""

    errors: np.ndarray
    falls: np.ndarray  # halves of the error for each doubling
    spread: np.ndarray  # of the fall, on top

    def fall(self, doublings: float) -> np.ndarray:
        """Return the mean fall of so many doublings; none makes the error grow."""
        falls: np.ndarray = np.clip(self.falls + self.spread * doublings, 0, _LARGEST_FALL)
        return falls

    def ahead(self, factor: int) -> np.ndarray:
        """Return the errors with so many times the photos."""
        doublings = float(np.log2(factor))
        errors: np.ndarray = self.errors * 2 ** (-doublings * self.fall(doublings))
        return errors


def _falls(draws: np.ndarray, curve: LearningCurve) -> np.ndarray:
    """Return how many halves of the error a doubling takes away, (D,): the slope of the line."""
    total = draws.sum(axis=1, keepdims=True)
    logs = np.log2((draws @ curve.wrong + 0.5) / (total + 1))[:, -_POINTS:]
    doublings = np.arange(_POINTS) - (_POINTS - 1) / 2
    falls: np.ndarray = -(logs @ doublings) / (doublings**2).sum()
    return falls


def _last_errors(draws: np.ndarray, curve: LearningCurve) -> np.ndarray:
    """Return the errors of the probe on the whole share, (D,)."""
    errors: np.ndarray = (draws @ curve.wrong[:, -1] + 0.5) / (draws.sum(axis=1) + 1)
    return errors


def _expected(factor: int, fitted: _Line, drawn: _Line) -> ExpectedError:
    """Return the error at so many times the photos."""
    value = fitted.ahead(factor)
    values = drawn.ahead(factor)
    gain = _interval(fitted.errors - value, drawn.errors - values)
    return ExpectedError(factor=factor, error=_interval(value, values), gain=gain)


def _unsure(factor: int, now: Interval) -> ExpectedError:
    """Return that the error is between none and as much as it may be now."""
    error = Interval(now.value, 0.0, now.high)
    return ExpectedError(factor=factor, error=error, gain=Interval(0.0, 0.0, now.high))


def _interval(point: np.ndarray, drawn: np.ndarray) -> Interval:
    """Return a value with the quantiles of what was drawn."""
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(point[0]), min(float(low), float(point[0])), max(float(high), point[0]))


def _class_gains(
    curve: LearningCurve,
    draws: np.ndarray,
    fall: np.ndarray,
    falls: np.ndarray,
    generator: np.random.Generator,
) -> ClassGains:
    """Return which classes gain most from MORE_PHOTOS of each, if their errors fall as all do.

    A class's error is drawn to that of all, by how far classes differ beyond chance. The interval
    of the gain has the chance of another fit too.
    """
    labels, starts = np.unique(curve.labels, return_index=True)  # rows of a class are neighbours
    is_wrong = curve.wrong[:, -1]
    sizes = np.add.reduceat(curve.images, starts)
    strength = _pooling(np.add.reduceat(curve.images * is_wrong, starts), sizes)

    def gains(counts: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        errors = np.add.reduceat(counts * is_wrong, starts, axis=1)
        images = np.add.reduceat(counts, starts, axis=1)
        total = counts.sum(axis=1, keepdims=True)
        pooled = errors.sum(axis=1, keepdims=True) / total
        rates = (errors + strength * pooled) / (images + strength)
        left = ((sizes + MORE_PHOTOS) / sizes) ** -slopes[:, None]
        shares: np.ndarray = sizes / sizes.sum() * rates * (1 - left)
        return shares

    point = gains(curve.images[None, :], fall)
    drawn = gains(draws, falls)
    ahead = drawn > drawn.mean(axis=1, keepdims=True)
    # By Bonferroni: of ten classes that differ by chance, 95 % for each would often name one.
    surely = 1 - ahead.mean(axis=0) <= (1 - CONFIDENCE) / len(labels)
    best = [row for row in np.argsort(-point[0], kind="stable") if surely[row]][:_NAMED_CLASSES]
    if not best:
        return ClassGains(labels=[], gain=Interval(None, 0.0, 1.0))
    return ClassGains(
        labels=labels[best].tolist(),
        gain=_interval(
            point[:, best].sum(axis=1),
            drawn[:, best].sum(axis=1) + _refits(curve, draws, generator),
        ),
    )


def _refits(curve: LearningCurve, draws: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return what another fit alone changes of the error, (D,): it has other images wrong.

    As many as differ between the fits on half and on all photos are each gained or lost by chance.
    Without it the interval held what hidden photos gave in 3 of 6 draws of the digits.
    """
    changed = draws @ (curve.wrong[:, -2] != curve.wrong[:, -1])
    net = np.sqrt(changed) * generator.standard_normal(len(draws))
    refits: np.ndarray = net / draws.sum(axis=1)
    return refits


def _pooling(errors: np.ndarray, images: np.ndarray) -> float:
    """Return the strength, in images, with which a class's error is drawn to that of all.

    Of a beta distribution of true errors over classes, by its moments; without a sign that classes
    differ it is a hundred times the images.
    """
    mean = errors.sum() / images.sum()
    chance = mean * (1 - mean)
    between = float(np.average((errors / images - mean) ** 2, weights=images))
    beyond = between - chance * len(images) / images.sum()
    largest = 100.0 * float(images.sum())
    return float(np.clip(chance / beyond - 1, 1.0, largest)) if beyond > 0 else largest
