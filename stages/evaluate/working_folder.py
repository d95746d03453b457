"""Working folder: where the answers of an evaluation lie until all are there, one run at a time."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from socket import gethostname

from stages.base.bucket import BucketFile
from stages.base.errors import UserError
from stages.base.fingerprint import fingerprint
from stages.base.packed import PackedFile, tar_state
from stages.base.stage_lock import required_lock
from stages.predict.photo_source import PhotoSource


@contextmanager
def working_folder(private: Path, out: Path, key: str) -> Iterator[Path]:
    """Lock an --out, and give the folder of its answers for a block; it goes when the block ends.

    key: of all that answers depend on. After an error the folder stays, for the next run under the
    same key to go on; one of the same --out under another key is removed. UserError where another
    process is at work on this --out.
    """
    name = fingerprint(str(out.absolute()))
    folder = private / f"{name}-{key}"
    lock = private / f"{name}.lock"
    owner = f"process {os.getpid()} on {gethostname()}"
    with required_lock(lock, owner, lambda other: _at_work(out, other)):
        for other in private.glob(f"{name}-*"):
            if other != folder:
                rmtree(other, ignore_errors=True)
        yield folder
        rmtree(folder, ignore_errors=True)


def photo_versions(sources: Sequence[PhotoSource]) -> list[tuple[str, int, int | str]]:
    """Return name, size in bytes and time of change (ns) of each photo; zeros of one without.

    A file of a bucket has its version in the place of the time, and one in a tar its place there
    and the state of the tar. What stands behind an address has neither, so it is taken for
    unchanged.
    """
    return [(source.name, *_version(source)) for source in sources]


def _version(source: PhotoSource) -> tuple[int, int | str]:
    if isinstance(source.place, BucketFile):
        return source.place.size, source.place.version
    place = source.place
    try:
        if isinstance(place, PackedFile):
            return place.size, " ".join(map(str, (place.offset, *tar_state(place.tar))))
        if isinstance(place, Path):
            status = place.stat()
            return status.st_size, status.st_mtime_ns
    except (OSError, ValueError):  # the second of a name with a NUL
        pass
    return 0, 0


def _at_work(out: Path, other: str) -> UserError:
    return UserError(
        f"--out {out} is being written by another evaluate ({other or 'an unknown process'}); "
        "wait for its end, or name another --out"
    )
