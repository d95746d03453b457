"""Storage: the file system of fsspec behind a URL, and calls of it, which are repeated.

fsspec is loaded only where a URL is read, so that photos on the disk need nothing of it.
"""

import time
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from stages.base.errors import RUN_AGAIN, UserError
from stages.base.storage_errors import (
    CREDENTIALS_HINT,
    error_of_file,
    is_of_account,
    is_of_bucket,
    is_of_credentials,
    is_of_no_storage,
    reason_of,
)

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Requests on their way at once in one process; each holds one photo in memory.
REQUESTS_AT_ONCE = 16
# Seconds before the second try and each after it: a server that starts anew is waited for, and one
# that is gone ends the run within half a minute.
_WAITS = (1, 2, 4, 8)
# Of botocore, which by itself holds 10 connections, waits a minute for an answer and tries again.
_S3 = {
    "max_pool_connections": 2 * REQUESTS_AT_ONCE,
    "connect_timeout": 5,
    "read_timeout": 20,
    "retries": {"total_max_attempts": 1},
}
# With more than one connection for a file s3fs asks for its length first, a request more a photo.
_S3_OPTIONS = {"config_kwargs": _S3, "max_concurrency": 1}
_OPTIONS: dict[str, dict[str, Any]] = {"s3": _S3_OPTIONS, "s3a": _S3_OPTIONS}
# The package of DVC by which both DVC and fsspec reach a scheme. Others stay out: of ssh, sftp,
# webdav and hdfs fsspec takes the host from its options and not from the URL, and of azure the name
# of the account.
_PACKAGES = {"s3": "dvc-s3", "s3a": "dvc-s3", "gs": "dvc-gs", "gcs": "dvc-gs"}
SCHEMES = (*_PACKAGES, "file")

_LOADING = Lock()  # of threads that want one at the same time, the first loads it

Reply = TypeVar("Reply")


class MissingBucket(UserError):
    """The bucket of a URL is not there, which is the same for all photos in it."""


def file_system(url: str) -> "AbstractFileSystem":
    """Return the file system of a URL; UserError for an unknown scheme or a missing package."""
    return _loaded(url, 1)  # the tries are counted here, in one place for all file systems


def listing_system(url: str) -> "AbstractFileSystem":
    """Return one that repeats a page of a listing by itself, which else begins at its first."""
    return _loaded(url, len(_WAITS) + 1)


def insist(what: str, call: Callable[[], Reply]) -> Reply:
    """Return what a call returns; one that fails for a cause that may pass is repeated.

    What is wrong with the one file is raised as an OSError, as that of a path is, and at once; a
    UserError is of all files.
    """
    for wait in (*_WAITS, None):
        try:
            return call()
        except (UserError, MemoryError):
            raise
        except Exception as error:
            reason = reason_of(error)
            if is_of_credentials(error):
                raise UserError(
                    f"{what}: the credentials do not do ({reason}); {CREDENTIALS_HINT}"
                ) from None
            if is_of_bucket(error):
                bucket = "/".join(what.split("/")[:3])
                raise MissingBucket(
                    f"the bucket {bucket} does not exist where the request went ({reason}); look"
                    " after its name, and after AWS_ENDPOINT_URL where it is not Amazon's"
                ) from None
            if is_of_no_storage(error):
                raise UserError(
                    f"{what} cannot be read: the server that answered is no storage ({reason});"
                    " look after AWS_ENDPOINT_URL"
                ) from None
            if is_of_account(error):
                raise UserError(
                    f"{what} is refused ({reason}), which is no fault of the photo; look after the"
                    f" account, the settings and the clock of this machine, and {RUN_AGAIN}"
                ) from None
            if of_file := error_of_file(error, what):
                raise of_file from None
            if wait is None:
                raise UserError(
                    f"{what} cannot be read now ({reason}), tried {len(_WAITS) + 1} times, which is"
                    f" no fault of the photo; look after the network and {RUN_AGAIN}: what is"
                    " done is kept"
                ) from None
        time.sleep(wait)
    raise AssertionError  # the last try has returned or raised


def _loaded(url: str, tries: int) -> "AbstractFileSystem":
    with _LOADING:
        return _of_scheme(url.split("://", maxsplit=1)[0].lower(), tries)


@cache  # fsspec's own cache has an instance for each thread, with connections of its own
def _of_scheme(scheme: str, tries: int) -> "AbstractFileSystem":
    import fsspec  # noqa: PLC0415 - 30 ms, for those alone whose photos are in a bucket

    if scheme not in SCHEMES:
        known = scheme in fsspec.available_protocols()
        what = "cannot be told from its URL alone" if known else "is no storage that is known"
        raise UserError(f"{scheme}:// {what}; photos are read from {', '.join(sorted(_PACKAGES))}")
    try:
        # Folders are listed anew each time: a listing that is kept for later takes memory.
        options = {"use_listings_cache": False} | _OPTIONS.get(scheme, {})
        system = fsspec.filesystem(scheme, skip_instance_cache=True, **options)
    except ImportError:
        raise UserError(
            f"{scheme}:// needs a package that is not installed; pip install {_PACKAGES[scheme]}"
        ) from None
    if hasattr(system, "retries"):
        system.retries = tries
    return system
