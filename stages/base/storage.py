"""Storage: the file system of fsspec behind a URL, and calls of it, which are repeated.

fsspec is loaded only where a URL is read, so that photos on the disk need nothing of it.
"""

import logging
import os
import time
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from stages.base.errors import RUN_AGAIN, UserError
from stages.base.provider import (
    BUCKET_SCHEMES,
    bucket_of,
    credentials_hint,
    fsspec_url,
    provider_of,
    scheme_of,
)
from stages.base.storage_errors import (
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
# Others than of these providers stay out: of ssh, sftp, webdav and hdfs fsspec takes the host from
# its options and not from the URL.
SCHEMES = (*BUCKET_SCHEMES, "file")
# They write the trace of a failed request, and of each way to a key, to the terminal.
_LOUD = ("gcsfs", "azure")
_SCOPE_OF_AZURE = "https://storage.azure.com/.default"  # what a token of Azure's storage is for

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
    provider = provider_of(what)
    waits = () if provider and provider.repeats else _WAITS
    for wait in (*waits, None):
        try:
            return call()
        except (UserError, MemoryError):
            raise
        except Exception as error:
            reason = reason_of(error)
            if is_of_credentials(error):
                raise UserError(
                    f"{what}: the credentials do not do ({reason}); {credentials_hint(what)}"
                ) from None
            if is_of_bucket(error) or (isinstance(error, FileNotFoundError) and is_gone(what)):
                raise MissingBucket(
                    f"the bucket {bucket_of(what)} does not exist where the request went"
                    f" ({reason}); look after its name{provider.place if provider else ''}"
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
                tries = f"{len(waits) + 1} times" if waits else "several times"
                raise UserError(
                    f"{what} cannot be read now ({reason}), tried {tries}, which is"
                    f" no fault of the photo; look after the network and {RUN_AGAIN}: what is"
                    " done is kept"
                ) from None
        time.sleep(wait)
    raise AssertionError  # the last try has returned or raised


def is_gone(url: str) -> bool:
    """Return whether the bucket of a URL is not there, where the answer for a file does not say it.

    A bucket whose properties may not be read is one, and so is one that cannot be asked for now.
    """
    provider = provider_of(url)
    if provider is None or provider.says_which:
        return False
    try:
        file_system(url).info(fsspec_url(bucket_of(url)))
    except FileNotFoundError:
        return True
    except Exception:  # each library has errors of its own, and none says that it is gone
        return False
    return False


def _loaded(url: str, tries: int) -> "AbstractFileSystem":
    with _LOADING:
        return _of_scheme(scheme_of(url), tries)


@cache  # fsspec's own cache has an instance for each thread, with connections of its own
def _of_scheme(scheme: str, tries: int) -> "AbstractFileSystem":
    import fsspec  # noqa: PLC0415 - 30 ms, for those alone whose photos are in a bucket

    if scheme not in SCHEMES:
        known = scheme in fsspec.available_protocols()
        what = "cannot be told from its URL alone" if known else "is no storage that is known"
        names = ", ".join(sorted(BUCKET_SCHEMES))
        raise UserError(f"{scheme}:// {what}; photos are read from {names}")
    # To learn a bucket's kind gcsfs asks over gRPC, and waits a minute where that does not get
    # through. What it learns is of use for renaming folders alone.
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    provider = provider_of(f"{scheme}://")
    try:
        # Folders are listed anew each time: a listing that is kept for later takes memory.
        options = {"use_listings_cache": False} | _options(scheme)
        protocol = provider.protocol if provider else scheme
        system = fsspec.filesystem(protocol, skip_instance_cache=True, **options)
    except ImportError:
        package = provider.package if provider else "fsspec"
        raise UserError(
            f"{scheme}:// needs a package that is not installed; pip install {package}"
        ) from None
    if hasattr(system, "retries"):
        system.retries = tries
    _ask_for_token(system)
    return system


def _ask_for_token(system: "AbstractFileSystem") -> None:
    """Raise the library's own error where Azure's ways of signing in, without a key, all fail.

    Once here that takes half a second; each listing would try them 4 times, 90 s and more.
    """
    if signed_in := getattr(system, "sync_credential", None):
        signed_in.get_token(_SCOPE_OF_AZURE)


def _options(scheme: str) -> dict[str, Any]:
    provider = provider_of(f"{scheme}://")
    if provider is None:
        return {}
    if provider.scheme == "s3":
        return _S3_OPTIONS
    if (
        provider.scheme == "azure"
    ):  # adlfs has other names for what DVC and Azure's own program read
        return {
            "account_name": os.environ.get("AZURE_STORAGE_ACCOUNT"),
            "account_key": os.environ.get("AZURE_STORAGE_KEY"),
        }
    return {}
