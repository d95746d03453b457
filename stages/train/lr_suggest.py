"""Suggesting a learning rate: five answers to one curve, their consensus, and when to refuse."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from stages.base.errors import UserError
from stages.stats.metrics_record import TrialRecord

# The param base_lr: a rate, or the answer of the finder.
BaseLr = Literal["find"] | Annotated[float, Field(gt=0, le=10)]
# fastai leaves out the first tenth of the sweep and its last five points.
_SKIPPED_SHARE = 0.1
_SKIPPED_POINTS = 5
# A curve that falls by less than this share of its start has not learned anything. The smoothed
# loss lags: of 19 sweeps of the sample, all of which learn, three show a fall of 4 to 5 %.
_LEAST_FALL = 0.02
# One that falls by less than this many standard errors of its start may be noise: of 2,000 sweeps
# that learn nothing, at most 1 % fall further, whether they take 20 steps or 1,000.
_LEAST_STANDARD_ERRORS = 3.5
# What fine_tune takes when the curve says nothing: fastai's default.
FALLBACK = 2e-3
_FEWEST_POINTS = 10
# The median of the absolute difference of two normal deviates, in standard deviations of one: the
# difference has sqrt(2) times their deviation, and half of it lies inside .6745 of that.
_MEDIAN_DIFFERENCE = 0.6745 * 2**0.5


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """The content of suggestion.json; rates have two digits, so that noise changes nothing."""

    consensus: float
    spread: float  # decades between the answers that it is the mean of
    rules: dict[str, float]  # the answer of each; none without a sweep
    skipped: bool = False  # params.yaml or the recipe names the rate, and no sweep was made
    reason: str | None = None  # why the curve was refused, and the fallback stands in for all
    recipe: str | None = None  # its name
    trial: TrialRecord | None = None  # the one that chose the recipe

    def __str__(self) -> str:
        """Return the suggestion in one sentence."""
        if self.skipped:
            return f"No sweep: fine_tune.base_lr is {self.consensus:g}"
        if self.reason:
            return f"No answer: {self.reason}; fine_tune falls back on {self.consensus:g}"
        answers = ", ".join(f"{name} {lr:g}" for name, lr in self.rules.items())
        return f"Learning rate {self.consensus:g} ({answers}; spread {self.spread} decades)"


def suggest(lrs: np.ndarray, losses: np.ndarray, raw: np.ndarray, steps: int) -> Suggestion:
    """Return all answers to a sweep of so many steps.

    lrs, losses and raw: (N,), the learning rates, the smoothed losses, which every rule reads, and
    the losses as they came, which show the noise.
    """
    first = int(steps * _SKIPPED_SHARE)
    usable = slice(first, -_SKIPPED_POINTS)
    reason = refusal(losses[usable], raw[usable], first + 1)
    if reason:
        rules = dict.fromkeys(RULES, FALLBACK)
        return Suggestion(consensus=FALLBACK, spread=0.0, rules=rules, reason=reason)
    answers = {name: two_digits(rule(lrs[usable], losses[usable])) for name, rule in RULES.items()}
    mean, spread = consensus(answers.values())
    return Suggestion(consensus=mean, spread=spread, rules=answers)


def read_suggestion(path: Path) -> Suggestion:
    """Return the suggestion that a suggestion.json holds."""
    return Suggestion(**json.loads(path.read_bytes()))


def suggestion_from_params(lr: float) -> Suggestion:
    """Return the suggestion where the learning rate is named, and no sweep is made."""
    return Suggestion(consensus=lr, spread=0.0, rules={}, skipped=True)


def refusal(losses: np.ndarray, raw: np.ndarray, averaged: int) -> str | None:
    """Return why a curve gives no answer, or None for one that falls and can be read.

    averaged: how many raw losses are in the first smoothed one.
    """
    if len(losses) < _FEWEST_POINTS:
        return (
            f"the sweep ended after too few steps ({len(losses)} usable, {_FEWEST_POINTS} needed)"
        )
    fall = losses[0] - losses.min()
    share = fall / abs(losses[0])
    if share < _LEAST_FALL:
        shape = "rises from the start" if losses[-1] > losses[0] * 1.05 else "is flat"
        return f"the curve {shape}: the loss falls by {max(share, 0):.1%}, {_LEAST_FALL:.0%} needed"
    least = _LEAST_STANDARD_ERRORS * noise(raw) / averaged**0.5
    if fall < least:
        return f"the curve is too noisy: the loss falls by {fall:.2g}, noise alone by {least:.2g}"
    return None


def noise(raw: np.ndarray) -> float:
    """Return the standard deviation of losses about their trend, from how far neighbours differ.

    By the median, as before it diverges a sweep jumps, and not by chance.
    """
    return float(np.median(np.abs(np.diff(raw))) / _MEDIAN_DIFFERENCE)


def minimum(lrs: np.ndarray, losses: np.ndarray) -> float:
    """Return a tenth of the learning rate where the loss is least."""
    return float(lrs[np.argmin(losses)] / 10)


def decrease(lrs: np.ndarray, losses: np.ndarray) -> float:
    """Return the last learning rate before the minimum where the loss still clearly decreases.

    Clearly: at least half as steeply, per factor of the rate, as where it falls most.
    """
    slopes = np.gradient(losses, np.log(lrs))[: np.argmin(losses) + 1]
    return float(lrs[np.flatnonzero(slopes <= slopes.min() / 2)[-1]])


def steep(lrs: np.ndarray, losses: np.ndarray) -> float:
    """Return the rate where the loss falls most steeply; unsafe alone, as noise leads it."""
    return float(lrs[np.argmin(np.diff(losses) / np.diff(np.log(lrs)))])


def valley(lrs: np.ndarray, losses: np.ndarray) -> float:
    """Return the learning rate in the middle of the longest strictly falling subsequence.

    Its middle, as fastai computes it: a third and half a third along.
    """
    lengths = [1] * len(losses)
    end = 0
    for i in range(1, len(losses)):
        lengths[i] += max((lengths[j] for j in range(i) if losses[j] > losses[i]), default=0)
        if lengths[i] > lengths[end]:
            end = i
    start = end - lengths[end]
    third = (end - start) / 3
    return float(lrs[max(0, start + int(third) + int(third / 2))])


def slide(lrs: np.ndarray, losses: np.ndarray, window: int = 15, least: float = 0.005) -> float:
    """Return the learning rate where a window from the right first has ends of equal gradient.

    window: its width in points; least: a larger difference of the gradients is no equality.
    """
    gradients = np.gradient(losses)
    window = min(window, len(losses) - 1)
    right = len(losses) - 1
    chosen = right - window
    while right - window >= 0 and abs(gradients[right] - gradients[right - window]) > least:
        chosen = right - window
        right -= 1
    return float(lrs[chosen])


RULES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "minimum": minimum,
    "decrease": decrease,
    "steep": steep,
    "valley": valley,
    "slide": slide,
}


def consensus(answers: Iterable[float]) -> tuple[float, float]:
    """Return the mean, in decades, of all answers but the least and the largest; and their range.

    Any one rule may be far off. With a head that starts at zero the loss falls from the first step,
    where valley and slide then stand: at .0002. With a frozen backbone, minimum and decrease lie
    too high: for seven breeds of pets half way between them is .034, which leaves 7.1 % wrong, and
    between the three in the middle .0023; .0012 and .003 leave 1.4 and 2.1 %.

    >>> consensus([1e-9, 0.001, 0.01, 0.1, 0.2])
    (0.01, 2.0)
    """
    middle = np.sort(np.log10(list(answers)))[1:-1]
    return two_digits(float(10 ** middle.mean())), round(float(np.ptp(middle)), 2)


def two_digits(lr: float) -> float:
    """Round to two significant digits.

    >>> two_digits(0.0012345)
    0.0012
    """
    if lr <= 0:
        raise UserError(f"a learning rate must be above 0, not {lr}")
    return round(lr, 1 - int(np.floor(log10(lr))))
