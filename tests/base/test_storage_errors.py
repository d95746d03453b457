"""A failed request says what is at fault: credentials, one file, the account or the network."""

import errno

import pytest

from stages.base.storage_errors import (
    code_of,
    error_of_file,
    is_of_account,
    is_of_bucket,
    is_of_credentials,
    is_of_no_storage,
    is_of_sign_in,
    reason_of,
    says_refused,
)

URL = "s3://birds/a.jpg"


def of_s3(error: Exception, code: str) -> Exception:
    """Return an error as s3fs raises it: what botocore said is its cause."""
    cause = Exception(code)
    cause.response = {"Error": {"Code": code}}  # type: ignore[attr-defined]
    error.__cause__ = cause
    return error


def named(name: str, message: str = "") -> Exception:
    """Return an error of a class that is known by its name alone."""
    error: Exception = type(name, (Exception,), {})(message)
    return error


@pytest.mark.parametrize(
    "error",
    [
        named("UnauthorizedSSOTokenError"),
        named("SSOTokenLoadError", "Error loading SSO Token"),
        named("LoginRefreshRequired"),
        named("LoginTokenLoadError"),
        named("NoCredentialsError"),
        of_s3(OSError(errno.EINVAL, "no words"), "TokenRefreshRequired"),
        PermissionError("The provided token has expired."),
        named("HttpError", "Anonymous caller does not have storage.objects.list access, 401"),
        named("RefreshError", "reauthentication is needed"),
        named("HttpResponseError", "Server failed to authenticate the request."),
        ValueError("unable to connect to account for Connection string is either blank"),
    ],
)
def test_credentials_are_told_by_class_code_or_message(error: Exception) -> None:
    """Whatever provider or way of signing in, a key that does not do is one."""
    assert is_of_credentials(error)


NO_ANSWER = """DefaultAzureCredential failed to retrieve a token from the included credentials.
Attempted credentials:
\tEnvironmentCredential: EnvironmentCredential authentication unavailable.
\tManagedIdentityCredential: Connection to 169.254.169.254 timed out, no response from IMDS.
\tAzureCliCredential: Azure CLI not found on path"""
TIMED_OUT = (
    "ClientSecretCredential: HTTPSConnectionPool(host='login.microsoftonline.com', port=443)"
)


@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("ClientAuthenticationError", f"{TIMED_OUT}: Read timed out.", True),
        ("ClientAuthenticationError", "EnvironmentCredential: ProxyError('no tunnel')", True),
        ("CredentialUnavailableError", "AzureCliCredential: Connection refused", True),
        ("ClientAuthenticationError", NO_ANSWER, False),
        ("ClientAuthenticationError", f"{NO_ANSWER}\n\tX{TIMED_OUT}: Max retries", True),
        (
            "ClientAuthenticationError",
            "ClientSecretCredential: invalid_client, AADSTS7000215",
            False,
        ),
        ("NoCredentialsError", "Unable to locate credentials: timed out", False),
    ],
)
def test_a_sign_in_that_the_network_ends_is_of_no_credentials(
    name: str, message: str, expected: bool
) -> None:
    """A time-out or a proxy's fault passes; a machine that is none of Azure's has no identity."""
    base = type("ClientAuthenticationError", (Exception,), {})
    error = type(name, (base if name == "CredentialUnavailableError" else Exception,), {})(message)
    assert is_of_sign_in(error) is expected
    assert is_of_credentials(error) is not expected
    assert error_of_file(error, URL) is None


def test_a_name_that_people_chose_says_nothing_of_credentials() -> None:
    """A URL in a message may have any word, and the fault is still the network's."""
    error = named("ReadTimeoutError", 'on endpoint URL: "https://a.org/credentials/1.jpg"')
    assert not is_of_credentials(error)
    assert error_of_file(error, URL) is None


@pytest.mark.parametrize(
    "code",
    ["RequestTimeTooSkewed", "AccountProblem", "NotSignedUp", "AllAccessDisabled", "InvalidPayer"],
)
def test_a_refusal_of_the_account_is_of_all_photos(code: str) -> None:
    """What s3fs raises as a PermissionError is of the account or the clock by its code."""
    assert is_of_account(of_s3(PermissionError("no"), code))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AccountIsDisabled", True),
        ("AuthorizationSourceIPMismatch", True),
        ("AuthorizationPermissionMismatch", False),
        ("", False),
        (None, False),
    ],
)
def test_a_refusal_by_azure_is_of_the_account_by_its_code(code: str | None, expected: bool) -> None:
    """Only the role's right to the one file, and a refusal without a code, are of that file."""
    error = named("HttpResponseError", "This request is not authorized.")
    vars(error).update(status_code=403, error_code=code)
    assert is_of_account(error) is expected
    assert isinstance(error_of_file(error, URL), PermissionError)
    vars(error).update(status_code=500)
    assert not is_of_account(error)


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidObjectState", "403"])
def test_a_refusal_of_one_photo_is_its_own(code: str) -> None:
    """A photo that may not be read, or lies in an archive, is an error of that photo."""
    error = of_s3(PermissionError("no"), code)
    assert not is_of_account(error)
    of_file = error_of_file(error, URL)
    assert isinstance(of_file, PermissionError)
    assert (of_file.errno, of_file.filename) == (errno.EACCES, URL)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("Access Denied", True),
        ("AccessDenied", True),
        ("OSError: Forbidden: https://a.org no storage.objects.get access", True),
        ("HttpResponseError: This request is not authorized to perform this operation", True),
        ("An error occurred (403)", True),
        ("The operation is not valid for the object's storage class", False),
        ("No such file or directory", False),
        ("ClientError: 1403 bytes", False),
    ],
)
def test_a_refusal_of_reading_is_told_by_its_words(reason: str, expected: bool) -> None:
    """A photo in an archive, or one that has gone, may be read as far as rights go."""
    assert says_refused(reason) is expected


@pytest.mark.parametrize(
    "error",
    [
        TypeError("no host"),
        ValueError("not a URL"),
        UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates"),
        named("ParamValidationError", "Invalid bucket name"),
        IsADirectoryError(errno.EISDIR, "Is a directory"),
        OSError(errno.ENAMETOOLONG, "Your key is too long"),
        of_s3(OSError(errno.EINVAL, "stored with a key of its own"), "InvalidRequest"),
    ],
)
def test_what_a_url_names_is_of_that_file(error: Exception) -> None:
    """A name that leads to no file, or to one that needs more, is an error of that file."""
    of_file = error_of_file(error, URL)
    assert of_file is not None
    assert of_file.filename == URL
    assert of_file.strerror


@pytest.mark.parametrize(
    "error",
    [
        of_s3(OSError(errno.EINVAL, "damaged on its way"), "BadDigest"),
        of_s3(OSError(errno.EBUSY, "slow down"), "SlowDown"),
        TimeoutError(),
        type("JSONDecodeError", (ValueError,), {})("cut short"),
    ],
)
def test_what_may_pass_is_of_no_file(error: Exception) -> None:
    """Where a second try may do better nothing is said of the file."""
    assert error_of_file(error, URL) is None


def test_the_code_is_that_of_the_cause() -> None:
    """The code is read from botocore's answer, and other answers have none."""
    assert code_of(of_s3(OSError(), "SlowDown")) == "SlowDown"
    odd = OSError()
    odd.response = object()  # type: ignore[attr-defined]
    assert code_of(odd) == code_of(OSError()) == ""
    assert reason_of(ValueError("two\nlines")) == "ValueError: two lines"


def test_google_and_azure_refuse_a_photo_by_other_signs() -> None:
    """Google's library has words for a 403 and Azure's a status; both are of the one file."""
    of_azure = named("HttpResponseError", "AuthorizationPermissionMismatch")
    of_azure.status_code = 403  # type: ignore[attr-defined]
    for error in (OSError("Forbidden: https://a.org\nno storage.objects.get access"), of_azure):
        assert not is_of_credentials(error)
        of_file = error_of_file(error, URL)
        assert isinstance(of_file, PermissionError)
        assert (of_file.errno, of_file.strerror) == (errno.EACCES, reason_of(error))


def test_a_long_reason_is_cut() -> None:
    """Azure's messages list every way to a key, of which the first words say enough."""
    assert reason_of(ValueError("a" * 240)) == f"ValueError: {'a' * 240}"
    assert reason_of(ValueError("a" * 241)) == f"ValueError: {'a' * 240}..."


def test_a_bucket_that_is_absent_is_told_from_a_photo() -> None:
    """The code of S3 or words say which; words in a photo's URL say nothing."""
    assert is_of_bucket(of_s3(FileNotFoundError("gone"), "NoSuchBucket"))
    assert is_of_bucket(FileNotFoundError("The specified bucket does not exist."))
    assert not is_of_bucket(of_s3(FileNotFoundError("gone"), "NoSuchKey"))
    assert not is_of_bucket(FileNotFoundError("s3://birds/NoSuchBucket.jpg is not there"))


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [(404, "", True), (404, "NoSuchKey", False), (404, "404", False), (503, "", False)],
)
def test_a_page_of_the_web_is_no_answer_of_a_storage(
    status: int, code: str, expected: bool
) -> None:
    """A 404 in which S3 says nothing is of another server; a HEAD has its status for a code."""
    error = of_s3(OSError(errno.EIO, "An error occurred ()"), code)
    assert error.__cause__ is not None
    error.__cause__.response["ResponseMetadata"] = {"HTTPStatusCode": status}  # type: ignore[attr-defined]
    assert is_of_no_storage(error) is expected
    assert not is_of_no_storage(OSError(errno.EIO, "a disk"))
