"""Files read on a cluster: what ingest learns is what it learns here."""

from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from stages.base.errors import UserError
from stages.dataset.bucket_scan import scan_photos
from stages.dataset.scan import FileFacts, require_readable, scan_folder
from tests.cluster.thread_engine import ThreadEngine, cluster_of
from tests.dataset.test_scan import photo


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder with forty photos and two other files in photos/."""
    monkeypatch.chdir(tmp_path)
    for seed in range(40):
        photo(tmp_path / "photos" / f"{seed % 3}" / f"{seed:02}.jpg", seed=seed)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    (tmp_path / "photos" / "0" / "cut.jpg").write_bytes(b"\xff\xd8")
    yield tmp_path
    rmtree(tmp_path / "mark", ignore_errors=True)


def test_a_scan_by_a_cluster_is_the_scan_of_one_machine(root: Path) -> None:
    """Facts, problems and their order are the same, whoever reads."""
    cluster = cluster_of(ThreadEngine(), root, [])
    assert scan_folder(Path("photos"), cluster) == scan_folder(Path("photos"), 2)


def test_an_empty_folder_needs_no_worker(root: Path) -> None:
    """Where there is nothing to read nobody is asked."""
    (root / "empty").mkdir()
    engine = ThreadEngine()
    assert scan_folder(Path("empty"), cluster_of(engine, root, [])).facts == []
    assert engine.given == []


def test_a_file_that_goes_away_stops_ingest_and_is_no_row(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listed file that no worker can read is an error that names file and workers."""
    listed = scan_folder(Path("photos"), 1)
    (root / "photos" / "1" / "01.jpg").unlink()
    paths = [file.path for file in listed.facts]
    monkeypatch.setattr("stages.dataset.scan.list_files", lambda _: (paths, [], 0))
    log: list[str] = []
    scan = scan_folder(Path("photos"), cluster_of(ThreadEngine(), root, log))
    assert any(line == "1/01.jpg cannot be read by a, b" for line in log)
    assert all(isinstance(file, FileFacts) for file in scan.facts)
    with pytest.raises(UserError, match="1 files or folders in photos cannot be read"):
        require_readable(scan, "photos")


def test_a_bucket_is_scanned_from_here(root: Path) -> None:
    """No worker is asked, and the facts are those of the folder behind it."""
    engine = ThreadEngine()
    scan = scan_photos(f"file://{root}/photos", cluster_of(engine, root, []))
    assert scan == scan_folder(root / "photos", 1)
    assert engine.given == []
