"""The one-cycle schedule and discriminative learning rates, as pure functions of position."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi

# Momentum falls while the learning rate rises, and comes back (Smith 2018).
_HIGH_MOMENTUM = 0.95
_LOW_MOMENTUM = 0.85


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One cycle: up to the peak over `pct_start` of it from peak/div, then down to peak/div_final.

    The defaults are those of fastai's fit_one_cycle.
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


def cycle_lr(cycle: Cycle, peak: float, position: float) -> float:
    """Return the learning rate at a position from 0 (first step) to 1 (end of the cycle)."""
    if position < cycle.pct_start:
        return cosine(peak / cycle.div, peak, position / cycle.pct_start)
    return cosine(peak, peak / cycle.div_final, _position_in_fall(cycle, position))


def cycle_momentum(cycle: Cycle, position: float) -> float:
    """Return the momentum, Adam's first beta, at a position: low where the rate is high."""
    if position < cycle.pct_start:
        return cosine(_HIGH_MOMENTUM, _LOW_MOMENTUM, position / cycle.pct_start)
    return cosine(_LOW_MOMENTUM, _HIGH_MOMENTUM, _position_in_fall(cycle, position))


def _position_in_fall(cycle: Cycle, position: float) -> float:
    """Return the position from 0 (the peak) to 1 (end of the cycle)."""
    return (position - cycle.pct_start) / (1 - cycle.pct_start) if cycle.pct_start < 1 else 1.0


def geometric_lrs(low: float, high: float, groups: int) -> list[float]:
    """Return learning rates from the first layers to the head, evenly spaced by factors.

    This is fastai's slice(low, high), often described as linear; it is not.
    """
    if groups == 1:
        return [high]
    return [low * (high / low) ** (i / (groups - 1)) for i in range(groups)]


def frozen_peaks(base_lr: float, groups: int) -> list[float]:
    """Return the peaks while the backbone is frozen: the head has base_lr, the others a tenth.

    This is fastai's slice(base_lr). Only norm layers of the backbone may train then.
    """
    return [base_lr / 10] * (groups - 1) + [base_lr]


def unfrozen_peaks(base_lr: float, lr_mult: float, groups: int) -> list[float]:
    """Return the peaks of the second cycle: half of base_lr, lr_mult less in the first layers."""
    return geometric_lrs(base_lr / 2 / lr_mult, base_lr / 2, groups)


def one_cycle(cycle: Cycle, peaks: Sequence[float], position: float) -> tuple[list[float], float]:
    """Return the learning rate of every layer group, and the momentum, at a position in 0..1."""
    return [cycle_lr(cycle, peak, position) for peak in peaks], cycle_momentum(cycle, position)
