"""Shards written by the workers of a cluster, each attempt in a folder of its own.

Two attempts at one shard may run at once, since a worker that seems to be gone may only have lost
its network. So each has its own unfinished file, log and progress file, and those of the attempt
that answered get the shard's names.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from stages.base.bucket import Bucket
from stages.base.child_process import Death
from stages.base.packed import Packed
from stages.base.system_errors import unwritable
from stages.cluster.cluster import Cluster
from stages.cluster.work import Work
from stages.store.original import Fault
from stages.store.shard import (
    PresizeOutcome,
    ShardTask,
    log_lines_now,
    progress_in,
    read_progress,
    write_shard,
)


def spread_shards(
    tasks: Sequence[ShardTask], cluster: Cluster
) -> Iterator[tuple[ShardTask, list[PresizeOutcome] | Death]]:
    """Yield each shard with its outcomes, or the death of the process that wrote it.

    No pixels travel: a worker reads photos and writes the shard where all see it.
    """
    work = Work(
        function=write_shard,
        arguments=[_absolute(task) for task in tasks],
        photo=_known_photo(tasks),
        attempt=_attempt,
        in_work=lambda attempt: read_progress(attempt)[1],
        unread=_unread,
    )
    for attempt, result in cluster.run(work):
        if isinstance(result, Death):
            attempt.unfinished.unlink(missing_ok=True)
        yield _adopt(attempt), result


def photos_under_way(scratch: Path) -> int:
    """Return how many photos of the shards that have not answered yet are done.

    Of two attempts at one shard that counts which is further. Only their files are read, one a
    worker.
    """
    answered = {file.name for file in scratch.glob("*.progress")}
    done: dict[str, int] = {}
    for file in scratch.glob(f"{scratch.name}-*/*.progress"):
        if file.name not in answered:  # which a worker that ended, or was given up, may have left
            done[file.name] = max(done.get(file.name, 0), progress_in(file)[0])
    return sum(done.values())


def _absolute(task: ShardTask) -> ShardTask:
    return replace(
        task,
        photos=task.photos if isinstance(task.photos, Bucket) else task.photos.absolute(),
        cache=task.cache.absolute(),
        scratch=task.scratch.absolute(),
    )


def _known_photo(tasks: Sequence[ShardTask]) -> Path | None:
    """Return a file of the tasks that is there; where none is, each will be named.

    Of tars it is the smallest that the first shard needs. A bucket's is not asked for: it costs a
    request of every worker, and one that may not read the bucket says so at its first shard.
    """
    packed = next((task.photos for task in tasks if isinstance(task.photos, Packed)), None)
    if packed:
        return packed.absolute().smallest_tar()
    files = (task.photos / path for task in tasks for _, path in task.items)
    photos = (file.absolute() for file in files if isinstance(file, Path))
    return next((photo for photo in photos if photo.is_file()), None)


def _attempt(task: ShardTask, number: int) -> ShardTask:
    """Return the task with a folder of its own, and with what earlier attempts have cached."""
    folder = task.scratch / f"{task.scratch.name}-{number}"
    try:
        folder.mkdir(exist_ok=True)
        task.progress_file.unlink(missing_ok=True)  # of a process that crashed at this shard
    except OSError as error:
        raise unwritable(folder, error) from None
    known = task.log_lines if number == 1 else log_lines_now(task)
    return replace(task, scratch=folder, log_lines=known)


def _adopt(attempt: ShardTask) -> ShardTask:
    """Give the files of an attempt the names of its shard; return the shard's task."""
    task = replace(attempt, scratch=attempt.scratch.parent)
    moves = [
        (attempt.unfinished, task.unfinished),
        (attempt.progress_file, task.progress_file),
        (attempt.cache / "logs" / attempt.log, task.cache / "logs" / task.log),
    ]
    for source, target in moves:
        with suppress(FileNotFoundError):  # no photo of the shard is stored, or none is in a log
            source.replace(target)
    return task


def _unread(outcomes: Sequence[PresizeOutcome]) -> list[str]:
    return [outcome.path for outcome in outcomes if outcome.fault == Fault.UNREADABLE]
