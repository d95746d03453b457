"""Outlook on more photos: where the learning curve of the linear probe leads.

Its errors, out of fold, are a line over doublings of the photos when errors are in logarithms (a
power law). All intervals are of images drawn again; of groups, where these are declared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.stats.effective_images import design_effect, share_interval
from stages.stats.intervals import CONFIDENCE, Interval
from stages.stats.learning_curve import CurveCounts, LearningCurve, count_curve, draw_curves

FACTORS = (2, 4)  # how many times the photos are asked about
MORE_PHOTOS = 20  # of a class, asked about
_NAMED_CLASSES = 3  # at most
_POINTS = 3  # the last of the curve, to which the line is fitted
# Standard deviation of the fall of one doubling that comes on top of the images' chance; it grows
# with the doublings, since a curve that bends leaves its line. Chosen on pets, where the interval
# held the error at twice and four times the photos in 96 and 96 % of 50 draws, and with the same
# spread for every doubling in 96 and 78 %.
_SPREAD = 0.1
_LARGEST_FALL = 1.0  # halves of the error per doubling; no curve of photos was seen to fall faster
# Images, or groups, that the last probe has wrong, below which those drawn again hardly differ:
# with none among 98 images they said .3 % (.3 to .3) of twice as many, where up to 4.4 % may be
# wrong now.
_FEWEST_WRONG = 5


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


_NO_CLASS = ClassGains(labels=[], gain=Interval(None, 0.0, 1.0))


@dataclass(frozen=True, kw_only=True)
class PhotoOutlook:
    """What more photos would do for the linear probe."""

    images: int  # training images
    now: Interval  # error out of fold
    expected: Sequence[ExpectedError]
    classes: ClassGains


def expect_errors(curve: LearningCurve, generator: np.random.Generator) -> PhotoOutlook:
    """Return what more photos would do, by the line through the last points of the curve.

    More photos never harm here: where the curve does not fall, the error stays and the interval of
    the gain begins at zero, as where it ends with hardly any errors.
    """
    now = share_interval(curve.last_wrong(), curve.group_of_images())
    counts = count_curve(curve)
    draws = draw_curves(curve, generator)
    spread = _SPREAD * generator.standard_normal(len(draws.images))
    drawn = _Line(errors=_last_errors(draws), falls=_falls(draws), spread=spread)
    fitted = _Line(errors=_last_errors(counts), falls=_falls(counts), spread=np.zeros(1))
    expected = [_expected(factor, fitted, drawn) for factor in FACTORS]
    classes = _class_gains(curve, (counts, fitted.fall(1)), (draws, drawn.fall(1)), generator)
    if curve.units_wrong() < _FEWEST_WRONG:
        expected = [_unsure(one.factor, now) for one in expected]
        classes = _NO_CLASS
    return PhotoOutlook(images=int(counts.images[0]), now=now, expected=expected, classes=classes)


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


def _falls(counts: CurveCounts) -> np.ndarray:
    """Return how many halves of the error a doubling takes away, (D,): the slope of the line."""
    total = counts.images[:, None]
    logs = np.log2((counts.wrong + 0.5) / (total + 1))[:, -_POINTS:]
    doublings = np.arange(_POINTS) - (_POINTS - 1) / 2
    falls: np.ndarray = -(logs @ doublings) / (doublings**2).sum()
    return falls


def _last_errors(counts: CurveCounts) -> np.ndarray:
    """Return the errors of the probe on the whole share, (D,)."""
    errors: np.ndarray = (counts.wrong[:, -1] + 0.5) / (counts.images + 1)
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
    found: tuple[CurveCounts, np.ndarray],
    drawn: tuple[CurveCounts, np.ndarray],
    generator: np.random.Generator,
) -> ClassGains:
    """Return which classes gain most from MORE_PHOTOS of each, if their errors fall as all do.

    found, drawn: counts with the fall of a doubling, (D,). A class's error is drawn to that of all,
    by how far classes differ beyond chance. The interval of the gain has the chance of another fit
    too.
    """
    labels = curve.classes()
    sizes = found[0].class_images[0]
    strength = _pooling(found[0].class_wrong[0], sizes, _images_a_unit(curve))

    def gains(counts: CurveCounts, slopes: np.ndarray) -> np.ndarray:
        pooled = counts.class_wrong.sum(axis=1, keepdims=True) / counts.images[:, None]
        rates = (counts.class_wrong + strength * pooled) / (counts.class_images + strength)
        left = ((sizes + MORE_PHOTOS) / sizes) ** -slopes[:, None]
        shares: np.ndarray = sizes / sizes.sum() * rates * (1 - left)
        return shares

    point = gains(*found)
    gained = gains(*drawn)
    ahead = gained > gained.mean(axis=1, keepdims=True)
    # By Bonferroni: of ten classes that differ by chance, 95 % for each would often name one.
    surely = 1 - ahead.mean(axis=0) <= (1 - CONFIDENCE) / len(labels)
    best = [row for row in np.argsort(-point[0], kind="stable") if surely[row]][:_NAMED_CLASSES]
    if not best:
        return _NO_CLASS
    return ClassGains(
        labels=labels[best].tolist(),
        gain=_interval(
            point[:, best].sum(axis=1),
            gained[:, best].sum(axis=1) + _refits(drawn[0], generator),
        ),
    )


def _refits(draws: CurveCounts, generator: np.random.Generator) -> np.ndarray:
    """Return what another fit alone changes of the error, (D,): it has other images wrong.

    As many as differ between the fits on half and on all photos are each gained or lost by chance.
    Without it the interval held what hidden photos gave in 3 of 6 draws of the digits.
    """
    net = np.sqrt(draws.refit_variance) * generator.standard_normal(len(draws.images))
    refits: np.ndarray = net / draws.images
    return refits


def _images_a_unit(curve: LearningCurve) -> float:
    """Return how many images are worth one that is independent; 1 without groups."""
    groups = curve.group_of_images()
    return 1.0 if groups is None else design_effect(curve.last_wrong(), groups)


def _pooling(errors: np.ndarray, images: np.ndarray, a_unit: float) -> float:
    """Return the strength, in images, with which a class's error is drawn to that of all.

    Of a beta distribution of true errors over classes, by its moments; without a sign that classes
    differ it is a hundred times the images. a_unit: so many images are worth one.
    """
    mean = errors.sum() / images.sum()
    chance = mean * (1 - mean)
    between = float(np.average((errors / images - mean) ** 2, weights=images))
    beyond = between - chance * a_unit * len(images) / images.sum()
    largest = 100.0 * float(images.sum())
    return float(np.clip((chance / beyond - 1) * a_unit, 1.0, largest)) if beyond > 0 else largest
