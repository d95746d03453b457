"""Scratch: a folder in a bucket where workers that share no folder leave what they have made.

    URL/run-TOKEN/mark      as long as the run goes on; workers look for it every few seconds
    URL/run-TOKEN/NAME      what a worker has made, until the coordinator has taken it

A run removes its folder when it ends, and the folders of earlier runs that were killed or could not
remove theirs when it begins.
"""

import re
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from secrets import token_hex
from threading import Thread
from time import sleep

from stages.base.bucket import Bucket, PhotoFolder, bucket_file, photo_folder
from stages.base.environment import scratch_url
from stages.base.errors import UserError
from stages.base.files import write_text
from stages.base.parts import PRIVATE_FOLDER
from stages.base.provider import fsspec_url
from stages.base.storage import file_system, insist
from stages.base.system_errors import unwritable

# The folders of runs that have not been removed yet, one a line.
_RUNS = PRIVATE_FOLDER / "scratch.txt"
_RUN = re.compile(r"\S+/run-[0-9a-f]+")  # nothing else is ever removed, whatever a line says
_MARK = "mark"
SECONDS_BETWEEN_REQUESTS = 5  # a request of each process at work
_TRIAL = b"finetrack"


class Scratch:
    """The folder of one run."""

    def __init__(self, url: str) -> None:
        """Use a folder that `open_scratch` has made."""
        self.url = url

    @property
    def name(self) -> str:
        """The last part of the URL, which no other run has."""
        return self.url.rpartition("/")[2]

    def take(self, name: str, folder: Path) -> None:
        """Unpack a tar that a worker left into a folder, and remove it from the bucket."""
        place = f"{self.url}/{name}"
        content = bucket_file(place).read_bytes()
        try:
            with tarfile.open(fileobj=BytesIO(content)) as tar:
                tar.extractall(folder, filter="data")
        except OSError as error:
            raise unwritable(folder, error) from None
        _remove(place)

    def close(self) -> None:
        """Remove the folder, which ends the run on all workers; a fault leaves it to the next."""
        with suppress(Exception):  # each library has errors of its own
            with suppress(FileNotFoundError):  # Google's and Azure's of a mark that has gone before
                file_system(self.url).rm_file(_key(f"{self.url}/{_MARK}"))
            with suppress(FileNotFoundError):  # nothing else was in it
                file_system(self.url).rm(_key(self.url), recursive=True)
            _note([url for url in _noted() if url != self.url])


def open_scratch(images: str) -> Scratch | None:
    """Return the folder of a new run in the bucket of FINETRACK_SCRATCH; None where it is unset.

    images: where the photos are, as params.yaml names it. UserError as of `bucket_apart`, before
    anything is written, and where nothing can be.
    """
    url = scratch_url()
    if not url:
        return None
    bucket_apart(photo_folder(images), url)
    for run in _noted():
        Scratch(run).close()
    scratch = Scratch(f"{url}/run-{token_hex(8)}")
    try:
        _RUNS.parent.mkdir(exist_ok=True)
        _note([*_noted(), scratch.url])
    except OSError as error:
        raise unwritable(_RUNS, error) from None
    leave(scratch.url, _MARK, b"")
    return scratch


def bucket_apart(photos: PhotoFolder, scratch: str) -> Bucket:
    """Return the bucket of the photos; UserError where they are in none, or scratch is in it."""
    if not isinstance(photos, Bucket):
        raise UserError(
            f"FINETRACK_SCRATCH is for photos in a bucket, and {photos} is a folder, which workers"
            " must see; unset it, or put the photos into a bucket"
        )
    if f"{_key(scratch)}/".startswith(f"{_key(photos.url)}/"):
        raise UserError(
            f"FINETRACK_SCRATCH is inside {photos.url}, where the photos are and nothing is"
            " written; name another folder"
        )
    return photos


def _noted() -> list[str]:
    """Return the URLs of the folders that have not been removed yet."""
    with suppress(FileNotFoundError):
        return [line for line in _RUNS.read_text("utf-8").splitlines() if _RUN.fullmatch(line)]
    return []


def _note(urls: Sequence[str]) -> None:
    if urls:
        write_text(_RUNS, "".join(f"{url}\n" for url in urls))
    else:
        _RUNS.unlink(missing_ok=True)


def leave(url: str, name: str, content: bytes) -> None:
    """Write an object into the folder of a run; UserError where that is not allowed."""
    place = f"{url}/{name}"
    try:
        insist(place, lambda: file_system(place).pipe_file(_key(place), content))
    except OSError as error:
        raise UserError(
            f"FINETRACK_SCRATCH: {place} cannot be written ({error.strerror}); allow writing there"
        ) from None


def hand_over(url: str, name: str, content: bytes) -> None:
    """Leave what a worker has made, unless the run is over, when nobody would take or remove it.

    A run may end during the upload too: then the object is removed here.
    """
    if is_over(url):
        return
    leave(url, name, content)
    if is_over(url):
        with suppress(FileNotFoundError):  # the end of the run has removed it
            _remove(f"{url}/{name}")


def try_scratch(url: str) -> None:
    """Write, read and remove an object of a run's folder: a worker that cannot takes no work."""
    name = f"trial-{token_hex(8)}"
    leave(url, name, _TRIAL)
    place = f"{url}/{name}"
    if bucket_file(place).read_bytes() != _TRIAL:
        raise UserError(f"FINETRACK_SCRATCH: {place} is not what was written there")
    _remove(place)


def watch(url: str, mark: Path) -> None:
    """Remove a folder of this machine, which is a run's mark here, once the run has ended."""

    def look() -> None:
        while mark.is_dir():
            if is_over(url):
                with suppress(OSError):  # another process of the machine was quicker
                    mark.rmdir()
                return
            sleep(SECONDS_BETWEEN_REQUESTS)

    Thread(target=look, daemon=True).start()


def is_over(url: str) -> bool:
    """Return whether the mark of a run has gone; a bucket that cannot be asked says nothing."""
    place = f"{url}/{_MARK}"
    try:
        file_system(place).info(_key(place))
    except FileNotFoundError:
        return True
    except Exception:  # each library has errors of its own, and the network's pass
        return False
    return False


def _remove(place: str) -> None:
    insist(place, lambda: file_system(place).rm_file(_key(place)))


def _key(url: str) -> str:
    return fsspec_url(url)
