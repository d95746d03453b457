"""Photos into the presized store: a task for each shard, in parallel, through the encode cache."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from itertools import groupby
from pathlib import Path

import pandas as pd

from stages.base.bucket import PhotoFolder
from stages.base.csv_file import write_csv
from stages.base.errors import UserError, error_list
from stages.base.files import write_json
from stages.base.packed import Packed
from stages.base.plural import count_noun
from stages.base.stage_lock import required_lock
from stages.base.system_errors import unwritable
from stages.cluster.cluster import Cluster
from stages.images.encode import encoder_key
from stages.images.resize import PresizeParams
from stages.store.encode_cache import EncodeCache, read_logs
from stages.store.original import Fault
from stages.store.reader import FORMAT_FILE, INDEX_COLUMNS, INDEX_FILE, format_of_store, shard_name
from stages.store.run_shards import run_shards
from stages.store.shard import PresizeOutcome, ShardTask

_REMEDIES = {
    Fault.UNREADABLE: "mount the folder or fetch it (dvc pull) if it is not there, allow reading, "
    "or, where photos were removed, list them anew (dvc repro ingest)",
    Fault.CHANGED: "read what changed anew (dvc repro)",
    Fault.ENDED: "free some memory, or remove a photo that takes more than there is",
    Fault.ENCODER: "remove the photo, and report it, since no photo should do this",
}


def write_store(
    images: pd.DataFrame,
    photos: PhotoFolder,
    folder: Path,
    private: Path,
    params: PresizeParams,
    workers: int | Cluster,
) -> pd.DataFrame:
    """Presize every photo of a manifest (path, sha256) into a store; return their outcomes.

    The result has the columns of PresizeOutcome, one row per photo, sorted by path. Encoded photos
    are cached under `private`, so the next run encodes only new ones and a killed one continues.
    Raises UserError where photos are not as ingest found them: no store is made of the others.
    """
    cache = private / encoder_key(params)
    with _only_writer(private), _scratch(private) as scratch:
        tasks = _shard_tasks(images, photos, params, cache, scratch)
        _clear(folder)
        outcomes = presize_table(run_shards(tasks, workers))
        _refuse_faults(outcomes, photos)
        _publish(tasks, outcomes, folder, params)
        EncodeCache(cache).prune(set(images["sha256"]), {task.log for task in tasks})
    return outcomes


def presize_table(outcomes: Sequence[PresizeOutcome]) -> pd.DataFrame:
    """Return outcomes as a table, a column for each field, sorted by path.

    It is made column by column: rows as mappings would take 1 kB a photo more.
    """
    columns = {
        field.name: [getattr(outcome, field.name) for outcome in outcomes]
        for field in fields(PresizeOutcome)
    }
    return pd.DataFrame(columns).sort_values("path", ignore_index=True)


def shard_of(sha256: str, shards: int) -> int:
    """Return the shard that an image belongs to: its content decides, so no other one moves it.

    >>> [shard_of(digit * 64, 16) for digit in "08f"]
    [0, 8, 15]
    """
    return int(sha256[:8], 16) * shards >> 32


def _shard_tasks(
    images: pd.DataFrame, photos: PhotoFolder, params: PresizeParams, cache: Path, scratch: Path
) -> list[ShardTask]:
    items = sorted(zip(images["sha256"], images["path"], strict=True))
    log_lines = read_logs(cache)
    tasks = []
    for number, group in groupby(items, lambda item: shard_of(item[0], params.shards)):
        shard_items = tuple(group)
        task = ShardTask(
            shard=shard_name(number),
            items=shard_items,
            photos=_photos_of(shard_items, photos),
            params=params,
            cache=cache,
            log_lines={
                sha256: log_lines[sha256] for sha256, _ in shard_items if sha256 in log_lines
            },
            scratch=scratch,
        )
        tasks.append(task)
    return tasks


def _photos_of(items: Sequence[tuple[str, str]], photos: PhotoFolder) -> PhotoFolder:
    """Return where the photos of a shard are; of tars no more than their own places."""
    return photos.part(path for _, path in items) if isinstance(photos, Packed) else photos


def _refuse_faults(outcomes: pd.DataFrame, photos: PhotoFolder) -> None:
    """Raise one error for all photos with a fault: nothing is known of the photos themselves."""
    faults = outcomes[outcomes["fault"] != ""]
    if faults.empty:
        return
    remedies = [remedy for fault, remedy in _REMEDIES.items() if (faults["fault"] == fault).any()]
    raise error_list(
        f"{count_noun(len(faults), 'photo')} in {photos} could not be presized, which is no fault "
        f"of theirs: {'; '.join(remedies)}. What is done is kept:",
        list(faults["path"] + ": " + faults["fault"] + " (" + faults["detail"] + ")"),
    )


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
    index = folder / INDEX_FILE
    write_csv(index, outcomes.loc[outcomes["problem"] == "", INDEX_COLUMNS])
    description = format_of_store(params.format, params.size, index.read_bytes())
    write_json(folder / FORMAT_FILE, description)


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
    owner = f"presize (process {os.getpid()})"
    with required_lock(private / "lock", owner, lambda _: _at_work(private)):
        yield


def _at_work(private: Path) -> UserError:
    return UserError(
        f"another presize is at work here ({private / 'lock'} is held); "
        "wait until it has finished, or stop it"
    )
