"""Photos in a bucket of S3, from DVC's look into it to the presized store and to predict."""

import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.base import storage
from stages.base.bucket import Bucket, bucket_file
from stages.base.errors import UserError
from stages.dataset import bucket_scan
from stages.dataset.bucket_scan import scan_photos
from stages.dataset.scan import require_images, scan_folder
from stages.predict import photo_source
from stages.predict.find_sources import find_sources
from stages.predict.path_in_tar import TarPaths
from stages.predict.photo_source import PhotoSource, Unread, read_source_bytes
from tests.bucket_server import S3Server, put_dvc_first, s3_server
from tests.tiny_repo import Repo, copy_of

# .ci/run installs requirements-extra.txt for these tests.
pytest.importorskip("s3fs")
pytest.importorskip("moto")
pytestmark = pytest.mark.slow
URL = "s3://birds/2024"


@pytest.fixture(scope="session", autouse=True)
def dvc_of_this_python(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let subprocesses find what this Python has."""
    put_dvc_first(tmp_path_factory.mktemp("bin"))


@pytest.fixture(scope="module")
def running() -> Iterator[S3Server]:
    """Return a server, for all tests of this file."""
    with s3_server() as server:
        yield server


@pytest.fixture
def server(
    running: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[S3Server]:
    """Return a server without a bucket, which the environment leads to as a user's would."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": running.address,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    storage._of_scheme.cache_clear()
    running.refusals.clear()
    running.page_refusals.clear()
    client(running).create_bucket(Bucket="birds")
    yield running
    for key in keys(running):
        client(running).delete_object(Bucket="birds", Key=key)


def client(server: S3Server) -> Any:
    """Return what writes into buckets."""
    import boto3

    return boto3.client("s3", endpoint_url=server.address)


def keys(server: S3Server) -> list[str]:
    """Return all keys of the bucket."""
    listed = client(server).list_objects_v2(Bucket="birds")
    return [item["Key"] for item in listed.get("Contents", [])]


def upload(server: S3Server, folder: Path, *names: str) -> None:
    """Put files of a folder, or all, into the bucket."""
    for file in sorted(folder.rglob("*.jpg")):
        path = file.relative_to(folder).as_posix()
        if not names or path in names:
            client(server).put_object(Bucket="birds", Key=f"2024/{path}", Body=file.read_bytes())
    server.asked.clear()


@pytest.fixture
def photos(fresh: Repo, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of 72 photos whose copies are in the bucket; the working folder is empty."""
    folder = fresh.path / "data" / "photos"
    upload(server, folder)
    (fresh.path.parent / "run").mkdir()
    monkeypatch.chdir(fresh.path.parent / "run")
    return folder


def test_the_scan_is_that_of_the_folder_and_reads_once(photos: Path, server: S3Server) -> None:
    """Facts are those of the files; an unchanged photo is not asked for again, a new one is."""
    client(server).put_object(Bucket="birds", Key="2024/", Body=b"")  # a console's "folder"
    server.asked.clear()
    assert scan_photos(URL, 1) == scan_folder(photos, 1)
    assert len([line for line in server.asked if line.startswith("GET /birds/2024/")]) == 72
    assert len(server.asked) == 73  # a listing, and one request a photo
    server.asked.clear()
    shutil.copy(photos / "disc_00.jpg", photos / "new.jpg")
    shutil.copy(photos / "disc_01.jpg", photos / "square_00.jpg")
    upload(server, photos, "new.jpg", "square_00.jpg")
    assert scan_photos(URL, 1) == scan_folder(photos, 1)
    assert server.photos_read() == ["/birds/2024/new.jpg", "/birds/2024/square_00.jpg"]


def test_busy_servers_are_asked_again(
    photos: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is busy or broken for a while changes no fact."""
    monkeypatch.setattr(storage, "_WAITS", (0.1, 0.1, 0.1, 0.1))
    server.refusals.extend(["SlowDown", "InternalError"] * 20)
    assert scan_photos(URL, 1) == scan_folder(photos, 1)


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("SlowDown", r"cannot be read now .* tried 3 times, which is no fault of the photo"),
        ("InvalidAccessKeyId", r"the credentials do not do .*AWS_PROFILE"),
        ("RequestTimeTooSkewed", r"is refused .*no fault of the photo; look after .*clock"),
    ],
)
def test_a_server_that_refuses_all_ends_the_run(
    photos: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch, code: str, line: str
) -> None:
    """What is wrong with the server or the key is one line, and no photo's property."""
    monkeypatch.setattr(storage, "_WAITS", (0, 0))
    server.refusals.extend([code] * 2000)
    with pytest.raises(UserError, match=line) as error:
        scan_photos(URL, 1)
    assert len(error.value.lines) == 1


def lines_of(said: str) -> list[str]:
    """Return the lines of a stage that failed, without the last, which says how to restore."""
    *lines, last = [line for line in said.splitlines() if line]
    assert last.startswith("What DVC removed before")
    return lines


def test_a_bucket_that_does_not_exist_is_one_line(server: S3Server, fresh: Repo) -> None:
    """Ingest names the bucket and the remedy, at the first request."""
    fresh.change({"ingest.images": "s3://no-birds/2024"})
    server.asked.clear()
    (line,) = lines_of(fresh.run(sys.executable, "-m", "stages.ingest", code=1))
    assert line.startswith("finetrack: the bucket s3://no-birds does not exist")
    assert "AWS_ENDPOINT_URL" in line
    assert server.asked == ["GET /no-birds"]


@pytest.mark.thorough  # one that is absent ends a command above
def test_a_bucket_that_went_is_no_fault_of_each_photo(server: S3Server, fresh: Repo) -> None:
    """Presize ends with one line where the bucket that ingest read is not there any more."""
    folder = fresh.path / "data" / "photos"
    upload(server, folder)
    fresh.change({"ingest.images": URL})
    fresh.run(sys.executable, "-m", "stages.ingest")
    for key in keys(server):
        client(server).delete_object(Bucket="birds", Key=key)
    client(server).delete_bucket(Bucket="birds")
    try:
        said = fresh.run(sys.executable, "-m", "stages.presize", code=1)
    finally:
        client(server).create_bucket(Bucket="birds")
    (line,) = lines_of(said)
    assert line.startswith("finetrack: the bucket s3://birds does not exist")


def test_a_server_of_another_kind_is_named(server: S3Server, fresh: Repo) -> None:
    """Where AWS_ENDPOINT_URL leads to a web server, the line says so, and no folder is empty."""
    fresh.change({"ingest.images": URL})
    server.is_a_web_site = True
    try:
        (line,) = lines_of(fresh.run(sys.executable, "-m", "stages.ingest", code=1))
    finally:
        server.is_a_web_site = False
    assert line.startswith(f"finetrack: {URL} cannot be read: the server that answered is no")
    assert "AWS_ENDPOINT_URL" in line


def test_a_photo_of_an_absent_bucket_is_a_row(photos: Path) -> None:
    """A list may name several buckets, of which one that is not there spoils its own photos."""
    url = "s3://no-birds/2024/a.jpg"
    read = read_source_bytes(PhotoSource(url, bucket_file(url)))
    assert read == Unread("unreadable: the bucket does not exist")


def test_photos_that_may_not_be_read_are_named(photos: Path, server: S3Server) -> None:
    """A photo that the bucket refuses is unreadable, by name, as a file without the right is."""
    server.refusals.append("AccessDenied")
    scan = scan_photos(URL, 1)
    (problem,) = scan.problems
    assert (problem.problem, problem.detail) == ("unreadable", "AccessDenied")
    assert len(scan.facts) == 71


def test_photos_none_of_which_may_be_read_are_one_line(photos: Path, server: S3Server) -> None:
    """A bucket that may be listed and not read is a fault of the place, with one line for all."""
    server.refusals += ["AccessDenied"] * 72
    with pytest.raises(UserError, match=r"none of its first 72 .*AccessDenied.*allow reading") as e:
        scan_photos(URL, 1)
    assert len(e.value.lines) == 1


def test_photos_in_an_archive_are_named(photos: Path, server: S3Server) -> None:
    """That none of them can be read is no want of a right, and each has its line."""
    server.refusals += ["InvalidObjectState"] * 72
    scan = scan_photos(URL, 1)
    (detail,) = {problem.detail for problem in scan.problems}
    assert detail == "The operation is not valid for the object's storage class"
    assert len(scan.problems) == 72


def test_a_network_fault_in_a_large_photo_is_none_of_it(
    photos: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where requests fail while a photo is read in pieces, no false fact is kept under its ETag."""
    monkeypatch.setattr(storage, "_WAITS", (0, 0))
    monkeypatch.setattr(bucket_scan, "MAX_WHOLE_READ", 10)
    server.refusals.extend(["InternalError"] * 2000)
    with pytest.raises(UserError, match="cannot be read now"):
        scan_photos(URL, 1)
    server.refusals[:] = ["InternalError"] * 2  # fewer than the tries of one photo
    assert scan_photos(URL, 1) == scan_folder(photos, 1)


def test_a_bad_line_of_a_list_ends_no_run(
    photos: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What S3 or botocore has against one name is that photo's row, at once and for good."""
    monkeypatch.setattr(storage, "_WAITS", (3600,))
    server.refusals.append("InvalidRequest")  # as for a photo that was stored with a key of its own
    for url in (f"{URL}/disc_00.jpg", "s3://no such bucket!/a.jpg", f"{URL}/{'a' * 2000}.jpg"):
        read = read_source_bytes(PhotoSource(url, bucket_file(url)))
        assert isinstance(read, Unread)
        assert not read.again


def test_a_listing_goes_on_at_the_page_that_failed(photos: Path, server: S3Server) -> None:
    """A page that a busy server refuses is asked for again, and not those before it."""
    server.page_refusals.extend(["SlowDown"] * 3)
    with pytest.MonkeyPatch.context() as context:
        context.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")
        assert len(Bucket(URL).files()) == 72
    assert len(server.asked) == 8 + 3


def test_files_that_are_no_images_are_named(server: S3Server, tmp_path: Path) -> None:
    """An empty object has no first bytes, and is named beside others, of which twenty are read."""
    for number in range(30):
        body = b"%PDF-1.7" if number else b""
        client(server).put_object(Bucket="birds", Key=f"2024/{number:02}.pdf", Body=body)
    with pytest.MonkeyPatch.context() as context:
        context.chdir(tmp_path)
        scan = scan_photos(URL, 1)
        server.asked.clear()
        with pytest.raises(UserError, match=r"00.pdf: not an image: 0 bytes"):
            require_images(scan, URL)
    assert len(server.asked) == 19


def test_a_url_is_looked_up_before_it_is_read(
    photos: Path, server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL has the size and version of the listing; a film behind it is not read."""
    (listed, *_) = Bucket(URL).files()
    found = bucket_file(str(listed)).looked_up()
    assert (found.size, found.version) == (listed.size, listed.version)
    assert bucket_file(f"{URL}/gone.jpg").looked_up().version == ""
    server.asked.clear()
    monkeypatch.setattr(photo_source, "MOST_BYTES", 10)
    read = read_source_bytes(PhotoSource("film", bucket_file(str(listed))))
    assert isinstance(read, Unread)
    assert read.problem.startswith("too large")
    assert server.asked == ["HEAD /birds/2024/disc_00.jpg"]


@pytest.mark.thorough  # a server that refuses all ends the run above
def test_a_server_that_is_gone_ends_a_command_with_one_line(server: S3Server, fresh: Repo) -> None:
    """`python -m stages.ingest` ends within a minute, with 1 and a line, when nobody answers."""
    fresh.change({"ingest.images": URL})
    with pytest.MonkeyPatch.context() as context:
        context.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        said = fresh.run(sys.executable, "-m", "stages.ingest", code=1)
    lines = [line for line in said.splitlines() if line]
    assert lines[0].startswith(f"finetrack: {URL} cannot be read now (")
    assert len(lines) == 2  # the other says how to restore outputs


def test_without_credentials_the_line_says_what_gives_them(server: S3Server, fresh: Repo) -> None:
    """Where no key is found the line names the variables for one."""
    fresh.change({"ingest.images": URL})
    with pytest.MonkeyPatch.context() as context:
        context.delenv("AWS_ACCESS_KEY_ID")
        context.delenv("AWS_SECRET_ACCESS_KEY")
        said = fresh.run(sys.executable, "-m", "stages.ingest", code=1)
    assert "the credentials do not do (NoCredentialsError" in said
    assert "AWS_PROFILE" in said


def test_dvc_reruns_when_the_bucket_changes_and_only_then(
    server: S3Server, fresh: Repo, tmp_path: Path
) -> None:
    """Dvc repro sees what came into the bucket, reads that alone, and makes the folder's store."""
    local = copy_of(fresh, tmp_path / "local")
    folder = fresh.path / "data" / "photos"
    upload(server, folder)
    fresh.change({"ingest.images": URL})
    moved = folder.rename(tmp_path / "photos")
    assert {"ingest", "presize"} <= fresh.repro("presize")
    assert len(set(server.photos_read())) == 72
    assert fresh.repro("presize") == set()
    assert server.photos_read() == []

    (moved / "stripes_99.jpg").write_bytes((moved / "disc_00.jpg").read_bytes() + b"\0")
    upload(server, moved, "stripes_99.jpg")
    assert {"ingest", "presize"} <= fresh.repro("presize")
    assert set(server.photos_read()) == {"/birds/2024/stripes_99.jpg"}

    shutil.copy(moved / "stripes_99.jpg", local.path / "data" / "photos")
    local.repro("presize")
    for name in ("data/manifest/images.csv", "data/manifest/labels.csv"):
        assert (fresh.path / name).read_bytes() == (local.path / name).read_bytes()
    stored = {file.name: file.read_bytes() for file in (fresh.path / "data/presized").iterdir()}
    assert stored == {
        file.name: file.read_bytes() for file in (local.path / "data/presized").iterdir()
    }
    assert (fresh.path / "reports/presize/metrics.json").read_bytes() == (
        local.path / "reports/presize/metrics.json"
    ).read_bytes()


@pytest.mark.thorough  # takes long, and proves it once
def test_the_check_looks_into_the_bucket(server: S3Server, fresh: Repo) -> None:
    """`make repro` refuses an empty URL, and labels that fit no key, before DVC removes a thing."""
    fresh.change({"ingest.images": URL})
    said = fresh.run(sys.executable, "-m", "stages.tools.check", code=1)
    assert f"{URL} holds no file" in said
    upload(server, fresh.path / "data" / "photos")
    assert "in order" in fresh.run(sys.executable, "-m", "stages.tools.check")
    fresh.change({"ingest.label.regex": r"^(\d+)$"})
    assert "regex" in fresh.run(sys.executable, "-m", "stages.tools.check", code=1)
    assert server.photos_read() == []


@pytest.mark.thorough  # takes long, and proves it once
def test_tars_in_a_bucket_are_refused_with_the_way_out(
    server: S3Server, fresh: Repo, tmp_path: Path
) -> None:
    """Check, ingest, start and predict say it in one line, and read none; the copy is read."""
    folder = fresh.path / "data" / "photos"
    expected = scan_photos(str(folder), 1)
    fresh.run(sys.executable, "-m", "stages.tools.pack", "data/photos", "--out", "data/packed")
    tar = (fresh.path / "data" / "packed" / "photos-000000.tar").read_bytes()
    client(server).put_object(Bucket="birds", Key="2024/photos-000000.tar", Body=tar)
    client(server).put_object(Bucket="birds", Key="2024/.gitignore", Body=b"")
    server.asked.clear()
    line = f"{URL} holds tars alone, and photos in tars are read from a folder of this machine"
    fresh.change({"ingest.images": URL})
    for module in ("stages.tools.check", "stages.ingest"):
        said = fresh.run(sys.executable, "-m", module, code=1)
        assert line in said
        assert "Traceback" not in said
    for url in (URL, f"{URL}/", f"{URL}/photos-000000.tar"):
        with pytest.raises(UserError, match="photos in tars are read from a folder"):
            find_sources([url], "path", io.BytesIO(), TarPaths())
    assert all("tar" not in asked for asked in server.asked if asked.startswith("GET /birds/"))

    (tmp_path / "copies").mkdir()
    subprocess.run(["git", "init", "-q"], cwd=tmp_path / "copies", check=True)
    copies = Repo(tmp_path / "copies")
    copies.run("dvc", "init", "-q")
    copies.run("dvc", "import-url", "-q", f"{URL}/photos-000000.tar", "photos-000000.tar")
    (copies.path / "photos").mkdir()
    (copies.path / "photos-000000.tar").rename(copies.path / "photos" / "a.tar")
    assert scan_photos(str(copies.path / "photos"), 1) == expected


def test_photos_to_predict_are_those_of_the_bucket(photos: Path, server: S3Server) -> None:
    """A URL of a folder or of one photo is read as the files are."""
    (found,) = find_sources([URL], "path", io.BytesIO(), TarPaths())
    sources = list(found.sources)
    assert found.count == 72
    assert [source.name for source in sources] == [
        f"{URL}/{file.name}" for file in sorted(photos.iterdir())
    ]
    assert read_source_bytes(sources[0]) == (photos / "disc_00.jpg").read_bytes()
    gone = PhotoSource("gone", bucket_file(f"{URL}/gone.jpg"))
    assert read_source_bytes(gone) == Unread("unreadable: No such file or directory")
    (one,) = find_sources([f"{URL}/disc_01.jpg"], "path", io.BytesIO(), TarPaths())
    (source,) = one.sources
    assert read_source_bytes(source) == (photos / "disc_01.jpg").read_bytes()


@pytest.mark.thorough  # proves once what no code does: write there
def test_nothing_is_written_into_the_bucket(server: S3Server, fresh: Repo) -> None:
    """Ingest and presize only list and read: no request has another method."""
    upload(server, fresh.path / "data" / "photos")
    fresh.change({"ingest.images": URL})
    fresh.repro("presize")
    assert {line.split()[0] for line in server.asked} <= {"GET", "HEAD"}


def test_finetrack_lists_once(server: S3Server, fresh: Repo) -> None:
    """Ingest lists the bucket once and presize does not; all other listings are DVC's own."""
    upload(server, fresh.path / "data" / "photos")
    fresh.change({"ingest.images": URL})
    for stage, count in (("ingest", 1), ("presize", 0)):
        server.asked.clear()
        fresh.run(sys.executable, "-m", f"stages.{stage}")
        assert server.asked.count("GET /birds") == count


def test_dvc_imports_from_a_bucket(server: S3Server, fresh: Repo, tmp_path: Path) -> None:
    """`dvc import-url` copies a bucket, and `dvc update` brings what came since, as docs say."""
    folder = fresh.path / "data" / "photos"
    upload(server, folder)
    copies = tmp_path / "copies"
    copies.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=copies, check=True)
    repo = Repo(copies)
    repo.run("dvc", "init", "-q")
    repo.run("dvc", "import-url", "-q", URL, "photos")
    assert len(list((copies / "photos").iterdir())) == 72
    shutil.copy(folder / "disc_00.jpg", folder / "new.jpg")
    upload(server, folder, "new.jpg")
    repo.run("dvc", "update", "-q", "photos.dvc")
    assert (copies / "photos" / "new.jpg").read_bytes() == (folder / "new.jpg").read_bytes()
