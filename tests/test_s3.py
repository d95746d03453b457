"""A DVC remote on S3, against a server that speaks it.

.ci/run installs requirements-extra.txt for these tests; the thorough one wants it as well.
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from stages.tools.remote_plugins import plugin_notes
from tests.bucket_server import put_dvc_first, s3_server
from tests.tiny_repo import Repo, copy_of, hashes

pytestmark = pytest.mark.slow
DVC = (sys.executable, "-m", "dvc")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the environment what every client of S3 asks for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credentials: None) -> Path:
    """Stand in a repository with one file under DVC and a default remote on S3."""
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "repo").mkdir()
    monkeypatch.chdir(tmp_path / "repo")
    Path("photo.jpg").write_bytes(b"pixels")
    run("git", "init", "-q")
    run(*DVC, "init", "-q")
    run(*DVC, "add", "-q", "photo.jpg")
    run(*DVC, "remote", "add", "-q", "-d", "store", "s3://store/finetrack")
    return tmp_path / "repo"


def run(*command: str) -> str:
    """Run a command here; return what it prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def test_what_is_pushed_is_pulled_or_the_package_is_named(repo: Path) -> None:
    """A photo goes to S3 and back; without dvc-s3 a note has the line that installs it."""
    if find_spec("dvc_s3") is None:
        (note,) = plugin_notes()
        assert note.endswith("pip install dvc-s3")
        return
    import boto3
    from moto.server import ThreadedMotoServer

    assert list(plugin_notes()) == []
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket="store")
        run(*DVC, "remote", "modify", "-q", "store", "endpointurl", address)
        run(*DVC, "push", "-q")
        Path("photo.jpg").unlink()
        run("rm", "-r", ".dvc/cache")
        run(*DVC, "pull", "-q")
        assert Path("photo.jpg").read_bytes() == b"pixels"
        assert "in sync" in run(*DVC, "status", "-c")
    finally:
        server.stop()


@pytest.mark.thorough  # the photo above takes the same way
def test_a_clone_has_all_of_a_project_from_s3(
    built: Repo, tmp_path: Path, credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After push, clone and `dvc pull` nothing is left to run, and all files are equal."""
    pytest.importorskip("dvc_s3")
    pytest.importorskip("moto")
    import boto3

    monkeypatch.setenv("PATH", os.environ["PATH"])  # which comes back at the end
    (tmp_path / "bin").mkdir()
    put_dvc_first(tmp_path / "bin")
    mine = copy_of(built, tmp_path / "mine")
    with s3_server() as server:
        boto3.client("s3", endpoint_url=server.address).create_bucket(Bucket="store")
        mine.run("dvc", "remote", "add", "-d", "store", "s3://store/finetrack")
        mine.run("dvc", "remote", "modify", "store", "endpointurl", server.address)
        mine.commit()
        mine.run("dvc", "push")
        mine.run("git", "clone", "-q", str(mine.path), str(tmp_path / "other" / "clone"))
        clone = Repo(tmp_path / "other" / "clone")
        assert not (clone.path / "data" / "photos").exists()
        clone.run("dvc", "pull")
        assert "in sync" in clone.run("dvc", "status", "--cloud")
    assert clone.repro() == set()
    for folder in ("data/photos", "data/presized", "data/model", "reports"):
        assert hashes(clone.path / folder) == hashes(mine.path / folder)
