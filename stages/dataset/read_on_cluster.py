"""Files read by the workers of a cluster, which say what they are; no file's content travels."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, TypeVar

from stages.base.child_process import Death
from stages.base.errors import UserError
from stages.cluster.cluster import Cluster
from stages.cluster.work import Work
from stages.labels.problem import UNREADABLE, Problem

if TYPE_CHECKING:
    from tqdm import tqdm

# A task has so many that asking for it, some milliseconds, is little: 512 pets take 40 ms to read.
_MOST_PATHS = 512

Facts = TypeVar("Facts")


def cut_paths(paths: Sequence[str], count: int) -> list[Sequence[str]]:
    """Return the paths in parts of so many.

    >>> cut_paths(["a", "b", "c"], 2)
    [['a', 'b'], ['c']]
    """
    return [paths[start : start + count] for start in range(0, len(paths), count)]


def read_on_cluster(
    read: Callable[[Sequence[str]], list[Facts | Problem]],
    root: Path,
    paths: Sequence[str],
    cluster: Cluster,
    bar: "tqdm[Never]",
) -> list[Facts | Problem]:
    """Return what a function, which must be picklable, says of each path, in their order.

    root: the folder of the paths, absolute. A file that a worker cannot read is tried elsewhere.
    """
    work: Work[Any, list[Facts | Problem]] = Work(
        function=read,
        arguments=cut_paths(paths, max(1, min(_MOST_PATHS, len(paths) // 16))),
        photo=next((root / path for path in paths if (root / path).is_file()), None),
        attempt=lambda task, _: task,
        in_work=lambda task: task[0] if len(task) == 1 else "",
        unread=_unread,
        split=lambda task: cut_paths(task, 1),
    )
    answers = {}
    for task, answer in cluster.run(work):
        if isinstance(answer, Death):
            raise UserError(
                f"a process that read {task[0]} and {len(task) - 1} files after it crashed "
                f"({answer}), which no photo should do; report it"
            )
        answers[task[0]] = answer
        bar.update(len(task))
        bar.set_postfix_str(cluster.state)
    return [result for first in sorted(answers) for result in answers[first]]


def _unread(answer: Sequence[object]) -> list[str]:
    problems = [result for result in answer if isinstance(result, Problem)]
    return [problem.path for problem in problems if problem.problem == UNREADABLE]
