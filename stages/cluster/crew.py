"""Crew: the workers of an engine, and which of them may take work of a run.

A worker is asked for its facts before it is given anything. One that differs, or that cannot read
what others can, takes no work, and is named.
"""

from collections import Counter
from collections.abc import Callable, Collection
from time import monotonic

from stages.base.errors import UserError, error_list
from stages.cluster.engine import Engine
from stages.cluster.work import Failure

SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_WITHOUT_WORKERS = 20
# Of a worker that is there, whose child process imports the source, from a cold network folder
# perhaps: on a machine with ten times as much to do as cores that took longer than 20 s.
_SECONDS_TO_ANSWER = 300
_MOST_ENDS = 3  # of one worker while it is asked


class Crew:
    """The workers at hand: asked, proven, or barred with a reason."""

    def __init__(self, engine: Engine, log: Callable[[str], None]) -> None:
        """Begin with none; log is told of each worker that is barred."""
        self.slots: dict[str, int] = {}
        self.barred: dict[str, str] = {}
        self._proven: set[str] = set()
        self._asked: set[str] = set()
        self._keepers: dict[str, str] = {}  # of each worker ever seen
        self._barred_keepers: dict[str, str] = {}  # with the reason
        self._ends: Counter[str] = Counter()  # of each keeper's workers while they were asked
        self._answers: Counter[str] = Counter()  # of each worker
        self._suspects: set[str] = set()  # whose next task tells whether they are barred
        self._engine = engine
        self._log = log
        self._last_look = 0.0
        self._last_at_hand = monotonic()

    def look(self, now: bool = False) -> None:
        """Look which workers there are, not more often than makes sense unless it must be now."""
        if not now and monotonic() - self._last_look < SECONDS_BETWEEN_LOOKS:
            return
        self.slots = self._engine.slots()
        self._last_look = monotonic()
        self._asked &= set(self.slots)
        for worker in self.slots.keys() - self._keepers.keys():
            self._keepers[worker] = self._engine.keeper(worker)
            if reason := self._barred_keepers.get(self._keepers[worker]):
                self.barred[worker] = reason

    def at_hand(self) -> list[str]:
        """Return the workers that may take work."""
        return [worker for worker in self.slots if worker in self._proven - set(self.barred)]

    def candidates(self) -> set[str]:
        """Return the workers that may take work, or may turn out so."""
        return set(self.slots) - set(self.barred)

    def unasked(self) -> list[str]:
        """Return the workers that are still to be asked for their facts."""
        known = self._proven | self._asked | set(self.barred)
        return [worker for worker in self.slots if worker not in known]

    def asked(self, worker: str) -> None:
        """Note that a worker is asked."""
        self._asked.add(worker)

    def ask_again(self, worker: str, what: str) -> None:
        """Note that a worker ended before it answered; one that does so each time is barred.

        That holds for one that is started anew under another name too.
        """
        self._asked.discard(worker)
        keeper = self._keepers.get(worker, worker)
        self._ends[keeper] += 1
        if self._ends[keeper] >= _MOST_ENDS:
            self.bar(worker, f"it ended {_MOST_ENDS} times before it answered ({what})")

    def prove(self, worker: str) -> None:
        """Note that a worker's facts are those of this machine."""
        self._asked.discard(worker)
        self._proven.add(worker)

    def bar(self, worker: str, reason: str) -> None:
        """Give a worker no more work, and say why."""
        self._asked.discard(worker)
        if worker not in self.barred:
            self.barred[worker] = reason
            self._barred_keepers[self._keepers.get(worker, worker)] = reason
            self._log(f"worker {worker} takes no work: {reason}")

    def answered(self, worker: str) -> None:
        """Note that a worker has done a task."""
        self._answers[worker] += 1
        self._suspects.discard(worker)

    def failed(self, worker: str, reason: str) -> Failure:
        """Note that a worker could not do a task; one that was suspected already is barred."""
        if worker in self._suspects and self.candidates() != {worker}:
            self.bar(worker, reason)
        return Failure(reason, self._answers[worker])

    def suspect(self, worker: str, failure: Failure, at_work: bool) -> None:
        """Note that others have done what a worker could not: a fault of its own, it seems.

        An outage may have hit each worker at another task. So one that has done a task since is
        able, what it is at work on is waited for, and the last one is never barred.
        """
        if self._answers[worker] > failure.answers or self.candidates() == {worker}:
            return
        if at_work:
            self._suspects.add(worker)
        else:
            self.bar(worker, failure.reason)

    def require_some(self) -> None:
        """Refuse to wait for ever where no worker can take work, with the reasons of all."""
        if self.at_hand():
            self._last_at_hand = monotonic()
            return
        waited = monotonic() - self._last_at_hand
        all_barred = self.slots and not self._proven and not self.candidates()
        some_known = self._asked or self._proven  # which may have died, and are started again
        patience = _SECONDS_TO_ANSWER if some_known else _SECONDS_WITHOUT_WORKERS
        if all_barred or waited > patience:
            raise self._nobody()

    def _nobody(self) -> UserError:
        address = self._engine.address
        workers = self.slots or self.barred  # those that have gone, where there is none
        if not workers:
            return UserError(
                f"FINETRACK_EXECUTOR: the scheduler at {address} has no worker; start one on each "
                f"machine ({self._engine.worker_command}), or unset the variable to work here"
            )
        return error_list(
            f"FINETRACK_EXECUTOR: no worker of {address} can take work; each must see this folder "
            "and the photos at the same path, with the same source and packages:",
            [f"{worker}: {self.barred.get(worker, 'no answer')}" for worker in workers],
        )


def least_busy(workers: Collection[str], slots: dict[str, int], busy: Collection[str]) -> list[str]:
    """Return the workers with a free slot, those with most of their slots free first."""
    counts = {worker: list(busy).count(worker) for worker in workers}
    free = [worker for worker in workers if counts[worker] < slots[worker]]
    return sorted(free, key=lambda worker: (counts[worker] / slots[worker], worker))
