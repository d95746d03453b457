"""Files read by the workers of a cluster, which say what they are; no file's content travels."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, TypeVar

from stages.base.child_process import Death
from stages.base.errors import UserError
from stages.base.packed import PackedFile
from stages.cluster.cluster import Cluster
from stages.cluster.work import Work
from stages.labels.problem import UNREADABLE, Problem

if TYPE_CHECKING:
    from tqdm import tqdm

# A task has so many that asking for it, some milliseconds, is little: 512 pets take 40 ms to read.
_MOST_FILES = 512

Facts = TypeVar("Facts")
Item = TypeVar("Item")
File = TypeVar("File", str, PackedFile)  # a path below the folder, or a file in a tar


def cut_items(items: Sequence[Item], count: int) -> list[Sequence[Item]]:
    """Return the items in parts of so many.

    >>> cut_items(["a", "b", "c"], 2)
    [['a', 'b'], ['c']]
    """
    return [items[start : start + count] for start in range(0, len(items), count)]


def read_on_cluster(
    read: Callable[[Sequence[File]], list[Facts | Problem]],
    known: Path | None,
    files: Sequence[File],
    cluster: Cluster,
    bar: "tqdm[Never]",
) -> list[Facts | Problem]:
    """Return what a function, which must be picklable, says of each file, sorted by them.

    known: one whose content every worker must see, absolute. What a worker cannot read is tried
    elsewhere.
    """
    work: Work[Any, list[Facts | Problem]] = Work(
        function=read,
        arguments=cut_items(files, max(1, min(_MOST_FILES, len(files) // 16))),
        photo=known,
        attempt=lambda task, _: task,
        in_work=lambda task: _path(task[0]) if len(task) == 1 else "",
        unread=_unread,
        split=lambda task: cut_items(task, 1),
    )
    answers = {}
    for task, answer in cluster.run(work):
        if isinstance(answer, Death):
            raise UserError(
                f"a process that read {_path(task[0])} and {len(task) - 1} files after it crashed "
                f"({answer}), which no photo should do; report it"
            )
        answers[task[0]] = answer
        bar.update(len(task))
        bar.set_postfix_str(cluster.state)
    return [result for first in sorted(answers) for result in answers[first]]


def _path(file: str | PackedFile) -> str:
    return file if isinstance(file, str) else file.path


def _unread(answer: Sequence[object]) -> list[str]:
    problems = [result for result in answer if isinstance(result, Problem)]
    return [problem.path for problem in problems if problem.problem == UNREADABLE]
