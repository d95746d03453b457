"""Pack: the files of a folder into tars of some thousand each, the same files as the same bytes.

    photos-000000.tar   the first files by path, each by its path below the folder
    photos-000001.tar   and so on; of files that come later too

A tar has its name once all are written, so that a run that fails leaves none. One that is killed
while it names them is finished by the next, which leaves out what is in any tar.
"""

import os
import tarfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import gethostname
from typing import NamedTuple

from tqdm import tqdm

from stages.base.errors import UserError, error_list
from stages.base.packed import Packed, PackedFile
from stages.base.plural import count_noun
from stages.base.stage_lock import required_lock
from stages.base.system_errors import refuses_a_write, unreadable, unwritable
from stages.dataset.folder_listing import list_files
from stages.dataset.packed_folder import is_packed, read_packed
from stages.dataset.tar_names import PART, finish_names, lacks_names, name_tars

# A hundred tars for a million photos, each of which is copied as a whole when it goes anywhere.
_MOST_FILES = 10_000
_MOST_BYTES = 10**9
_LOCK = ".photos-lock.part"  # git and DVC pass over names that end so


def finish_killed_run(out: Path) -> list[Path]:
    """Give the tars of a run that was killed the names that they lack; return them, or none.

    UserError where the run is still at work.
    """
    if not lacks_names(out):
        return []
    with _alone(out):
        return finish_names(out)


class FilesToPack(NamedTuple):
    """The paths of the files of a folder, sorted."""

    new: list[str]
    there: list[str]  # in a tar with the same bytes already


def files_to_pack(photos: Path, out: Path) -> FilesToPack:
    """Return the paths of all files of a folder, which a folder of tars is to get.

    What is there already is left out, so that a run that was ended anywhere is gone on with. Where
    it is there with other bytes, or a file cannot be packed, it is a UserError; so is no folder.
    """
    if not photos.is_dir():
        what = "is no folder" if photos.exists() else "does not exist"
        raise UserError(f"{photos} {what}; name the folder of photos to pack")
    if is_packed(photos):
        raise UserError(f"{photos} holds tars already; name the folder of photos to pack")
    if out.resolve().is_relative_to(photos.resolve()):
        raise UserError(f"{out} is in the folder of the photos; name another place for the tars")
    paths, problems, _ = list_files(photos)
    if problems:
        raise error_list(
            f"{count_noun(len(problems), 'entry', 'entries')} of {photos} cannot be packed; mend or"
            " remove them, nothing is written:",
            [str(problem) for problem in problems],
        )
    if not paths:
        raise UserError(f"{photos} is empty; name the folder of photos to pack")
    return _without_known(paths, photos, _read_tars(out))


def _without_known(paths: Sequence[str], photos: Path, packed: Packed) -> FilesToPack:
    there = [path for path in paths if path in packed.places]
    bar = tqdm(there, desc="compare", unit="file", disable=None)
    if changed := [path for path in bar if not _same_bytes(photos / path, packed / path)]:
        raise error_list(
            f"{count_noun(len(changed), 'file')} of {photos} changed since the tars of {packed} got"
            " what has these paths; remove it there (tar --delete of GNU tar) or pack under other"
            " paths, and run your command again:",
            [f"{path}: in {packed.places[path].tar}" for path in changed],
        )
    return FilesToPack([path for path in paths if path not in packed.places], there)


def _same_bytes(file: Path, packed: PackedFile) -> bool:
    try:
        return file.stat().st_size == packed.size and file.read_bytes() == packed.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from None


def pack_files(
    photos: Path,
    paths: Sequence[str],
    out: Path,
    most_files: int = _MOST_FILES,
    most_bytes: int = _MOST_BYTES,
) -> list[Path]:
    """Write files of a folder, by their sorted paths, into new tars beside those that are there.

    most_bytes: the size of a tar, more only where one file has more. UserError where another
    process writes there, or one has packed some of the files since they were listed.
    """
    left = deque(paths)
    bar = tqdm(desc="pack", total=len(paths), disable=None)
    with _alone(out), bar, _new_parts(out) as parts:
        _refuse_known(paths, out)
        while left:
            parts.append(out / PART.replace("*", f"{len(parts):06}"))
            with _new_tar(parts[-1]) as tar:
                for _ in range(most_files):
                    path = left.popleft()
                    _add(tar, photos / path, path)
                    bar.update()
                    if not left or tar.offset + _size_of(photos / left[0]) > most_bytes:
                        break
        return name_tars(parts, out)


def _refuse_known(paths: Iterable[str], out: Path) -> None:
    known = _read_tars(out).places
    if twice := [path for path in paths if path in known]:
        raise error_list(
            f"{count_noun(len(twice), 'file')} of these are in the tars of {out} already, since"
            " another make pack wrote them; run your command again, nothing is written:",
            [f"{path}: in {known[path].tar}" for path in twice],
        )


def _read_tars(out: Path) -> Packed:
    """Return what is in the tars of a folder, which may be none; UserError for any other file."""
    if out.exists():
        if is_packed(out):
            return read_packed(out).packed
        if not out.is_dir() or any(list_files(out)[:2]):
            raise UserError(f"{out} holds something else than tars; name a new folder for the tars")
    return Packed(out, {})


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise unreadable(file, error) from None


@contextmanager
def _new_tar(part: Path) -> Iterator[tarfile.TarFile]:
    """Open a new tar for a block, behind which all of it is on the disk, or an error is raised.

    What closes it writes its end, and the last bytes of photos: a disk may be full only then.
    """
    file = part.open("xb")
    try:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            yield tar
        file.flush()
        os.fsync(file.fileno())
        file.close()
    finally:
        with suppress(OSError):  # the error that is under way says more
            file.close()


def _add(tar: tarfile.TarFile, file: Path, path: str) -> None:
    """Add a file under its path, without its date, owner and rights.

    UserError where it changes meanwhile: what has come since it was opened would be missing.
    """
    member = tarfile.TarInfo(path)
    try:
        with file.open("rb") as content:
            before = os.fstat(content.fileno())
            member.size = before.st_size
            tar.addfile(member, content)
            after = os.fstat(content.fileno())
    except OSError as error:
        if refuses_a_write(error):
            raise
        raise unreadable(file, error) from None
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise UserError(
            f"{file} changed while it was packed; run your command again when it is written"
        )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Make and lock a folder for a block; where the block fails a folder that it made goes.

    The lock lies in the folder, since processes of several projects may pack into it. It is removed
    as it is released: one that was opened before that, and locked after it, is no lock.
    """
    was_there = out.exists()
    lock = out / _LOCK
    owner = f"process {os.getpid()} on {gethostname()}"
    with required_lock(lock, owner, lambda other: _at_work(out, other)):
        if not _holds(lock, owner):
            raise _at_work(out, "")
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes no open file
                lock.unlink()
            if not was_there:
                with suppress(OSError):  # it has tars
                    out.rmdir()


def _holds(lock: Path, owner: str) -> bool:
    """Return whether a lock is the file in its place, by the owner in it."""
    try:
        with lock.open("rb", buffering=0) as file:
            file.seek(1)  # on Windows nobody else may read the byte that is locked, the first
            return file.read() == owner.encode()
    except FileNotFoundError:
        return False


def _at_work(out: Path, other: str) -> UserError:
    return UserError(
        f"--out {out} is being written by another make pack ({other or 'an unknown process'});"
        " wait for its end"
    )


@contextmanager
def _new_parts(out: Path) -> Iterator[list[Path]]:
    """Give a list for the tars that are being written, which go where the block fails."""
    parts: list[Path] = []
    try:
        finish_names(out)
        for part in out.glob(PART):  # of a run that was killed before it came to the names
            part.unlink()
        yield parts
    except OSError as error:
        raise unwritable(out, error) from None
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
