"""Photos into the presized store: one task a shard, in parallel, reusing what was made before."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from threading import Event, Thread

import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from stages.base.errors import UserError, error_list
from stages.base.files import unwritable, write_csv, write_json
from stages.images.encode import encoder_key
from stages.images.resize import PresizeParams
from stages.store.encode_cache import EncodeCache, read_logs
from stages.store.reader import FORMAT, FORMAT_NAME, INDEX_COLUMNS, INDEX_NAME, VERSION, shard_name
from stages.store.shard import PresizeOutcome, ShardTask, read_note, write_shard


def write_store(
    images: pd.DataFrame,
    photos: Path,
    folder: Path,
    private: Path,
    params: PresizeParams,
    workers: int,
) -> pd.DataFrame:
    """Presize every photo of a manifest (path, sha256) into a store; return what became of each.

    The result has the columns of Outcome, one row a photo, sorted by path. Results are kept under
    `private`, so the next run makes only what is new, and a killed one goes on where it was.
    """
    kept = private / encoder_key(params)
    with _only_writer(private), _scratch(private) as scratch:
        tasks = _tasks(images, photos, params, kept, scratch)
        _clear(folder)
        found = map(vars, _run(tasks, workers))
        outcomes = pd.DataFrame(found, columns=list(PresizeOutcome.__annotations__))
        outcomes = outcomes.sort_values("path", ignore_index=True)
        _publish(tasks, outcomes, folder, params)
        EncodeCache(kept).prune(set(images["sha256"]), {task.log for task in tasks})
    return outcomes


def shard_of(sha256: str, shards: int) -> int:
    """Return the shard that an image belongs to: its content decides, so no other one moves it.

    >>> [shard_of(digit * 64, 16) for digit in "08f"]
    [0, 8, 15]
    """
    return int(sha256[:8], 16) * shards >> 32


def _tasks(
    images: pd.DataFrame, photos: Path, params: PresizeParams, kept: Path, scratch: Path
) -> list[ShardTask]:
    items = sorted(zip(images["sha256"], images["path"], strict=True))
    known = read_logs(kept)
    tasks = []
    for number, group in groupby(items, lambda item: shard_of(item[0], params.shards)):
        ours = tuple(group)
        lines = {sha256: known[sha256] for sha256, _ in ours if sha256 in known}
        tasks.append(ShardTask(shard_name(number), ours, photos, params, kept, lines, scratch))
    return tasks


def _run(tasks: Sequence[ShardTask], workers: int) -> list[PresizeOutcome]:
    """Do all tasks; the one place where work is spread, over processes here."""
    try:
        with _progress(tasks):
            shards = Parallel(n_jobs=workers, batch_size=1)(
                delayed(write_shard)(task) for task in tasks
            )
    except BrokenProcessPool:
        raise _died(tasks) from None
    return [outcome for shard in shards for outcome in shard]


def _died(tasks: Sequence[ShardTask]) -> UserError:
    held = [path for task in tasks for _, path in [read_note(task)] if path]
    return error_list(
        "a worker died, most often for want of memory (FINETRACK_WORKERS=1 needs least); "
        "what is done is kept, so run again: dvc repro. The workers were at:",
        held or ["no photo (each was between two)"],
    )


@contextmanager
def _progress(tasks: Sequence[ShardTask]) -> Iterator[None]:
    """Draw a bar of photos, photos a second and time left, from the notes of the workers."""
    stop = Event()
    total = sum(len(task.items) for task in tasks)
    with tqdm(total=total, desc="presize", unit=" photos", disable=None) as bar:

        def watch() -> None:
            while not bar.disable and not stop.wait(0.5):
                bar.update(sum(read_note(task)[0] for task in tasks) - bar.n)

        watcher = Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
            bar.update(total - bar.n)
        finally:
            stop.set()
            watcher.join()


def _publish(
    tasks: Sequence[ShardTask], outcomes: pd.DataFrame, folder: Path, params: PresizeParams
) -> None:
    """Move the shards to their place; the file without which nobody reads them comes last."""
    try:
        for task in tasks:
            if task.part.exists():
                shutil.move(task.part, folder / task.shard)
    except OSError as error:
        raise unwritable(folder, error) from None
    write_csv(folder / INDEX_NAME, outcomes.loc[outcomes["problem"] == "", INDEX_COLUMNS])
    about = {"format": FORMAT, "version": VERSION, "images": params.format, "size": params.size}
    write_json(folder / FORMAT_NAME, about)


def _clear(folder: Path) -> None:
    """Remove a store that was there before, and nothing else; refuse a folder of no use."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in [folder / FORMAT_NAME, folder / INDEX_NAME, *folder.glob("shard-*.tar")]:
            file.unlink(missing_ok=True)
        (folder / FORMAT_NAME).touch()
        (folder / FORMAT_NAME).unlink()
    except OSError as error:
        raise unwritable(folder, error) from None


@contextmanager
def _scratch(private: Path) -> Iterator[Path]:
    """Give a folder for unfinished files of this run, so that no survivor of another meets it."""
    for left in private.glob("run-*"):
        shutil.rmtree(left, ignore_errors=True)
    # The time too, since in containers every run has the same process id; logs carry the name.
    folder = private / f"run-{os.getpid()}-{time.time_ns()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _only_writer(private: Path) -> Iterator[None]:
    """Hold a lock that the system releases when this process ends, however it ends."""
    try:
        private.mkdir(parents=True, exist_ok=True)
        lock = (private / "lock").open("w")
    except OSError as error:
        raise unwritable(private, error) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                f"another presize is at work here ({private / 'lock'} is held); "
                "wait until it has finished, or stop it"
            ) from None
        yield
