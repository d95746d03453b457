"""Newcombe's interval: the difference of two proportions that are of different images."""

import math

from stages.stats.intervals import Interval, wilson


def newcombe_interval(hits: int, trials: int, other_hits: int, other_trials: int) -> Interval:
    """Return the first proportion minus the second, with its 95 % interval.

    Method 10 of Newcombe (Statistics in Medicine 17, 1998): the ends of Wilson's two intervals,
    each as far from its proportion, joined as the sides of a right angle. Without images on one
    side it is -1 to 1.
    """
    return join_intervals(wilson(hits, trials), wilson(other_hits, other_trials))


def join_intervals(first: Interval, second: Interval) -> Interval:
    """Return the first proportion minus the second from their two intervals, as above."""
    if first.value is None or second.value is None:
        return Interval(None, -1.0, 1.0)
    difference = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(difference, difference - below, difference + above)
