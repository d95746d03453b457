"""The one-cycle schedule and discriminative learning rates, as pure functions of position."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi

# Momentum falls while the rate rises, and comes back (Smith 2018).
MOMENTUM = (0.95, 0.85)


@dataclass(frozen=True)
class Cycle:
    """One cycle: up to the peak over `pct_start` of it from peak/div, then down to peak/div_final.

    The defaults are fastai's fit_one_cycle.
    """

    pct_start: float = 0.25
    div: float = 25.0
    div_final: float = 1e5


# The two cycles of fastai's fine_tune: the head alone, then the whole model.
FROZEN = Cycle(pct_start=0.99)
UNFROZEN = Cycle(pct_start=0.3, div=5.0)


def cosine(start: float, end: float, position: float) -> float:
    """Go from start to end along half a cosine; positions outside 0..1 stay at the ends."""
    position = min(max(position, 0.0), 1.0)
    return start + (1 + cos(pi * (1 - position))) * (end - start) / 2


def learning_rate(cycle: Cycle, peak: float, position: float) -> float:
    """Return the learning rate at a position from 0 (first step) to 1 (end of the cycle)."""
    if position < cycle.pct_start:
        return cosine(peak / cycle.div, peak, position / cycle.pct_start)
    return cosine(peak, peak / cycle.div_final, _falling(cycle, position))


def momentum(cycle: Cycle, position: float) -> float:
    """Return Adam's first beta at a position: low where the rate is high."""
    high, low = MOMENTUM
    if position < cycle.pct_start:
        return cosine(high, low, position / cycle.pct_start)
    return cosine(low, high, _falling(cycle, position))


def _falling(cycle: Cycle, position: float) -> float:
    return (position - cycle.pct_start) / (1 - cycle.pct_start) if cycle.pct_start < 1 else 1.0


def geometric(low: float, high: float, count: int) -> list[float]:
    """Return rates for groups from the first layers to the head, evenly spaced by factors.

    This is fastai's slice(low, high), often described as linear; it is not.
    """
    if count == 1:
        return [high]
    return [low * (high / low) ** (i / (count - 1)) for i in range(count)]


def frozen_peaks(base_lr: float, count: int) -> list[float]:
    """Return the peaks while the body is frozen, fastai's slice(base_lr): a tenth but the head's.

    Only norm layers of the body may train then.
    """
    return [base_lr / 10] * (count - 1) + [base_lr]


def unfrozen_peaks(base_lr: float, lr_mult: float, count: int) -> list[float]:
    """Return the peaks of the second cycle: half the rate, and lr_mult less in the first layers."""
    return geometric(base_lr / 2 / lr_mult, base_lr / 2, count)


def one_cycle(cycle: Cycle, peaks: Sequence[float], position: float) -> tuple[list[float], float]:
    """Return every group's learning rate, and the momentum, at a position in 0..1."""
    return [learning_rate(cycle, peak, position) for peak in peaks], momentum(cycle, position)
