"""Spreading work over the workers of an engine, so that a machine's fault costs no photo.

A task whose worker ends, or cannot read a photo, is tried elsewhere; what fails everywhere ends the
run with its name. Who has which task is decided here and not by the engine, which knows neither
whom to spare nor which photo was in work: Dask alone gives up a task at the fourth end of workers.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pickle import loads
from typing import Any, Generic

from stages.base.child_process import Answer, Argument, Death
from stages.base.errors import RUN_AGAIN, UserError
from stages.base.plural import count_noun, join_names
from stages.cluster import on_worker
from stages.cluster.crew import SECONDS_BETWEEN_LOOKS, Crew, least_busy
from stages.cluster.engine import Engine, Finished
from stages.cluster.task_server import do_nothing, payload_of
from stages.cluster.work import Task, Work

_MOST_ENDS = 3  # of workers at one photo, or at a task of many before each is tried alone
_MOST_ENDS_UNNAMED = 10  # of workers at one task, each time at no photo that is known
_MOST_TRIES = 3  # of workers that could not do a task


class Spread(Generic[Argument, Answer]):
    """One piece of work on its way through the workers."""

    def __init__(
        self,
        engine: Engine,
        work: Work[Argument, Answer],
        run: Mapping[str, Any],
        log: Callable[[str], None],
    ) -> None:
        """Take the work; log is told of every fault of a worker."""
        self._engine = engine
        self._work = work
        self._run = run
        self._log = log
        self._crew = Crew(engine, log)
        self._waiting = deque(Task(argument, argument) for argument in work.arguments)
        self._running: dict[str, tuple[str, Task[Argument] | None]] = {}
        self.ends = 0  # of workers, so far

    @property
    def state(self) -> str:
        """The workers in a few words, for a progress bar."""
        parts = [count_noun(len(self._crew.at_hand()), "worker")]
        parts += [f"{len(self._crew.barred)} barred"] if self._crew.barred else []
        parts += [f"{self.ends} ended"] if self.ends else []
        return ", ".join(parts)

    def results(self) -> Iterator[tuple[Argument, Answer | Death]]:
        """Yield what each attempt was given with its answer, as they come.

        A child process that crashed, as its own code does, is an answer too.
        """
        try:
            while self._waiting or any(task for _, task in self._running.values()):
                self._crew.look()
                self._give_up_lost()
                self._submit()
                self._crew.require_some()
                for one in self._engine.finished(SECONDS_BETWEEN_LOOKS):
                    yield from self._take(one)
        finally:
            self._engine.cancel(list(self._running))

    def _submit(self) -> None:
        """Ask new workers for their facts, and give a task to each free slot of the others."""
        for worker in self._crew.unasked():
            self._crew.asked(worker)
            payload = payload_of(*(self._work.first or (do_nothing, self._work.function)))
            self._running[self._engine.submit(worker, self._run, payload)] = (worker, None)
        while self._waiting and (free := self._free_worker()):
            task = self._next_for(free)
            task.attempts += 1
            task.attempted = self._work.attempt(task.argument, task.attempts)
            payload = payload_of(self._work.function, task.attempted)
            self._running[self._engine.submit(free, self._run, payload)] = (free, task)

    def _free_worker(self) -> str | None:
        busy = [worker for worker, _ in self._running.values()]
        free = least_busy(self._crew.at_hand(), self._crew.slots, busy)
        wanted = [w for w in free if any(self._may_take(w, task) for task in self._waiting)]
        return next(iter(wanted), None)

    def _may_take(self, worker: str, task: Task[Argument]) -> bool:
        """Return whether a worker has not failed at this task, unless all have."""
        return worker not in task.failed_on or task.failed_on.keys() >= self._crew.candidates()

    def _next_for(self, worker: str) -> Task[Argument]:
        task = next(task for task in self._waiting if self._may_take(worker, task))
        self._waiting.remove(task)
        return task

    def _give_up_lost(self) -> None:
        """Take back what was given to workers that are not there any more."""
        lost = [key for key, (worker, _) in self._running.items() if worker not in self._crew.slots]
        self._engine.cancel(lost)
        for key in lost:
            self._ended(*self._running.pop(key), "it is not there any more")

    def _take(self, finished: Finished) -> Iterator[tuple[Argument, Answer | Death]]:
        """Yield the answer of what has finished, or see that it is tried again."""
        worker, task = self._running.pop(finished.key)
        if finished.answer is None:
            self._failed_in_engine(worker, task, finished)
            return
        kind, content = finished.answer
        if kind == on_worker.REFUSED:
            self._crew.bar(worker, content.decode())
            self._put_back(task)
        elif task is None:
            self._take_facts(worker, kind, content)
        elif kind == on_worker.ANSWERED:
            yield from self._take_answer(worker, task, loads(content))  # noqa: S301 - a worker's
        elif kind == on_worker.RAISED:
            self._take_error(worker, task, loads(content))  # noqa: S301 - a worker's
        elif kind == on_worker.ENDED and (death := Death(int(content))).crashed:
            yield task.attempted, death
        else:
            self._ended(worker, task, f"{_words(kind, content)} of its child process")

    def _failed_in_engine(
        self, worker: str, task: Task[Argument] | None, finished: Finished
    ) -> None:
        self._crew.look(now=True)  # which ends the run where the scheduler is gone
        if task is None and worker in self._crew.slots and not finished.replaced:
            self._crew.bar(worker, finished.failure)
        else:
            self._ended(worker, task, finished.failure)

    def _take_facts(self, worker: str, kind: bytes, content: bytes) -> None:
        if kind == on_worker.ANSWERED:
            self._crew.prove(worker)
        elif kind == on_worker.RAISED:
            self._crew.bar(worker, str(loads(content)))  # noqa: S301 - a worker's
        else:
            self._crew.ask_again(worker, f"{_words(kind, content)} of its child process")

    def _take_answer(
        self, worker: str, task: Task[Argument], answer: Answer
    ) -> Iterator[tuple[Argument, Answer | Death]]:
        unread = self._work.unread(answer)
        if not unread:
            self._crew.answered(worker)
            at_work = {other for other, _ in self._running.values()}
            for other, failure in sorted(task.failed_on.items()):
                self._crew.suspect(other, failure, other in at_work)
        elif self._try_elsewhere(worker, task, "it cannot read photos that others read"):
            return
        else:
            workers = join_names(sorted(task.failed_on))
            self._log(f"{join_names(unread, count=3)} cannot be read by {workers}")
        yield task.attempted, answer

    def _take_error(self, worker: str, task: Task[Argument], error: Exception) -> None:
        line, *more = error.args
        if not self._try_elsewhere(worker, task, f"it fails where others do not: {line}"):
            raise UserError(f"worker {worker}: {line}", *more)

    def _try_elsewhere(self, worker: str, task: Task[Argument], reason: str) -> bool:
        """Put a task back that a worker could not do, where another one may be able to."""
        task.failed_on[worker] = self._crew.failed(worker, reason)
        others = self._crew.candidates() - task.failed_on.keys()
        if not others or len(task.failed_on) >= _MOST_TRIES:
            return False
        self._put_back(task)
        return True

    def _ended(self, worker: str, task: Task[Argument] | None, what: str) -> None:
        """Put a task back whose worker has ended, unless it ends workers itself."""
        if task is None:
            self._crew.ask_again(worker, what)
            return
        self.ends += 1
        self._log(f"worker {worker} ended ({what}); its task is tried elsewhere")
        photo = self._work.in_work(task.attempted)
        task.ends[photo] += 1
        if photo and task.ends[photo] >= _MOST_ENDS:
            raise UserError(
                f"{photo}: {_MOST_ENDS} workers ended while they worked on it, the last "
                f"{worker} ({what}); give the workers more memory, or remove the photo. What is "
                "done is kept"
            )
        if task.ends[""] >= _MOST_ENDS_UNNAMED:
            raise UserError(
                f"{_MOST_ENDS_UNNAMED} workers ended at one task, the last {worker} ({what}); "
                f"see its log. What is done is kept: {RUN_AGAIN}"
            )
        self._put_back(task)

    def _put_back(self, task: Task[Argument] | None) -> None:
        if task is None:
            return
        parts = self._work.split(task.argument) if task.ends.total() >= _MOST_ENDS else []
        if len(parts) < 2:
            self._waiting.appendleft(task)
            return
        # Their ends are counted anew: no photo is blamed for a worker that ended at another.
        for part in parts:
            own = replace(task, argument=part, ends=Counter(), failed_on=dict(task.failed_on))
            self._waiting.appendleft(own)


def _words(kind: bytes, content: bytes) -> str:
    """Return how a child process ended, in words."""
    return str(Death(int(content))) if kind == on_worker.ENDED else "the end"
