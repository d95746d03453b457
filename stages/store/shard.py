"""One shard of the presized store: all that a worker does, and what it needs to do it."""

import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from stages.base.bucket import PhotoFolder
from stages.base.system_errors import unwritable
from stages.images.decode import Undecodable
from stages.images.encode import Encoded, encode
from stages.images.formats import wrong_extension
from stages.images.jpeg_segments import without_metadata
from stages.images.resize import PresizeParams
from stages.store.checksum import checksum
from stages.store.encode_cache import EncodeCache, read_logs
from stages.store.original import Fault, Faulty, Original, open_originals

_SUFFIXES = {"jpeg": "jpg", "raw": "ppm"}


@dataclass(frozen=True, kw_only=True)
class ShardTask:
    """What a worker needs to write one shard: plain values, so that it can run anywhere."""

    shard: str  # file name
    items: tuple[tuple[str, str], ...]  # (sha256, path), sorted
    photos: PhotoFolder  # of the originals
    params: PresizeParams
    cache: Path  # folder of the encode cache
    log_lines: dict[str, str]  # of the cache's logs, the lines about these items by sha256
    scratch: Path  # folder of this run alone
    encode: Callable[[bytes, PresizeParams], Encoded] = encode  # or raises Undecodable

    @property
    def unfinished(self) -> Path:
        """The tar file while it is being written."""
        return self.scratch / self.shard

    @property
    def log(self) -> str:
        """The name of the cache log that this shard's results go to."""
        return f"{self.scratch.name}-{self.shard}"

    @property
    def progress_file(self) -> Path:
        """A small file that says how many photos are done, and which one is being presized."""
        return self.scratch / f"{self.shard}.progress"


@dataclass(frozen=True, kw_only=True, slots=True)  # for a million of them are in memory at once
class PresizeOutcome:
    """What presizing one photo came to: a place in the store, a problem of it, or a fault."""

    path: str
    sha256: str
    problem: str = ""  # of the photo
    fault: Fault | Literal[""] = ""
    detail: str = ""  # of the problem or fault
    shard: str = ""
    offset: int = 0  # bytes, in the shard
    length: int = 0
    width: int = 0  # pixels, of the presized image
    height: int = 0
    phash: str = ""
    crc32: str = ""  # of the stored bytes
    format: str = ""  # of the original, by its content
    traits: tuple[str, ...] = ()
    passed_through: bool = False  # the original's own pixels are in the store, as coded there
    reused: bool = False  # the result comes from the cache
    original_bytes: int = 0


def write_shard(task: ShardTask) -> list[PresizeOutcome]:
    """Write the images of a shard, each content once; return the outcome of each path."""
    outcomes: list[PresizeOutcome] = []
    cache = EncodeCache(task.cache, task.log, task.log_lines)
    stored = PresizeOutcome(path="", sha256="")  # the content before, for exact duplicates
    try:
        with (
            _open_tar(task.unfinished) as tar,
            _open_progress(task) as progress,
            open_originals(task.photos, task.items, cache) as originals,
        ):
            for sha256, path in task.items:
                _write_progress(progress, len(outcomes), path)
                try:
                    original = next(originals)
                    if isinstance(original, Faulty):
                        raise original
                    if stored.sha256 != sha256:
                        stored = _store_image(original, sha256, tar, task, cache)
                except Faulty as error:
                    fault, detail = error.args
                    outcomes.append(
                        PresizeOutcome(path=path, sha256=sha256, fault=fault, detail=detail)
                    )
                    continue
                outcomes.append(_outcome_for_path(stored, path))
            _write_progress(progress, len(outcomes), "")
        if not any(outcome.shard for outcome in outcomes):
            task.unfinished.unlink()
    except OSError as error:  # an original's errors are faults with names by now
        raise unwritable(task.scratch, error) from None
    return outcomes


def read_progress(task: ShardTask) -> tuple[int, str]:
    """Return how many photos of a shard are done, and the path of the one being presized or ""."""
    return progress_in(task.progress_file)


def progress_in(file: Path) -> tuple[int, str]:
    """Return what a progress file says; nothing done where it is not there."""
    try:
        done, _, path = os.fsdecode(file.read_bytes()).partition(" ")
        return int(done), path
    except (OSError, ValueError):
        return 0, ""


def log_lines_now(task: ShardTask) -> dict[str, str]:
    """Return the lines about a shard's photos that are in the logs by now, with those it has."""
    lines = read_logs(task.cache)
    return task.log_lines | {sha256: lines[sha256] for sha256, _ in task.items if sha256 in lines}


def _open_progress(task: ShardTask) -> io.FileIO:
    return task.progress_file.open("wb", buffering=0)


def _write_progress(progress: io.FileIO, done: int, path: str) -> None:
    text = os.fsencode(f"{done} {path}")
    progress.seek(0)
    progress.write(text)
    progress.truncate(len(text))


def _store_image(
    original: Original, sha256: str, tar: tarfile.TarFile, task: ShardTask, cache: EncodeCache
) -> PresizeOutcome:
    """Add one image to the shard, encoded now or before; the outcome still lacks its path."""
    result = original.cached or _encode(original.content, task)
    if original.far and isinstance(result, Encoded):
        result = _kept(result, original)
    # Logs of earlier runs are pruned.
    if result is not original.cached or sha256 in task.log_lines:
        cache.save(sha256, result)
    if isinstance(result, Undecodable):
        outcome = PresizeOutcome(
            path="", sha256=sha256, problem=result.problem, detail=result.detail
        )
    else:
        image = result.content
        if image is None:
            image = without_metadata(original.content)  # no EXIF, so no place, leaves the machine
        outcome = PresizeOutcome(
            path="",
            sha256=sha256,
            shard=task.shard,
            offset=_append_member(tar, f"{sha256}.{_SUFFIXES[task.params.format]}", image),
            length=len(image),
            width=result.width,
            height=result.height,
            phash=result.phash,
            crc32=checksum(image),
            format=result.format,
            traits=result.traits,
            passed_through=result.content is None or result.kept,
        )
    return replace(outcome, reused=original.cached is not None, original_bytes=original.size)


def _kept(result: Encoded, original: Original) -> Encoded:
    """Return a result with all that a next run needs, so that it asks nothing of the bucket."""
    if result.original_bytes:
        return result
    if result.content is not None:
        return replace(result, original_bytes=original.size)
    image = without_metadata(original.content)
    return replace(result, content=image, kept=True, original_bytes=original.size)


def _encode(content: bytes, task: ShardTask) -> Encoded | Undecodable:
    try:
        return task.encode(content, task.params)
    except Undecodable as error:
        return error
    except MemoryError:
        raise
    except Exception as error:
        raise Faulty(Fault.ENCODER, f"{type(error).__name__}: {error}") from None


def _outcome_for_path(stored: PresizeOutcome, path: str) -> PresizeOutcome:
    """Return the outcome of a content for one of the paths that have it."""
    wrong = stored.format and wrong_extension(path, stored.format)
    traits = sorted({*stored.traits, "wrong extension"}) if wrong else stored.traits
    return replace(stored, path=path, traits=tuple(traits))


def _open_tar(path: Path) -> tarfile.TarFile:
    return tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)


def _append_member(tar: tarfile.TarFile, name: str, content: bytes) -> int:
    """Add a member with no date and no owner; return the offset of its bytes."""
    member = tarfile.TarInfo(name)  # mtime, uid and gid 0, names of owner and group empty
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
    return tar.offset - -(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
