"""A call of a storage is repeated while the network fails, and its failure is no photo's fault."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from errno import EACCES, EINVAL, ENOENT
from importlib.util import find_spec
from pathlib import Path

import pytest

from stages.base import storage
from stages.base.errors import UserError
from stages.base.storage import file_system, insist, is_gone, listing_system


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be waited for between two tries, of which there are three."""
    monkeypatch.setattr(storage, "_WAITS", (0, 0))


@pytest.mark.parametrize("failures", [1, 2])
def test_a_fault_that_passes_is_tried_again(failures: int) -> None:
    """What fails for the network's sake and then works is as if it had worked at once."""
    errors = [OSError(16, "Please reduce your request rate."), TimeoutError()][:failures]

    def read() -> bytes:
        if errors:
            raise errors.pop()
        return b"whole"

    assert insist("s3://birds/a.jpg", read) == b"whole"


def test_a_fault_that_stays_is_one_line_about_the_network() -> None:
    """The line names the file, the reason and the tries, and says that no photo is to blame."""

    def read() -> bytes:
        raise ConnectionError("refused")

    with pytest.raises(UserError) as error:
        insist("s3://birds/a.jpg", read)
    (line,) = error.value.lines
    assert line.startswith("s3://birds/a.jpg cannot be read now (ConnectionError: refused)")
    assert "tried 3 times" in line
    assert "no fault of the photo" in line


@pytest.mark.parametrize(
    "error",
    [
        PermissionError("The AWS Access Key Id you provided does not exist in our records."),
        PermissionError("The provided token has expired."),
        PermissionError("The request signature we calculated does not match the signature"),
        type("NoCredentialsError", (Exception,), {})("Unable to locate credentials"),
    ],
)
def test_wrong_credentials_are_said_at_once(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """A key that is missing, unknown or out of date ends the run with what gives one."""
    monkeypatch.setattr(storage, "_WAITS", (3600,))

    def read() -> bytes:
        raise error

    with pytest.raises(UserError, match=r"credentials do not do .*AWS_PROFILE"):
        insist("s3://birds/a.jpg", read)


def test_a_sign_in_that_the_network_ends_is_no_wrong_key() -> None:
    """Azure's library names its credentials, and the line names the network and to run again."""

    def read() -> bytes:
        said = "EnvironmentCredential: HTTPSConnectionPool(host='login'): Read timed out."
        raise type("ClientAuthenticationError", (Exception,), {})(said)

    with pytest.raises(UserError, match=r"cannot be read now .*; look after the network and run"):
        insist("azure://birds/a.jpg", read)


def test_a_refusal_is_of_the_one_file() -> None:
    """A file that may not be read is a PermissionError, as of a path, and others may be read."""

    def read() -> bytes:
        raise PermissionError("Access Denied")

    with pytest.raises(PermissionError) as error:
        insist("s3://birds/a.jpg", read)
    assert (error.value.errno, error.value.strerror) == (EACCES, "Access Denied")
    assert error.value.filename == "s3://birds/a.jpg"


@pytest.mark.parametrize(("scheme", "package"), [("gs", "dvc-gs"), ("azure", "dvc-azure")])
def test_a_missing_package_is_named_with_its_line(scheme: str, package: str) -> None:
    """Without the file system of a scheme the error has the line that installs it."""
    if find_spec(package.replace("-", "_")):
        pytest.skip(f"{package} is installed")
    with pytest.raises(UserError, match=rf"{scheme}:// needs a package .*pip install {package}"):
        file_system(f"{scheme}://birds")


@pytest.mark.parametrize("url", ["gs://birds/a.jpg", "azure://birds/a.jpg"])
def test_a_library_that_repeats_is_asked_once(url: str) -> None:
    """Where the library tries for minutes by itself, its failure is the last word."""
    tries = 0

    def read() -> bytes:
        nonlocal tries
        tries += 1
        raise ConnectionError("refused")

    with pytest.raises(UserError, match=r"refused\), tried several times"):
        insist(url, read)
    assert tries == 1


@pytest.mark.parametrize("url", ["s3://birds/a.jpg", "file:///a.jpg"])
def test_a_bucket_is_not_asked_for_where_the_answer_says_which(url: str) -> None:
    """For S3, and for a path, no second request is made."""
    assert not is_gone(url)


@pytest.mark.parametrize(
    ("error", "gone"),
    [(FileNotFoundError("birds"), True), (OSError("Forbidden: birds"), False), (None, False)],
)
def test_a_bucket_is_absent_only_where_that_is_said(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, gone: bool
) -> None:
    """A bucket whose properties may not be read is there; its listing says what is wrong."""

    class Storage:
        def info(self, url: str) -> None:
            assert url == "az://birds"
            if error:
                raise error

    monkeypatch.setattr(storage, "file_system", lambda _: Storage())
    assert is_gone("azure://birds/2024/a.jpg") is gone


def test_an_unknown_scheme_is_refused() -> None:
    """A scheme that nobody knows is an error that names some that are known."""
    with pytest.raises(UserError, match=r"birds:// is no storage that is known; .*s3"):
        file_system("birds://a")


def test_a_storage_whose_url_is_not_all_is_refused() -> None:
    """Where fsspec takes the host from elsewhere than the URL, that is said, and what is read."""
    with pytest.raises(UserError, match=r"sftp:// cannot be told from its URL alone; .*gs, s3"):
        file_system("sftp://host/photos")


@pytest.mark.parametrize("error", [TypeError("no host"), OSError(EINVAL, "stored with a key")])
def test_what_is_wrong_with_a_name_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """One bad line of a list is an error of that file, for which nothing is waited."""
    monkeypatch.setattr(storage, "_WAITS", (3600,))

    def read() -> bytes:
        raise error

    with pytest.raises(OSError, match=str(error.args[-1])) as caught:
        insist("s3://birds/a.jpg", read)
    assert (caught.value.errno, caught.value.filename) == (EINVAL, "s3://birds/a.jpg")


def test_what_is_wrong_with_the_machine_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that would fail every photo ends the run, and is no property of one."""
    monkeypatch.setattr(storage, "_WAITS", (3600,))

    def read() -> bytes:
        raise ValueError("Invalid endpoint: localhost")

    with pytest.raises(UserError, match=r"is refused .*no fault of the photo"):
        insist("s3://birds/a.jpg", read)


def test_a_listing_has_a_file_system_of_its_own() -> None:
    """A listing repeats its pages, by an instance that photos do not share."""
    assert listing_system("file:///photos") is not file_system("file:///photos")
    assert listing_system("FILE:///photos") is listing_system("file:///photos")


def test_what_is_gone_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing key has the number and the name that a missing file has, and is asked for once."""
    monkeypatch.setattr(storage, "_WAITS", (3600,))

    def read() -> bytes:
        raise FileNotFoundError("birds/a.jpg")  # as s3fs does

    with pytest.raises(FileNotFoundError) as error:
        insist("s3://birds/a.jpg", read)
    assert error.value.errno == ENOENT
    assert error.value.strerror == os.strerror(ENOENT)
    assert error.value.filename == "s3://birds/a.jpg"


def test_threads_share_one_file_system() -> None:
    """However many threads ask at the same time, one is loaded, with its connections."""
    storage._of_scheme.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        systems = list(pool.map(file_system, ["file:///photos"] * 8))
    assert len({id(system) for system in systems}) == 1


def test_photos_on_the_disk_load_nothing_of_it(tmp_path: Path) -> None:
    """Where the photos are in a folder fsspec is not loaded."""
    code = (
        "import sys; from stages.dataset.bucket_scan import scan_photos;"
        f"assert scan_photos({str(tmp_path)!r}, 1).facts == [];"
        "sys.exit('fsspec' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
