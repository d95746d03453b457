"""Shards in processes: one that dies names its photo, which alone is tried once more.

A photo that crashes the decoder twice is rejected like other photos that cannot be decoded. One
that the system ends twice (most often for want of memory) is a fault of the machine.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread

from tqdm import tqdm

from stages.base.child_process import Death, run_in_processes
from stages.base.environment import workers as processes_at_hand
from stages.base.errors import RUN_AGAIN, UserError
from stages.cluster.cluster import Cluster
from stages.images.decode import Undecodable
from stages.store.encode_cache import EncodeCache
from stages.store.encode_elsewhere import encode_elsewhere
from stages.store.original import Fault
from stages.store.shard import (
    PresizeOutcome,
    ShardTask,
    log_lines_now,
    read_progress,
    write_shard,
)
from stages.store.spread_shards import photos_under_way, spread_shards

_SECONDS_HERE = 0.5  # between two looks at how far the work is
_SECONDS_ON_A_CLUSTER = 2


def run_shards(tasks: Sequence[ShardTask], workers: int | Cluster) -> list[PresizeOutcome]:
    """Write all shards in child processes here or of a cluster; return the outcome of each path.

    What was encoded before a process died is in the cache. There is no limit of time for a photo:
    it would be another on each machine, so that a photo would be rejected here and not there.
    """
    outcomes: list[PresizeOutcome] = []
    encoded: set[str] = set()
    if not isinstance(workers, int) and workers.scratch:
        tasks, encoded = encode_elsewhere(tasks, workers, workers.scratch)
        workers = processes_at_hand()  # which find all in the cache
    left = list(tasks)
    with _progress_bar(tasks, workers, outcomes):
        while left:
            dead = []
            for task, result in _results(left, workers):
                if isinstance(result, Death):
                    dead.append((task, result))
                else:
                    outcomes += result
            # Only now, when no other process takes memory.
            left = [_without_its_cause(task, death, outcomes) for task, death in dead]
    # What other machines have just encoded is in the cache, and still no reuse of an earlier run.
    return [replace(one, reused=False) if one.sha256 in encoded else one for one in outcomes]


def _results(
    tasks: Sequence[ShardTask], workers: int | Cluster
) -> Iterator[tuple[ShardTask, list[PresizeOutcome] | Death]]:
    if isinstance(workers, int):
        yield from run_in_processes(write_shard, tasks, workers)
        return
    yield from spread_shards(tasks, workers)


def _without_its_cause(task: ShardTask, death: Death, outcomes: list[PresizeOutcome]) -> ShardTask:
    """Return the task of a process that died, so that it will not die of the same photo again.

    The photo is tried alone. What comes of it is in the cache then, or added to the outcomes.
    """
    sha256, path = _photo_in_work(task)
    if not sha256:
        raise UserError(
            f"a process that wrote {task.shard} died between two photos ({death}); "
            f"what is done is kept, so {RUN_AGAIN}"
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
def _progress_bar(
    tasks: Sequence[ShardTask], workers: int | Cluster, outcomes: Sequence[PresizeOutcome]
) -> Iterator[None]:
    """Show photos done, photos a second and time left.

    They come from the progress files of the shards. A cluster's are read over a network: seldom,
    and only those of shards that are being written, beside the outcomes of the others.
    """
    stop = Event()
    total = sum(len(task.items) for task in tasks)
    cluster = None if isinstance(workers, int) else workers
    with tqdm(total=total, desc="presize", unit=" photos", disable=None) as bar:

        def show() -> None:
            if cluster is None:
                done = sum(read_progress(task)[0] for task in tasks)
            else:
                done = len(outcomes) + photos_under_way(tasks[0].scratch)
                bar.set_postfix_str(cluster.state, refresh=False)
            bar.update(done - bar.n)

        def show_often() -> None:
            while not stop.wait(_SECONDS_ON_A_CLUSTER if cluster else _SECONDS_HERE):
                show()

        updater = Thread(target=show_often, daemon=True)
        if tasks and not bar.disable:
            updater.start()
        try:
            yield
            bar.update(total - bar.n)
        finally:
            stop.set()
            if updater.ident:
                updater.join()
