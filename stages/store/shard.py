"""One shard of the presized store: all that a worker does, and what it needs to do it."""

import io
import os
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from stages.base.files import sha256_bytes, unwritable
from stages.images.decode import Undecodable, wrong_extension
from stages.images.encode import Encoded, encode
from stages.images.resize import PresizeParams
from stages.store.encode_cache import EncodeCache

CHANGED = "changed since ingest"
SUFFIX = {"jpeg": "jpg", "raw": "ppm"}


@dataclass(frozen=True)
class ShardTask:
    """What a worker needs to write one shard: plain values, so that it can run anywhere."""

    shard: str
    items: tuple[tuple[str, str], ...]  # (sha256, path), sorted
    photos: Path  # folder of the originals
    params: PresizeParams
    kept: Path  # folder of the results of other runs
    known: dict[str, str]  # of their logs, the lines about these items
    scratch: Path  # folder of this run alone

    @property
    def part(self) -> Path:
        """The tar file while it is being written."""
        return self.scratch / self.shard

    @property
    def log(self) -> str:
        """The name of the log that this shard's results go to."""
        return f"{self.scratch.name}-{self.shard}"

    @property
    def note(self) -> Path:
        """A small file that says how many photos are done, and which one is in hand."""
        return self.scratch / f"{self.shard}.note"


@dataclass(frozen=True)
class PresizeOutcome:
    """What became of one photo: a place in the store, or a problem."""

    path: str
    sha256: str
    problem: str = ""
    detail: str = ""
    shard: str = ""
    offset: int = 0  # bytes, in the shard
    length: int = 0
    width: int = 0  # pixels, of the presized image
    height: int = 0
    phash: str = ""
    format: str = ""  # of the original, as its content tells
    traits: tuple[str, ...] = ()
    passed: bool = False  # the original's own bytes are in the store
    reused: bool = False  # made by a run before
    bytes: int = 0  # of the original


class Original(NamedTuple):
    """One original: its bytes where they are needed, how many, and what was made of it before."""

    content: bytes
    size: int
    made: Encoded | Undecodable | None


def write_shard(task: ShardTask) -> list[PresizeOutcome]:
    """Write the images of a shard, each content once; return what became of each path."""
    outcomes: list[PresizeOutcome] = []
    kept = EncodeCache(task.kept, task.log, task.known)
    stored = PresizeOutcome("", "")  # of the content before, for exact duplicates
    try:
        with _tar(task.part) as tar, task.note.open("wb", buffering=0) as note:
            for sha256, path in task.items:
                _write_note(note, len(outcomes), path)
                try:
                    photo = _photo(task.photos / path, sha256, kept)
                except Undecodable as error:
                    outcomes.append(PresizeOutcome(path, sha256, error.problem, error.detail))
                    continue
                if stored.sha256 != sha256:
                    stored = _store(photo, sha256, tar, task, kept)
                outcomes.append(_named(stored, path))
            _write_note(note, len(outcomes), "")
        if not any(outcome.shard for outcome in outcomes):
            task.part.unlink()
    except OSError as error:  # an original's errors are problems with names by now
        raise unwritable(task.scratch, error) from None
    return outcomes


def read_note(task: ShardTask) -> tuple[int, str]:
    """Return how many photos of a shard are done, and the path of the one in hand, or ""."""
    try:
        done, _, path = os.fsdecode(task.note.read_bytes()).partition(" ")
        return int(done), path
    except (OSError, ValueError):
        return 0, ""


def _write_note(note: BinaryIO, done: int, path: str) -> None:
    text = os.fsencode(f"{done} {path}")
    os.pwrite(note.fileno(), text, 0)
    note.truncate(len(text))


def _photo(file: Path, sha256: str, kept: EncodeCache) -> Original:
    """Return what is needed of a photo: its own bytes only where nothing made of them is kept.

    To read and hash a photo of 12 megapixels takes a tenth of what it takes to presize it.
    """
    made = kept.load(sha256)
    try:
        if isinstance(made, Encoded) and made.content is not None:
            return Original(b"", file.stat().st_size, made)
        content = file.read_bytes()
    except FileNotFoundError:
        raise Undecodable(CHANGED, "the file is gone; dvc repro lists what is there") from None
    except OSError as error:
        raise Undecodable("unreadable", error.strerror or type(error).__name__) from None
    if sha256_bytes(content) != sha256:
        raise Undecodable(CHANGED, "the content is another; dvc repro reads it anew")
    return Original(content, len(content), made)


def _store(
    photo: Original, sha256: str, tar: tarfile.TarFile, task: ShardTask, kept: EncodeCache
) -> PresizeOutcome:
    """Add one image to the shard, made now or before; the outcome still lacks its path."""
    known = PresizeOutcome("", sha256, reused=photo.made is not None, bytes=photo.size)
    result = photo.made or _encode(photo.content, task.params)
    if not known.reused or sha256 in task.known:  # logs of other runs are not kept
        kept.save(sha256, result)
    if isinstance(result, Undecodable):
        return replace(known, problem=result.problem, detail=result.detail)
    image = photo.content if result.content is None else result.content
    return replace(
        known,
        shard=task.shard,
        offset=_append(tar, f"{sha256}.{SUFFIX[task.params.format]}", image),
        length=len(image),
        width=result.width,
        height=result.height,
        phash=result.phash,
        format=result.format,
        traits=result.traits,
        passed=result.content is None,
    )


def _encode(content: bytes, params: PresizeParams) -> Encoded | Undecodable:
    try:
        return encode(content, params)
    except Undecodable as error:
        return error


def _named(stored: PresizeOutcome, path: str) -> PresizeOutcome:
    """Return the outcome of a content for one of the paths that have it."""
    wrong = stored.format and wrong_extension(path, stored.format)
    traits = sorted({*stored.traits, "wrong extension"}) if wrong else stored.traits
    return replace(stored, path=path, traits=tuple(traits))


def _tar(path: Path) -> tarfile.TarFile:
    return tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)


def _append(tar: tarfile.TarFile, name: str, content: bytes) -> int:
    """Add a member with no date and no owner; return where its bytes begin."""
    member = tarfile.TarInfo(name)  # mtime, uid and gid 0, names of owner and group empty
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
    return tar.offset - -(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
