"""A DVC remote on S3, against a server that speaks it."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from stages.tools.remote_plugins import plugin_notes

pytestmark = pytest.mark.slow
DVC = (sys.executable, "-m", "dvc")


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a repository with one file under DVC and a default remote on S3."""
    for name in ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "DVC_SITE_CACHE_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
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
    """A photo goes to S3 and back; without dvc-s3 the check's note has the line that installs it.

    .ci/run installs requirements-extra.txt for this test.
    """
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
