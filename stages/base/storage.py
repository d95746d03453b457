"""Storage: the file system of fsspec behind a URL, and calls of it, which are repeated.

fsspec is loaded only where a URL is read, so that photos on the disk need nothing of it.
"""

import os
import re
import time
from collections.abc import Callable
from errno import EACCES, ENOENT
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from stages.base.errors import UserError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# Requests on their way at once in one process; each holds one photo in memory.
REQUESTS_AT_ONCE = 16
CREDENTIALS_HINT = "for S3 AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, give them"
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
# The package of DVC by which both DVC and fsspec reach a scheme.
_PACKAGES = {
    "s3": "dvc-s3",
    "s3a": "dvc-s3",
    "gs": "dvc-gs",
    "gcs": "dvc-gs",
    "az": "dvc-azure",
    "azure": "dvc-azure",
    "abfs": "dvc-azure",
    "ssh": "dvc-ssh",
    "sftp": "dvc-ssh",
    "hdfs": "dvc-hdfs",
    "webhdfs": "dvc-webhdfs",
    "oss": "dvc-oss",
}
# What providers call a key that is wrong, out of date or missing; s3fs makes of most of them, and
# of what one photo alone refuses, a PermissionError.
_CREDENTIALS = re.compile(
    r"Credential|InvalidAccessKeyId|SignatureDoesNotMatch|(Expired|Invalid)Token|TokenRefresh"
    r"|access key Id|signature we calculated|token .*(expired|invalid)|ProfileNotFound",
    re.IGNORECASE,
)

_LOADING = Lock()  # of threads that want one at the same time, the first loads it

Reply = TypeVar("Reply")


def file_system(url: str) -> "AbstractFileSystem":
    """Return the file system of a URL; UserError for an unknown scheme or a missing package."""
    with _LOADING:
        return _of_scheme(url.split("://", maxsplit=1)[0].lower())


def insist(what: str, call: Callable[[], Reply]) -> Reply:
    """Return what a call returns; one that fails for a cause that may pass is repeated.

    FileNotFoundError and PermissionError are of the file, and are raised as those of a path are:
    s3fs leaves out their number, by which callers know them.
    """
    for wait in (*_WAITS, None):
        try:
            return call()
        except (UserError, MemoryError):
            raise
        except FileNotFoundError:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), what) from None
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            if _CREDENTIALS.search(reason):
                raise UserError(
                    f"{what}: the credentials do not do ({reason}); {CREDENTIALS_HINT}"
                ) from None
            if isinstance(error, PermissionError):
                raise PermissionError(EACCES, error.strerror or str(error), what) from None
            if wait is None:
                raise UserError(
                    f"{what} cannot be read now ({reason}), tried {len(_WAITS) + 1} times, which is"
                    " no fault of the photo; look after the network and run it again: what is done"
                    " is kept"
                ) from None
        time.sleep(wait)
    raise AssertionError  # the last try has returned or raised


@cache  # fsspec's own cache has an instance for each thread, with connections of its own
def _of_scheme(scheme: str) -> "AbstractFileSystem":
    import fsspec  # noqa: PLC0415 - 30 ms, for those alone whose photos are in a bucket

    try:
        # Folders are listed anew each time: a listing that is kept for later takes memory.
        options = {"use_listings_cache": False} | _OPTIONS.get(scheme, {})
        system = fsspec.filesystem(scheme, skip_instance_cache=True, **options)
    except ImportError as error:
        package = _PACKAGES.get(scheme)
        remedy = f"pip install {package}" if package else f"{error}"
        raise UserError(f"{scheme}:// needs a package that is not installed; {remedy}") from None
    except ValueError:
        raise UserError(
            f"{scheme}:// is no storage that is known; known are {', '.join(sorted(_PACKAGES))}"
        ) from None
    if hasattr(system, "retries"):
        system.retries = 1  # the tries are counted here, in one place for all file systems
    return system
