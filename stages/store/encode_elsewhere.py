"""Photos encoded by workers that share no folder with this machine: both see the same buckets.

A worker reads photos from their bucket and leaves what it encoded in the run's scratch folder.
From there it comes into the encode cache here, of which shards are then written as ever: so they
have the same bytes, and a run that was killed goes on with what had arrived.
"""

import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from stages.base.bucket import Bucket
from stages.base.child_process import Death
from stages.cluster.cluster import Cluster
from stages.cluster.scratch import Scratch, bucket_apart, hand_over, try_scratch
from stages.cluster.work import Work
from stages.images.encode import Encoded
from stages.images.resize import PresizeParams
from stages.store.encode_cache import EncodeCache, read_logs
from stages.store.original import Fault
from stages.store.shard import PresizeOutcome, ShardTask, write_shard

# Some MB on the way at once; a request for each is nothing beside the photos' own.
_PHOTOS_A_TASK = 64


@dataclass(frozen=True, kw_only=True)
class EncodeTask:
    """Photos for one worker, as plain values."""

    items: tuple[tuple[str, str], ...]  # (sha256, path)
    photos: Bucket
    params: PresizeParams
    encode: Callable[[bytes, PresizeParams], Encoded]
    scratch: str  # URL of the run's folder
    name: str  # of what is left there


def encode_elsewhere(
    tasks: Sequence[ShardTask], cluster: Cluster, scratch: Scratch
) -> tuple[list[ShardTask], set[str]]:
    """Let workers encode what the cache lacks; return the tasks anew, and the SHA-256 of those.

    What no worker could encode is still missing, and is tried here, where its fault is named.
    """
    if not tasks:
        return [], set()
    missing = {sha256 for task in tasks for sha256, _ in task.items if not _has(task, sha256)}
    cache = tasks[0].cache
    cache.mkdir(parents=True, exist_ok=True)
    work = _work(_encode_tasks(tasks, missing, scratch.url, scratch.name), scratch.url)
    with tqdm(total=len(missing), desc="encode", unit=" photos", disable=None) as bar:
        for done, answer in cluster.run(work):
            if not isinstance(answer, Death):  # a photo that crashes its decoder is named here
                scratch.take(done.name, cache)
            bar.update(len(done.items))
            bar.set_postfix_str(cluster.state, refresh=False)
    lines = read_logs(cache)
    anew = [
        replace(task, log_lines={sha: lines[sha] for sha, _ in task.items if sha in lines})
        for task in tasks
    ]
    there = {sha256 for task in anew for sha256, _ in task.items if _has(task, sha256)}
    return anew, there & missing


def encode_photos(task: EncodeTask) -> list[PresizeOutcome]:
    """Encode photos on a worker, leave the results in the bucket, and return those with a fault."""
    with TemporaryDirectory(prefix="finetrack-") as folder:
        scratch = Path(folder, task.name)
        scratch.mkdir()
        shard = ShardTask(
            shard="photos.tar",
            items=task.items,
            photos=task.photos,
            params=task.params,
            cache=Path(folder, "cache"),
            log_lines={},
            scratch=scratch,
            encode=task.encode,
        )
        outcomes = write_shard(shard)
        hand_over(task.scratch, task.name, _packed(shard.cache))
    return [outcome for outcome in outcomes if outcome.fault]


def _has(task: ShardTask, sha256: str) -> bool:
    return EncodeCache(task.cache, log_lines=task.log_lines).has(sha256)


def _encode_tasks(
    tasks: Sequence[ShardTask], missing: set[str], scratch: str, name: str
) -> list[EncodeTask]:
    """Return the photos that the cache lacks, each content once, in parts for the workers."""
    made: list[EncodeTask] = []
    for task in tasks:
        photos = bucket_apart(task.photos, scratch)
        items = [*{item[0]: item for item in task.items if item[0] in missing}.values()]
        for start in range(0, len(items), _PHOTOS_A_TASK):
            one = EncodeTask(
                items=tuple(items[start : start + _PHOTOS_A_TASK]),
                photos=photos,
                params=task.params,
                encode=task.encode,
                scratch=scratch,
                name=f"{name}-{len(made)}",
            )
            made.append(one)
    return made


def _work(tasks: Sequence[EncodeTask], scratch: str) -> Work[EncodeTask, list[PresizeOutcome]]:
    return Work(
        function=encode_photos,
        arguments=tasks,
        photo=None,  # one that may not read the bucket fails where others do not
        first=(try_scratch, scratch),
        attempt=lambda task, number: replace(task, name=f"{task.name}-{number}"),
        in_work=lambda task: task.items[0][1] if len(task.items) == 1 else "",
        unread=_unread,
        split=lambda task: [
            replace(task, items=(item,), name=f"{task.name}-{number}")
            for number, item in enumerate(task.items)
        ],
    )


def _unread(faults: Sequence[PresizeOutcome]) -> list[str]:
    return [fault.path for fault in faults if fault.fault == Fault.UNREADABLE]


def _packed(folder: Path) -> bytes:
    """Return a folder as a tar."""
    content = BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as tar:
        if folder.is_dir():
            tar.add(folder, arcname=".")
    return content.getvalue()
