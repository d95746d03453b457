"""Shards in processes: one that dies names its photo, which alone is tried once more.

A photo that crashes the decoder twice is rejected like other photos that cannot be decoded. One
that the system ends twice (most often for want of memory) is a fault of the machine.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread
from typing import Never

from tqdm import tqdm

from stages.base.child_process import Death, run_in_processes
from stages.base.errors import UserError
from stages.cluster.cluster import Cluster
from stages.images.decode import Undecodable
from stages.store.encode_cache import EncodeCache
from stages.store.original import Fault
from stages.store.shard import (
    PresizeOutcome,
    ShardTask,
    log_lines_now,
    read_progress,
    write_shard,
)
from stages.store.spread_shards import spread_shards


def run_shards(tasks: Sequence[ShardTask], workers: int | Cluster) -> list[PresizeOutcome]:
    """Write all shards in child processes here or of a cluster; return the outcome of each path.

    What was encoded before a process died is in the cache. There is no limit of time for a photo:
    it would be another on each machine, so that a photo would be rejected here and not there.
    """
    outcomes: list[PresizeOutcome] = []
    left = list(tasks)
    with _progress_bar(tasks, workers) as bar:
        while left:
            dead = []
            for task, result in _results(left, workers, bar):
                if isinstance(result, Death):
                    dead.append((task, result))
                else:
                    outcomes += result
            # Only now, when no other process takes memory.
            left = [_without_its_cause(task, death, outcomes) for task, death in dead]
    return outcomes


def _results(
    tasks: Sequence[ShardTask], workers: int | Cluster, bar: "tqdm[Never]"
) -> Iterator[tuple[ShardTask, list[PresizeOutcome] | Death]]:
    if isinstance(workers, int):
        yield from run_in_processes(write_shard, tasks, workers)
        return
    for task, result in spread_shards(tasks, workers):
        bar.update(0 if isinstance(result, Death) else len(task.items))
        bar.set_postfix_str(workers.state)
        yield task, result


def _without_its_cause(task: ShardTask, death: Death, outcomes: list[PresizeOutcome]) -> ShardTask:
    """Return the task of a process that died, so that it will not die of the same photo again.

    The photo is tried alone. What comes of it is in the cache then, or added to the outcomes.
    """
    sha256, path = _photo_in_work(task)
    if not sha256:
        raise UserError(
            f"a process that wrote {task.shard} died between two photos ({death}); "
            "what is done is kept, so run again: dvc repro"
        )
    alone = replace(task, shard=f"alone-{task.shard}", items=((sha256, path),))
    ((_, result),) = run_in_processes(write_shard, [alone], 1)
    if isinstance(result, Death) and result.crashed:
        refusal = Undecodable("crashed the decoder", str(result))
        EncodeCache(task.cache, alone.log).save(sha256, refusal)
    elif isinstance(result, Death):
        detail = f"{result}, alone in a process of its own too"
        outcomes += [
            PresizeOutcome(path=other, sha256=sha256, fault=Fault.ENDED, detail=detail)
            for content, other in task.items
            if content == sha256
        ]
        task = replace(task, items=tuple(item for item in task.items if item[0] != sha256))
    return replace(task, log_lines=log_lines_now(task))


def _photo_in_work(task: ShardTask) -> tuple[str, str]:
    """Return SHA-256 and path of the photo that a dead process was at, or "" where it was at none.

    At none, too, where the cache has the result: the photo was decoded before the process died.
    """
    _, path = read_progress(task)
    cache = EncodeCache(task.cache, log_lines=log_lines_now(task))
    items = [item for item in task.items if item[1] == path and cache.load(item[0]) is None]
    return items[0] if items else ("", "")


@contextmanager
def _progress_bar(tasks: Sequence[ShardTask], workers: int | Cluster) -> Iterator["tqdm[Never]"]:
    """Show photos done, photos a second and time left.

    They come from the progress files of the shards; a cluster's, which would be read over a
    network, are left alone, and each shard that is done counts.
    """
    stop = Event()
    total = sum(len(task.items) for task in tasks)
    with tqdm(total=total, desc="presize", unit=" photos", disable=None) as bar:

        def update_often() -> None:
            while not bar.disable and not stop.wait(0.5):
                bar.update(sum(read_progress(task)[0] for task in tasks) - bar.n)

        updater = Thread(target=update_often, daemon=True)
        if isinstance(workers, int):
            updater.start()
        try:
            yield bar
            bar.update(total - bar.n)
        finally:
            stop.set()
            if updater.ident:
                updater.join()
