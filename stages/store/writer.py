"""Photos into the presized store: a task for each shard, in parallel, through the encode cache."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from threading import Event, Thread

import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from stages.base.errors import UserError, error_list
from stages.base.files import unwritable, write_csv, write_json
from stages.base.stage_lock import file_lock
from stages.images.encode import encoder_key
from stages.images.resize import PresizeParams
from stages.store.encode_cache import EncodeCache, read_logs
from stages.store.reader import FORMAT_FILE, INDEX_COLUMNS, INDEX_FILE, format_of_store, shard_name
from stages.store.shard import PresizeOutcome, ShardTask, read_progress, write_shard


def write_store(
    images: pd.DataFrame,
    photos: Path,
    folder: Path,
    private: Path,
    params: PresizeParams,
    workers: int,
) -> pd.DataFrame:
    """Presize every photo of a manifest (path, sha256) into a store; return their outcomes.

    The result has the columns of PresizeOutcome, one row per photo, sorted by path. Encoded photos
    are cached under `private`, so the next run encodes only new ones and a killed one continues.
    """
    cache = private / encoder_key(params)
    with _only_writer(private), _scratch(private) as scratch:
        tasks = _shard_tasks(images, photos, params, cache, scratch)
        _clear(folder)
        rows = map(vars, _run_tasks(tasks, workers))
        outcomes = pd.DataFrame(rows, columns=list(PresizeOutcome.__annotations__))
        outcomes = outcomes.sort_values("path", ignore_index=True)
        _publish(tasks, outcomes, folder, params)
        EncodeCache(cache).prune(set(images["sha256"]), {task.log for task in tasks})
    return outcomes


def shard_of(sha256: str, shards: int) -> int:
    """Return the shard that an image belongs to: its content decides, so no other one moves it.

    >>> [shard_of(digit * 64, 16) for digit in "08f"]
    [0, 8, 15]
    """
    return int(sha256[:8], 16) * shards >> 32


def _shard_tasks(
    images: pd.DataFrame, photos: Path, params: PresizeParams, cache: Path, scratch: Path
) -> list[ShardTask]:
    items = sorted(zip(images["sha256"], images["path"], strict=True))
    log_lines = read_logs(cache)
    tasks = []
    for number, group in groupby(items, lambda item: shard_of(item[0], params.shards)):
        shard_items = tuple(group)
        task = ShardTask(
            shard=shard_name(number),
            items=shard_items,
            photos=photos,
            params=params,
            cache=cache,
            log_lines={
                sha256: log_lines[sha256] for sha256, _ in shard_items if sha256 in log_lines
            },
            scratch=scratch,
        )
        tasks.append(task)
    return tasks


def _run_tasks(tasks: Sequence[ShardTask], workers: int) -> list[PresizeOutcome]:
    """Run all tasks; the one place where work is spread, over processes here."""
    try:
        with _progress_bar(tasks):
            shards = Parallel(n_jobs=workers, batch_size=1)(
                delayed(write_shard)(task) for task in tasks
            )
    except BrokenProcessPool:
        raise _worker_died(tasks) from None
    return [outcome for shard in shards for outcome in shard]


def _worker_died(tasks: Sequence[ShardTask]) -> UserError:
    paths = [path for task in tasks for _, path in [read_progress(task)] if path]
    return error_list(
        "a worker died, most often for want of memory (FINETRACK_WORKERS=1 needs least); "
        "what is done is kept, so run again: dvc repro. The workers were at:",
        paths or ["no photo (each was between two)"],
    )


@contextmanager
def _progress_bar(tasks: Sequence[ShardTask]) -> Iterator[None]:
    """Show photos done, photos a second and time left, from the workers' progress files."""
    stop = Event()
    total = sum(len(task.items) for task in tasks)
    with tqdm(total=total, desc="presize", unit=" photos", disable=None) as bar:

        def update_often() -> None:
            while not bar.disable and not stop.wait(0.5):
                bar.update(sum(read_progress(task)[0] for task in tasks) - bar.n)

        updater = Thread(target=update_often, daemon=True)
        updater.start()
        try:
            yield
            bar.update(total - bar.n)
        finally:
            stop.set()
            updater.join()


def _publish(
    tasks: Sequence[ShardTask], outcomes: pd.DataFrame, folder: Path, params: PresizeParams
) -> None:
    """Move the shards to their place; the file without which nobody reads them comes last."""
    try:
        for task in tasks:
            if task.unfinished.exists():
                shutil.move(task.unfinished, folder / task.shard)
    except OSError as error:
        raise unwritable(folder, error) from None
    write_csv(folder / INDEX_FILE, outcomes.loc[outcomes["problem"] == "", INDEX_COLUMNS])
    write_json(folder / FORMAT_FILE, format_of_store(params.format, params.size))


def _clear(folder: Path) -> None:
    """Remove an earlier store, and nothing else; refuse a folder that cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in [folder / FORMAT_FILE, folder / INDEX_FILE, *folder.glob("shard-*.tar")]:
            file.unlink(missing_ok=True)
        (folder / FORMAT_FILE).touch()
        (folder / FORMAT_FILE).unlink()
    except OSError as error:
        raise unwritable(folder, error) from None


@contextmanager
def _scratch(private: Path) -> Iterator[Path]:
    """Create a folder for unfinished files of this run, which workers of other runs never use."""
    for leftover in private.glob("run-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # The time too, since in containers every run has the same process id; logs carry the name.
    folder = private / f"run-{os.getpid()}-{time.time_ns()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _only_writer(private: Path) -> Iterator[None]:
    """Lock the cache for this process: two that prune and fill it at once would lose results."""
    with ExitStack() as stack:
        try:
            private.mkdir(parents=True, exist_ok=True)
            owner = f"presize (process {os.getpid()})"
            stack.enter_context(file_lock(private / "lock", owner, lambda _: _at_work(private)))
        except OSError as error:
            raise unwritable(private, error) from None
        yield


def _at_work(private: Path) -> UserError:
    return UserError(
        f"another presize is at work here ({private / 'lock'} is held); "
        "wait until it has finished, or stop it"
    )
