"""A shard gets its photos in order, from a folder or a bucket, and asks a bucket once."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from stages.base.bucket import PhotoFolder, photo_folder
from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.packed import Packed, PackedPlace
from stages.base.tar_walk import walk_tar
from stages.store.encode_cache import EncodeCache
from stages.store.original import Fault, Faulty, Original, open_originals
from stages.store.writer import write_store
from tests.store.test_writer import PARAMS, picture, saved
from tests.tar_files import write_tar

# One that is presized, one that passes through, a copy of it, and one that is refused.
FILES = {
    "large.jpg": saved(picture(1, 90, 70)),
    "small.jpg": saved(picture(2, 20, 16)),
    "copy.jpg": saved(picture(2, 20, 16)),
    "torn.jpg": saved(picture(3, 90, 70))[:900],
}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Return a folder of the photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def manifest(files: dict[str, bytes]) -> pd.DataFrame:
    """Return paths and hashes of photos."""
    rows = [(path, sha256_bytes(content)) for path, content in sorted(files.items())]
    return pd.DataFrame(rows, columns=["path", "sha256"])


def presize(root: Path, photos: str | Packed, files: dict[str, bytes] = FILES) -> pd.DataFrame:
    """Presize photos under a root of their own; return the outcomes."""
    folder = root / "store"
    place = photo_folder(photos) if isinstance(photos, str) else photos
    return write_store(manifest(files), place, folder, root / "private", PARAMS, 2)


def packed(root: Path, files: dict[str, bytes] = FILES) -> Packed:
    """Return a packed folder of files, two to a tar."""
    places = {}
    for number in range(0, len(files), 2):
        name = f"{number}.tar"
        for one in walk_tar(write_tar(root / name, dict(list(files.items())[number : number + 2]))):
            places[one.name.decode()] = PackedPlace(name, one.offset, one.size)
    return Packed(root, places)


def contents(root: Path) -> dict[str, bytes]:
    """Return the files of a store."""
    return {file.name: file.read_bytes() for file in (root / "store").iterdir()}


def test_a_store_of_a_bucket_is_that_of_the_folder(tmp_path: Path, photos: Path) -> None:
    """Bytes and outcomes are the same, wherever the photos are read from."""
    of_folder = presize(tmp_path / "a", str(photos))
    of_bucket = presize(tmp_path / "b", f"file://{photos}")
    pd.testing.assert_frame_equal(of_bucket, of_folder)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_of_a_bucket_only_new_photos_are_read(tmp_path: Path, photos: Path) -> None:
    """What was presized before, or passed through, is made again though the photo is gone."""
    files = {name: content for name, content in FILES.items() if name != "torn.jpg"}
    url = f"file://{photos}"
    first = presize(tmp_path, url, files)
    before = contents(tmp_path)
    shutil.rmtree(photos)
    again = presize(tmp_path, url, files)
    assert contents(tmp_path) == before
    assert again["reused"].all()
    pd.testing.assert_frame_equal(again.drop(columns="reused"), first.drop(columns="reused"))
    photos.mkdir()
    (photos / "new.jpg").write_bytes(saved(picture(4, 60, 50)))
    grown = presize(tmp_path, url, files | {"new.jpg": (photos / "new.jpg").read_bytes()})
    assert list(grown.loc[~grown["reused"], "path"]) == ["new.jpg"]


def test_photos_that_move_to_a_bucket_are_read_once_more(tmp_path: Path, photos: Path) -> None:
    """A cache that was filled from a folder lacks what a bucket's has, and gets it."""
    files = {name: content for name, content in FILES.items() if name != "torn.jpg"}
    of_folder = presize(tmp_path, str(photos), files)
    before = contents(tmp_path)
    moved = presize(tmp_path, f"file://{photos}", files)
    assert contents(tmp_path) == before
    shutil.rmtree(photos)
    again = presize(tmp_path, f"file://{photos}", files)
    assert contents(tmp_path) == before
    assert moved["original_bytes"].tolist() == of_folder["original_bytes"].tolist()
    assert again["original_bytes"].tolist() == of_folder["original_bytes"].tolist()


def test_a_store_of_tars_is_that_of_the_folder(tmp_path: Path, photos: Path) -> None:
    """Bytes and outcomes are the same, and of what is in the cache nothing is read again."""
    of_folder = presize(tmp_path / "a", str(photos))
    tars = packed(tmp_path / "packed")
    of_tars = presize(tmp_path / "b", tars)
    pd.testing.assert_frame_equal(of_tars, of_folder)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    again = presize(tmp_path / "b", tars)
    assert again["reused"].all()
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("kind", ["folder", "bucket", "tars"])
def test_originals_come_in_order_with_their_faults(tmp_path: Path, photos: Path, kind: str) -> None:
    """A photo that is gone or another has its fault in its place, and the others their bytes."""
    items = [(sha256_bytes(content), path) for path, content in FILES.items()]
    (photos / "small.jpg").unlink()
    (photos / "copy.jpg").write_bytes(b"another")
    place: PhotoFolder = photo_folder(str(photos) if kind == "folder" else f"file://{photos}")
    if kind == "tars":
        now = {file.name: file.read_bytes() for file in photos.iterdir()}
        place = packed(tmp_path / "packed", now)
    with open_originals(place, items, EncodeCache(tmp_path / "cache")) as originals:
        read = list(originals)
    found = [one.content if isinstance(one, Original) else one.args[0] for one in read]
    assert found == [FILES["large.jpg"], Fault.UNREADABLE, Fault.CHANGED, FILES["torn.jpg"]]
    assert all(isinstance(one, Original | Faulty) for one in read)


def test_a_storage_that_is_unknown_ends_the_run(tmp_path: Path) -> None:
    """What is wrong with all of a bucket is an error, and no fault of each photo in it."""
    with pytest.raises(UserError, match="birds:// is no storage"):
        presize(tmp_path, "birds://photos")


def test_a_photo_that_was_refused_is_not_read_again(tmp_path: Path, photos: Path) -> None:
    """What no decoder could read is refused anew without a request, though it is gone."""
    files = {"torn.jpg": FILES["torn.jpg"], "large.jpg": FILES["large.jpg"]}
    url = f"file://{photos}"
    first = presize(tmp_path, url, files)
    shutil.rmtree(photos)
    again = presize(tmp_path, url, files)
    assert again["problem"].tolist() == first["problem"].tolist()
    assert again.set_index("path").loc["torn.jpg", "problem"]
    assert not again["fault"].any()
