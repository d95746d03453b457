"""Photos in a bucket of Google and of Azure, on servers of this machine that speak as theirs do.

CI has neither. To run them: pip install dvc-gs gcp-storage-emulator dvc-azure, and for Azure also
npm install -g azurite.
"""

import io
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import pytest

from stages.base import storage
from stages.base.bucket import Bucket, BucketFile, bucket_file
from stages.base.errors import UserError
from stages.base.provider import fsspec_url
from stages.base.storage import MissingBucket
from stages.dataset.bucket_scan import scan_photos
from stages.dataset.scan import scan_folder
from stages.predict.find_sources import find_sources
from stages.predict.path_in_tar import TarPaths
from stages.predict.photo_source import PhotoSource, Unread, read_source_bytes
from tests.bucket_server import put_dvc_first
from tests.cloud_servers import (
    ACCOUNT,
    AZURITE,
    KEY,
    azure_server,
    clear_environment,
    connection_string,
    google_server,
    refusing_google,
)
from tests.tiny_repo import Repo

pytestmark = [pytest.mark.slow, pytest.mark.thorough]
GOOGLE = find_spec("dvc_gs") and find_spec("gcp_storage_emulator")
AZURE = find_spec("dvc_azure") and shutil.which(AZURITE)
needs_google = pytest.mark.skipif(not GOOGLE, reason="needs dvc-gs and gcp-storage-emulator")
needs_azure = pytest.mark.skipif(not AZURE, reason="needs dvc-azure and azurite")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run a server for each provider whose programs are here, with an empty bucket."""
    before = dict(os.environ)
    clear_environment()
    put_dvc_first(tmp_path_factory.mktemp("bin"))
    # Nobody has a key of Google's here, and no machine of Google is asked for one.
    os.environ.update(NO_GCE_CHECK="true", HOME=str(tmp_path_factory.mktemp("home")))
    found = {}
    servers = ExitStack()
    if GOOGLE:
        found["gs"] = servers.enter_context(google_server())
        os.environ["STORAGE_EMULATOR_HOST"] = found["gs"]
    if AZURE:
        folder = tmp_path_factory.mktemp("azurite")
        found["azure"] = servers.enter_context(azure_server(folder))
        os.environ["AZURE_STORAGE_CONNECTION_STRING"] = connection_string(found["azure"])
    storage._of_scheme.cache_clear()
    for scheme in found:
        storage.file_system(f"{scheme}://").mkdir("birds")
    yield found
    storage._of_scheme.cache_clear()
    servers.close()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(
    params=[pytest.param("gs", marks=needs_google), pytest.param("azure", marks=needs_azure)]
)
def url(request: pytest.FixtureRequest, addresses: dict[str, str], tmp_path: Path) -> str:
    """Return the URL of an empty folder in a bucket."""
    storage._of_scheme.cache_clear()
    return f"{request.param}://birds/{tmp_path.name}"


def upload(url: str, *files: Path) -> None:
    """Put files into a folder of a bucket."""
    for file in files:
        storage.file_system(url).pipe_file(fsspec_url(f"{url}/{file.name}"), file.read_bytes())


@pytest.fixture
def photos(fresh: Repo, url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of photos whose copies are in the bucket; the working folder is empty."""
    folder = fresh.path / "data" / "photos"
    upload(url, *folder.glob("*.jpg"))
    (fresh.path.parent / "run").mkdir()
    monkeypatch.chdir(fresh.path.parent / "run")
    return folder


@pytest.fixture
def contents_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the paths of the photos whose content is asked for."""
    asked: list[str] = []
    read = BucketFile.read_bytes

    def noting(self: BucketFile) -> bytes:
        asked.append(self.path)
        return read(self)

    monkeypatch.setattr(BucketFile, "read_bytes", noting)
    return asked


def test_a_bucket_is_scanned_as_the_folder_and_read_once(
    photos: Path, url: str, contents_read: list[str]
) -> None:
    """What the listing says to be unchanged is not read again; a changed photo alone is."""
    assert scan_photos(url, 1) == scan_folder(photos, 1)
    assert len(contents_read) == 72
    contents_read.clear()
    scan_photos(url, 1)
    assert contents_read == []
    (photos / "disc_00.jpg").write_bytes((photos / "disc_01.jpg").read_bytes())
    upload(url, photos / "disc_00.jpg")
    assert scan_photos(url, 1) == scan_folder(photos, 1)
    assert contents_read == ["disc_00.jpg"]


def test_photos_to_predict_are_those_of_the_bucket(photos: Path, url: str) -> None:
    """A URL of a folder or a photo is read; a photo that is gone is a row of its own."""
    (found,) = find_sources([url], "path", io.BytesIO(), TarPaths())
    first = next(iter(found.sources))
    assert (found.count, first.name) == (72, f"{url}/disc_00.jpg")
    assert read_source_bytes(first) == (photos / "disc_00.jpg").read_bytes()
    one = bucket_file(f"{url}/disc_00.jpg")
    assert one.read_head(3) == b"\xff\xd8\xff"
    assert one.read_in_pieces(lambda copy: copy.read()) == one.read_bytes()
    (listed, *_) = Bucket(url).files()
    assert one.looked_up().version == listed.version != ""
    gone = PhotoSource("gone", bucket_file(f"{url}/gone.jpg"))
    assert read_source_bytes(gone) == Unread("unreadable: No such file or directory")


def test_a_bucket_that_is_absent_is_told_from_an_empty_folder(url: str) -> None:
    """Neither provider's listing says it; the bucket itself is asked for."""
    assert Bucket(f"{url}/none").files() == []
    absent = url.replace("://birds/", "://no-birds/")
    with pytest.raises(MissingBucket, match=r"://no-birds does not exist .* look after its name"):
        Bucket(absent).files()
    with pytest.raises(MissingBucket):
        bucket_file(f"{absent}/a.jpg").read_bytes()


def test_dvc_reruns_when_the_bucket_changes_and_only_then(url: str, fresh: Repo) -> None:
    """Dvc repro sees what came into the bucket; ingest and presize make what a folder gives."""
    folder = fresh.path / "data" / "photos"
    fresh.repro("presize")
    shards = {file.name: file.read_bytes() for file in (fresh.path / "data/presized").iterdir()}
    upload(url, *folder.glob("*.jpg"))
    fresh.change({"ingest.images": url})
    assert "in order" in fresh.run(sys.executable, "-m", "stages.tools.check")
    assert "ingest" in fresh.repro("presize")
    assert fresh.repro("presize") == set()
    assert shards == {
        file.name: file.read_bytes() for file in (fresh.path / "data/presized").iterdir()
    }
    (folder / "stripes_99.jpg").write_bytes((folder / "disc_00.jpg").read_bytes() + b"\0")
    upload(url, folder / "stripes_99.jpg")
    assert {"ingest", "presize"} <= fresh.repro("presize")


def test_a_bucket_that_does_not_exist_is_one_line(url: str, fresh: Repo) -> None:
    """Ingest names the bucket, without a trace of the library."""
    fresh.change({"ingest.images": url.replace("://birds/", "://no-birds/")})
    said = fresh.run(sys.executable, "-m", "stages.ingest", code=1)
    line, hint = [line for line in said.splitlines() if line]
    assert line.startswith("finetrack: the bucket ")
    assert hint.startswith("What DVC removed before")


@needs_google
@pytest.mark.parametrize(
    ("status", "message", "line"),
    [
        (
            401,
            "Anonymous caller does not have storage.objects.list access to the bucket.",
            r"credentials do not do .*GOOGLE_APPLICATION_CREDENTIALS",
        ),
        (
            403,
            "me@a.iam.gserviceaccount.com does not have storage.objects.list access to the bucket.",
            r"may not be listed .*does not have storage.objects.list access",
        ),
        (
            403,
            "The project to be billed is associated with a closed account.",
            r"may not be listed",
        ),
    ],
)
def test_what_google_refuses_is_one_line(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch, status: int, message: str, line: str
) -> None:
    """No key, one without the right and a project without an account are told apart."""
    with refusing_google(status, message) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        storage._of_scheme.cache_clear()
        with pytest.raises(UserError, match=line) as error:
            Bucket("gs://birds/2024").files()
    assert len(error.value.lines) == 1


@needs_azure
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AZURE_STORAGE_CONNECTION_STRING", ""),  # and nothing else: no account
        ("AZURE_STORAGE_CONNECTION_STRING", "nonsense"),
        ("AZURE_STORAGE_KEY", "d3Jvbmc="),
    ],
)
def test_a_key_that_azure_refuses_is_one_line(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """No account, a text that names none and a wrong key name the variables that give them."""
    if name == "AZURE_STORAGE_KEY":
        name, value = (
            "AZURE_STORAGE_CONNECTION_STRING",
            connection_string(addresses["azure"], value),
        )
    monkeypatch.setenv(name, value)
    storage._of_scheme.cache_clear()
    with pytest.raises(UserError, match=r"credentials do not do .*AZURE_STORAGE_") as error:
        Bucket("azure://birds/2024").files()
    assert len(error.value.lines) == 1


@needs_azure
def test_an_account_without_any_key_is_one_line_within_seconds(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the ways of signing in give nothing, the listing does not try them again and again."""
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", ACCOUNT)
    storage._of_scheme.cache_clear()
    start = time.monotonic()
    with pytest.raises(UserError, match=r"credentials do not do .*AZURE_STORAGE_KEY") as error:
        Bucket("azure://birds/2024").files()
    assert time.monotonic() - start < 30
    assert len(error.value.lines) == 1


@needs_azure
def test_an_account_and_its_key_open_a_bucket(
    addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two variables that DVC knows too lead to the account's address and sign what is asked."""
    from adlfs import spec

    storage._of_scheme.cache_clear()
    storage.file_system("azure://birds").pipe_file("birds/keyed/a.jpg", b"a")
    to_service = spec._create_aio_blob_service_client
    asked: list[str] = []

    def to_azurite(account_url: str, **options: object) -> object:
        asked.append(account_url)
        return to_service(account_url=f"{addresses['azure']}/{ACCOUNT}", **options)

    # Azure's own address, which no test may reach, is all that is replaced.
    monkeypatch.setattr(spec, "_create_aio_blob_service_client", to_azurite)
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_KEY", KEY)
    storage._of_scheme.cache_clear()
    (file,) = Bucket("azure://birds/keyed").files()
    assert file.read_bytes() == b"a"
    assert set(asked) == {f"https://{ACCOUNT}.blob.core.windows.net"}
