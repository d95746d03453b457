"""Work to be spread: a function with its arguments, and what a worker's end says of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple

from stages.base.child_process import Answer, Argument


@dataclass(frozen=True, kw_only=True)
class Work(Generic[Argument, Answer]):
    """What is spread: all of it must be picklable, the function one of a module."""

    function: Callable[[Argument], Answer]
    arguments: Sequence[Argument]
    photo: Path | None  # whose content every worker must see
    # What the first, second, ... attempt at a task is given: two of them may run at once.
    attempt: Callable[[Argument, int], Argument]
    # The photo that an attempt was at when its worker ended; "" where that is not known.
    in_work: Callable[[Argument], str]
    # The photos of an answer that the worker could not read, which says nothing of the photos.
    unread: Callable[[Answer], Sequence[str]]
    # What a worker calls before its first task, which takes no work where that fails; by default it
    # imports the function.
    first: tuple[Callable[[Any], None], object] | None = None
    # The parts of a task that are tried one by one once workers have ended at the whole.
    split: Callable[[Argument], Sequence[Argument]] = lambda argument: [argument]


class Failure(NamedTuple):
    """Why a worker could not do a task, and how many it had done before."""

    reason: str
    answers: int


@dataclass
class Task(Generic[Argument]):
    """A task on its way: its argument, and what has gone wrong with it so far."""

    argument: Argument
    attempted: Argument  # the argument of its last attempt
    attempts: int = 0
    ends: Counter[str] = field(default_factory=Counter)  # of workers, by the photo in work
    failed_on: dict[str, Failure] = field(default_factory=dict)  # by the worker that could not
