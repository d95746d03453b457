"""A folder and the tars that it was packed to give the same files of results, byte for byte."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.tiny_repo import Repo, copy_of, hashes

pytestmark = pytest.mark.slow
MADE = ("data/manifest", "data/presized", "data/splits.csv", "reports/ingest", "reports/presize")


def results(repo: Repo) -> dict[str, str | dict[str, str]]:
    """Return the hashes of what the stages up to the split wrote."""
    return {name: hashes(repo.path / name) for name in MADE if (repo.path / name).is_dir()} | {
        name: (repo.path / name).read_text() for name in MADE if (repo.path / name).is_file()
    }


def by_class(repo: Repo) -> Path:
    """Move the photos into a folder for each class, with a note and hidden files beside them."""
    photos = repo.path / "data" / "photos"
    for photo in sorted(photos.glob("*.jpg")):
        label = photo.name.split("_")[0]
        (photos / label).mkdir(exist_ok=True)
        photo.rename(photos / label / photo.name)
    (photos / "notes.txt").write_text("a note")
    repo.change({"ingest.label.by": "folder"})
    return photos


def pack(repo: Repo, photos: str) -> None:
    """Pack the photos of a folder into data/packed."""
    repo.run(sys.executable, "-m", "stages.tools.pack", "--out", "data/packed", photos)


def packed_copy(repo: Repo, target: Path) -> Repo:
    """Return a copy of a project that has its photos in tars alone."""
    packed = copy_of(repo, target)
    pack(packed, "data/photos")
    shutil.rmtree(packed.path / "data" / "photos")
    packed.change({"ingest.images": "data/packed"})
    return packed


@pytest.mark.thorough  # tests/dataset/test_packed_scan.py watches what ingest reads
def test_packed_photos_give_the_bytes_of_the_folder(fresh: Repo, tmp_path: Path) -> None:
    """Manifest, store, split and reports are the same, with corrections."""
    by_class(fresh)
    corrections = fresh.path / "data" / "corrections.csv"
    corrections.write_text(corrections.read_text() + "disc/disc_00.jpg,,relabel,square,seen\n")
    packed = packed_copy(fresh, tmp_path / "packed")
    assert "in order" in packed.run(sys.executable, "-m", "stages.tools.check")
    fresh.repro("datablock")
    packed.repro("datablock")
    assert results(packed) == results(fresh)
    assert len(results(packed)) == len(MADE)
    assert packed.repro("datablock") == set()


@pytest.mark.thorough  # tests/dataset/test_pack.py adds photos, without the stages
def test_photos_that_are_added_are_packed_behind_the_others(fresh: Repo, tmp_path: Path) -> None:
    """They get a tar of their own, the stages run again, and the bytes are the folder's."""
    photos = by_class(fresh)
    packed = packed_copy(fresh, tmp_path / "packed")
    packed.repro("datablock")
    (tmp_path / "new" / "disc").mkdir(parents=True)
    shutil.copy(photos / "disc" / "disc_01.jpg", tmp_path / "new" / "disc" / "disc_99.jpg")
    shutil.copytree(tmp_path / "new", photos, dirs_exist_ok=True)
    pack(packed, str(tmp_path / "new"))
    assert (packed.path / "data" / "packed" / "photos-000001.tar").is_file()
    fresh.repro("datablock")
    assert {"ingest", "presize"} <= packed.repro("datablock")
    assert results(packed) == results(fresh)


def test_a_damaged_tar_ends_ingest_with_one_line(fresh: Repo) -> None:
    """The line names the tar and the offset, before DVC removes anything and in the stage too."""
    packed = fresh.path / "data" / "packed"
    fresh.run(sys.executable, "-m", "stages.tools.pack", "data/photos", "--out", "data/packed")
    fresh.change({"ingest.images": "data/packed"})
    tar = packed / "photos-000000.tar"
    tar.write_bytes(tar.read_bytes()[:50_000])
    for module in ("stages.tools.check", "stages.ingest"):
        said = fresh.run(sys.executable, "-m", module, code=1)
        assert "data/packed/photos-000000.tar is damaged at byte " in said
        assert "Traceback" not in said
