"""Photos in a bucket of Google's, against an emulator on this machine.

gcsfs and gcp-storage-emulator are installed for these tests alone.
"""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.base.bucket import Bucket
from tests.tiny_repo import Repo, make_photos

# Otherwise gcsfs asks by gRPC of what kind the bucket is, which the emulator does not speak. It
# reads this when it is imported.
os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
gcsfs = pytest.importorskip("gcsfs")
emulator = pytest.importorskip("gcp_storage_emulator.server")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.thorough,  # tests/test_bucket.py watches the same of S3
]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let gs://birds/2024 hold the photos of the folder that is returned."""
    folder = tmp_path / "photos"
    make_photos(folder)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://localhost:{port}")
    server = emulator.create_server("localhost", port, in_memory=True, default_bucket="birds")
    server.start()
    system = gcsfs.GCSFileSystem(token="anon", skip_instance_cache=True)
    for photo in folder.iterdir():
        system.pipe(f"birds/2024/{photo.name}", photo.read_bytes())
    yield folder
    server.stop()


def test_photos_are_read_by_url_and_known_by_their_etag(photos: Path) -> None:
    """A listing has every photo with its size and a version, and the content is the file's."""
    files = Bucket("gs://birds/2024").files()
    assert [file.path for file in files] == sorted(photo.name for photo in photos.iterdir())
    for file in files[:3]:
        content = (photos / file.path).read_bytes()
        assert file.size == len(content)
        assert file.version.endswith(f"== {len(content)}")
        assert file.read_bytes() == content


def test_the_stages_read_it_as_the_folder(photos: Path, fresh: Repo) -> None:
    """The labels are those of the folder, every photo is presized, and an empty bucket is named."""
    fresh.run("python", "-m", "stages.ingest")
    labels = fresh.table("data/manifest/labels.csv")
    fresh.change({"ingest.images": "gs://birds/2024"})
    fresh.run("python", "-m", "stages.ingest")
    fresh.run("python", "-m", "stages.presize")
    assert fresh.table("data/manifest/labels.csv") == labels
    assert len(fresh.table("data/presized/index.csv")) == len(labels)
    fresh.change({"ingest.images": "gs://birds/1999"})
    said = fresh.run("python", "-m", "stages.ingest", code=1)
    assert "gs://birds/1999 holds no file" in said
