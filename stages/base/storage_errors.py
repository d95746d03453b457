"""Storage error: what a failed request is about: credentials, one file, the account, the network.

Of S3 the code tells, which s3fs keeps in the cause of its exceptions; their classes do not.
"""

import errno
import os
import re
from typing import Any

# What providers call a key that is wrong, out of date or missing, in a class, a code or a message.
_CREDENTIALS = re.compile(
    r"Credential|InvalidAccessKeyId|SignatureDoesNotMatch|(Expired|Invalid)Token|TokenRefresh"
    r"|UnauthorizedSSO|SSOToken|LoginRefreshRequired|LoginTokenLoad|ProfileNotFound"
    r"|AuthenticationFailed|AuthorizationFailure|NoAuthenticationInformation|failed to authenticate"
    r"|unable to connect to account"
    r"|Anonymous caller|RefreshError|invalid_grant"
    r"|access key Id|signature we calculated|token .*(expired|invalid)",
    re.IGNORECASE,
)
# In words too, which Finetrack itself says where a provider does not: see storage.is_gone.
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist", re.IGNORECASE)
_URLS = re.compile(r"[a-z][a-z0-9+.-]*://\S*", re.IGNORECASE)  # which hold names that people chose
# Codes by which S3 refuses one photo; "403" is all that the answer to a HEAD has. s3fs makes a
# PermissionError of others too, such as RequestTimeTooSkewed and AccountProblem.
_REFUSALS = ("", "AccessDenied", "InvalidObjectState", "403")
# Codes of a wrong region in the settings, and of a content that was damaged on its way.
_OF_THE_SETTINGS = ("AuthorizationHeaderMalformed",)
_DAMAGED = ("BadDigest", "IncompleteBody")
# What Azure calls a refusal of one file; all its other refusals are of the account or its network.
_REFUSED_BY_AZURE = ("AuthorizationPermissionMismatch",)
# In the messages of S3, Google and Azure, where nothing but the right to read is wanting.
_REFUSED_IN_WORDS = re.compile(
    r"Access ?Denied|\b403\b|Forbidden|not authorized|PermissionMismatch", re.IGNORECASE
)
_MOST_LETTERS = 240  # of a message: Azure's have the whole answer in them, with every way to a key
# Errors of what a URL names, which stay however often it is asked for.
_OF_THE_NAME = (errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG)


def reason_of(error: Exception) -> str:
    """Return class and message of an error in one line, cut where it is long."""
    said = " ".join(str(error).split())
    short = said if len(said) <= _MOST_LETTERS else f"{said[:_MOST_LETTERS]}..."
    return f"{type(error).__name__}: {short}"


# How a way of signing in says that it did not get through to the server that gives tokens.
_NO_CONNECTION = re.compile(
    r"timed out|time-?out|ConnectionPool|Max retries|ProxyError|Cannot connect|unreachable"
    r"|Failed to (establish|resolve)|name resolution|getaddrinfo"
    r"|Connection (refused|reset|aborted|broken)",
    re.IGNORECASE,
)
_OF_NO_MACHINE_OF_AZURE = re.compile(r"ManagedIdentity|IMDS", re.IGNORECASE)


def is_of_sign_in(error: Exception) -> bool:
    """Return whether Azure's sign-in failed by the network, which says nothing of the credentials.

    Of the lines, one for each way to a token, that of the managed identity is left out: on a
    machine that is none of Azure's its server never answers.
    """
    if "ClientAuthenticationError" not in {one.__name__ for one in type(error).__mro__}:
        return False
    lines = str(error).splitlines()
    return any(
        _NO_CONNECTION.search(line) and not _OF_NO_MACHINE_OF_AZURE.search(line) for line in lines
    )


def says_refused(reason: str) -> bool:
    """Return whether the words of an error say that reading is not allowed.

    A photo in an archive (InvalidObjectState) is refused too, and reading it is allowed.
    """
    return _REFUSED_IN_WORDS.search(reason) is not None


def is_of_credentials(error: Exception) -> bool:
    """Return whether a key is wrong, out of date or missing."""
    if is_of_sign_in(error):
        return False
    said = f"{type(error).__name__} {code_of(error)} {_URLS.sub('', str(error))}"
    return _CREDENTIALS.search(said) is not None


def is_of_bucket(error: Exception) -> bool:
    """Return whether the bucket is not there, and so none of its photos."""
    return _NO_BUCKET.search(f"{code_of(error)} {_URLS.sub('', str(error))}") is not None


def is_of_no_storage(error: Exception) -> bool:
    """Return whether a server answered that is none of S3: its 404 has no code of S3 in it."""
    facts = _response(error).get("ResponseMetadata", {})
    return facts.get("HTTPStatusCode") == 404 and code_of(error) == ""


def is_of_account(error: Exception) -> bool:
    """Return whether all photos would be refused: for the account, the clock or the settings."""
    code = code_of(error)
    refused = isinstance(error, PermissionError) and code not in _REFUSALS
    of_azure = str(getattr(error, "error_code", None) or "")
    refused = refused or (_status(error) == 403 and of_azure not in ("", *_REFUSED_BY_AZURE))
    return refused or code in _OF_THE_SETTINGS or str(error).startswith("Invalid endpoint")


def error_of_file(error: Exception, url: str) -> OSError | None:
    """Return the error that a path would give, None where it says nothing of the one file.

    s3fs leaves out the number, by which callers know an error.
    """
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url)
    if isinstance(error, PermissionError):
        return PermissionError(errno.EACCES, error.strerror or str(error), url)
    if _is_refusal(error):
        return PermissionError(errno.EACCES, reason_of(error), url)
    if isinstance(error, OSError) and error.errno in _OF_THE_NAME:
        damaged = code_of(error) in _DAMAGED
        return None if damaged else OSError(error.errno, error.strerror or str(error), url)
    # Of ValueError the bare class alone: JSON that a proxy cut short raises another.
    is_name = isinstance(error, TypeError | UnicodeError) or type(error) is ValueError
    if is_name or type(error).__name__ == "ParamValidationError":
        return OSError(errno.EINVAL, reason_of(error), url)
    return None


def _is_refusal(error: Exception) -> bool:
    """Return whether Google (in words) or Azure (by the status) refuses a file or a listing."""
    return str(error).startswith("Forbidden: ") or _status(error) == 403


def _status(error: Exception) -> object:
    return getattr(error, "status_code", None)


def code_of(error: Exception) -> str:
    """Return the code that S3 gave, "" where none is known."""
    return str(_response(error).get("Error", {}).get("Code", ""))


def _response(error: Exception) -> dict[str, Any]:
    response = getattr(error.__cause__ or error, "response", None)
    # aiohttp has an attribute of that name too, which is no mapping.
    return response if isinstance(response, dict) else {}
