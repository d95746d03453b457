"""What trackers are told of a run, and what becomes of one that fails."""

import json

from stages.track.tracker import GuardedTracker, Numbers, Values, numbers, track
from tests.track.tracked_run import EPOCHS, METRICS

LINES = [json.dumps({"epoch": row}).encode() for row in EPOCHS]
END = json.dumps({"metrics": METRICS}).encode()


class MemoryTracker:
    """A tracker that keeps what it is told, and fails at an epoch if it is asked to."""

    def __init__(self, fails_at: int = 0) -> None:
        """Fail at this epoch."""
        self.fails_at = fails_at
        self.params: dict[str, object] = {}
        self.epochs: list[tuple[int | None, Numbers]] = []
        self.closed: list[bool] = []

    def tell_params(self, params: Values) -> None:
        """Keep params."""
        self.params.update(params)

    def tell_metrics(self, metrics: Numbers, epoch: int | None) -> None:
        """Keep metrics, or fail."""
        if epoch is not None and epoch == self.fails_at:
            raise ConnectionError("the server\nis gone")
        self.epochs.append((epoch, metrics))

    def close(self, finished: bool) -> None:
        """Note how it ended."""
        self.closed.append(finished)


def tell(lines: list[bytes], *trackers: MemoryTracker) -> list[str]:
    """Tell these trackers of a run; return what is logged."""
    logged: list[str] = []
    left = iter(trackers)
    guarded = [GuardedTracker("memory", left.__next__, logged.append) for _ in trackers]
    track(lines, {"seed": 42}, guarded)
    return logged


def test_a_whole_run_is_told() -> None:
    """Numbers of each epoch, then those of the end; what was decided before is a param."""
    tracker = MemoryTracker()
    assert tell([*LINES, END], tracker) == []
    assert [epoch for epoch, _ in tracker.epochs] == [1, 2, 3, None]
    assert tracker.epochs[1][1] == {
        "lr": 0.1, "train_loss": 0.25, "valid_loss": 0.3, "error_rate": 0.125,
    }  # fmt: skip
    assert tracker.epochs[3][1] == {"error_rate": 0.08}
    assert tracker.params == {
        "seed": 42, "base_lr": 0.01, "recipe.name": "deep", "recipe.epochs": 12.0,
        "recipe.flip": False,
    }  # fmt: skip
    assert tracker.closed == [True]


def test_a_run_that_was_ended_is_told_so() -> None:
    """When messages stop before the metrics of the end, the run did not come to its end."""
    tracker = MemoryTracker()
    tell(LINES[:2], tracker)
    assert [epoch for epoch, _ in tracker.epochs] == [1, 2]
    assert tracker.closed == [False]


def test_one_that_fails_is_told_nothing_more_and_the_others_all() -> None:
    """The failure is one line, however many messages follow."""
    failing = MemoryTracker(fails_at=2)
    other = MemoryTracker()
    (line,) = tell([*LINES, END], failing, other)
    assert line == (
        "memory hears no more of this run, which goes on: ConnectionError: the server is gone"
    )
    assert (len(failing.epochs), failing.closed) == (1, [])
    assert (len(other.epochs), other.closed) == (4, [True])


def test_one_that_cannot_start_is_a_line() -> None:
    """A tracker without its server, or without a login, is left out from the start."""
    logged: list[str] = []

    def refuse() -> MemoryTracker:
        raise PermissionError("no login")

    track([*LINES, END], {}, [GuardedTracker("wandb", refuse, logged.append)])
    assert logged == ["wandb hears no more of this run, which goes on: PermissionError: no login"]


def test_numbers_are_told_and_no_words() -> None:
    """Text, nothing, and yes or no are left out."""
    assert numbers({"a": 1, "b": 0.5, "c": "x", "d": None, "e": True}) == {"a": 1, "b": 0.5}
