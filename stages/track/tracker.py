"""Trackers: programs that keep params and metrics of runs, each behind the same three calls."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias

from stages.base.params import YamlValue
from stages.compare.dvc_lock import flatten_params
from stages.train.tracking import TrackingMessage

Values: TypeAlias = Mapping[str, YamlValue]
Numbers: TypeAlias = Mapping[str, float]
# Of the metrics of the end, what was decided before training: a param to a tracker.
_DECIDED = ("recipe.", "base_lr")


class Tracker(Protocol):
    """A run in the store of one program."""

    def tell_params(self, params: Values) -> None:
        """Note params by their dotted names; some at the start, some at the end."""

    def tell_metrics(self, metrics: Numbers, epoch: int | None) -> None:
        """Note metrics of an epoch, or with None those of the end."""

    def close(self, finished: bool, /) -> None:
        """End the run; finished: whether training came to its end."""


class GuardedTracker:
    """A tracker whose first failure is logged, and which is told nothing after it."""

    def __init__(self, name: str, start: Callable[[], Tracker], log: Callable[[str], None]) -> None:
        """Start the tracker of this name."""
        self._name = name
        self._log = log
        self._tracker: Tracker | None = None
        self._guard(lambda: setattr(self, "_tracker", start()))

    def tell(self, call: Callable[[Tracker], None]) -> None:
        """Let it do something, unless it has failed before."""
        tracker = self._tracker
        if tracker is not None:
            self._guard(lambda: call(tracker))

    def _guard(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            self._tracker = None
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            self._log(f"{self._name} hears no more of this run, which goes on: {reason}")


def track(lines: Iterable[bytes], params: Values, trackers: Sequence[GuardedTracker]) -> None:
    """Tell trackers the params, then each message, a line of JSON, until there is none."""
    finished = False
    tell_all(trackers, lambda tracker: tracker.tell_params(params))
    for line in lines:
        finished |= tell_message(trackers, json.loads(line))
    tell_all(trackers, lambda tracker: tracker.close(finished))


def tell_message(trackers: Sequence[GuardedTracker], message: TrackingMessage) -> bool:
    """Tell what a message holds; return whether it is the end."""
    if "epoch" in message:
        tell_epoch(trackers, message["epoch"])
    if "metrics" in message:
        tell_end(trackers, flatten_params(message["metrics"]))
    return "metrics" in message


def tell_all(trackers: Sequence[GuardedTracker], call: Callable[[Tracker], None]) -> None:
    """Let each tracker do something."""
    for tracker in trackers:
        tracker.tell(call)


def tell_epoch(trackers: Sequence[GuardedTracker], row: Mapping[str, object]) -> None:
    """Tell the numbers of a row of the history."""
    metrics = numbers(row)
    epoch = int(metrics.pop("epoch"))
    tell_all(trackers, lambda tracker: tracker.tell_metrics(metrics, epoch))


def tell_end(trackers: Sequence[GuardedTracker], values: Values) -> None:
    """Tell the metrics of the end, and as params what was decided before training."""
    decided = {name: value for name, value in values.items() if name.startswith(_DECIDED)}
    metrics = numbers({name: value for name, value in values.items() if name not in decided})
    tell_all(trackers, lambda tracker: tracker.tell_params(decided))
    tell_all(trackers, lambda tracker: tracker.tell_metrics(metrics, None))


def numbers(values: Mapping[str, object]) -> dict[str, float]:
    """Return the values that are numbers.

    >>> numbers({"epoch": 1, "phase": "frozen", "flip": True, "lr": 0.1})
    {'epoch': 1, 'lr': 0.1}
    """
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
