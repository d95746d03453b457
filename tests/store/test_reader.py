"""The reader returns what the writer stored, and refuses what is no whole store."""

import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.seed import derive
from stages.images.resize import PresizeParams
from stages.store import reader
from stages.store.reader import HASH_COLUMNS, INDEX_COLUMNS, Store, read_index
from stages.store.writer import write_store
from tests.mapped_files import mapped_files

PARAMS = PresizeParams(size=24, format="jpeg", quality=92, shards=4, max_rejected=0.05)
RAW = PARAMS.model_copy(update={"format": "raw"})
NAMES = ["a.jpg", "NA", "1.jpg", "sub/a,b.jpg", 'quo"te.jpg', "two\nlines.jpg", "back\rturn.jpg"]


def make(root: Path, params: PresizeParams = PARAMS, names: list[str] = NAMES) -> Store:
    """Write a store of small pictures, named as given."""
    photos = root / "photos"
    rows = []
    for number, name in enumerate(names):
        file = photos / name
        file.parent.mkdir(parents=True, exist_ok=True)
        coarse = derive(number, "picture").integers(0, 256, (4, 5, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((40 + number % 50, 30)).save(file, "PNG")
        rows.append((name, sha256_bytes(file.read_bytes())))
    images = pd.DataFrame(rows, columns=["path", "sha256"])
    write_store(images, photos, root / "store", root / "private", params, workers=1)
    return Store(root / "store")


def test_the_index_has_the_columns_promised(tmp_path: Path) -> None:
    """One row per photo, sorted by path, each name as it is."""
    store = make(tmp_path)
    assert list(read_index(store.folder).columns) == INDEX_COLUMNS
    assert set(store.index.columns) == {*INDEX_COLUMNS} - {"sha256", "phash"}
    assert list(store.hashes().columns) == HASH_COLUMNS
    assert store.index["path"].tolist() == sorted(NAMES)
    assert store.index["width"].tolist() == [
        round((40 + NAMES.index(path)) * 24 / 30) for path in sorted(NAMES)
    ]
    assert (store.index["height"] == 24).all()
    assert store.index["offset"].dtype == store.index["length"].dtype == "int64"


@pytest.mark.parametrize("params", [PARAMS, RAW])
def test_images_are_what_was_stored(tmp_path: Path, params: PresizeParams) -> None:
    """encoded() gives the bytes of the member of the tar, image() their pixels."""
    store = make(tmp_path, params)
    for row in read_index(store.folder).to_dict("records"):
        suffix = "ppm" if params is RAW else "jpg"
        with tarfile.open(tmp_path / "store" / row["shard"]) as tar:
            file = tar.extractfile(f"{row['sha256']}.{suffix}")
            assert file is not None
            member = file.read()
        assert bytes(store.encoded(row["path"])) == member
        pixels = store.image(row["path"])
        assert pixels.shape == (row["height"], row["width"], 3)
        assert np.array_equal(pixels, np.asarray(Image.open(io.BytesIO(member))))


@pytest.mark.parametrize("params", [PARAMS, RAW])
def test_arrays_are_read_only(tmp_path: Path, params: PresizeParams) -> None:
    """Nobody changes the store, nor another reader's picture."""
    store = make(tmp_path, params)
    pixels = store.image("a.jpg")
    assert pixels.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0, 0] = 1
    with pytest.raises(TypeError):
        store.encoded("a.jpg")[0] = 1


def test_an_image_outlives_its_store(tmp_path: Path) -> None:
    """An array stays valid after the store is gone, mapped memory and all."""
    store = make(tmp_path, RAW)
    pixels = store.image("a.jpg")
    before = pixels.copy()
    del store
    assert np.array_equal(pixels, before)


def test_threads_read_side_by_side(tmp_path: Path) -> None:
    """Eight threads that read in different orders all see the right pictures."""
    store = make(tmp_path)
    expected = {path: comparable(store.image(path)) for path in NAMES}
    fresh = Store(tmp_path / "store")

    def read(number: int) -> bool:
        order = derive(number, "order").permutation(NAMES * 20)
        return all(comparable(fresh.image(path)) == expected[path] for path in order)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


def comparable(pixels: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    """Return the shape and bytes of a picture."""
    return pixels.shape, pixels.tobytes()


def test_more_shards_than_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More shards than stay mapped at once are all read, twice."""
    monkeypatch.setattr(reader, "OPEN_SHARDS", 4)
    params = PARAMS.model_copy(update={"shards": 4096})
    names = [f"{number}.png" for number in range(12)]
    store = make(tmp_path, params, names)
    assert store.index["shard"].nunique() > reader.OPEN_SHARDS
    first = [comparable(store.image(name)) for name in names]
    assert [comparable(store.image(name)) for name in names] == first


def test_a_photo_that_is_not_there_is_named(tmp_path: Path) -> None:
    """An unknown path is an error that says where it may have gone."""
    with pytest.raises(UserError, match=r"b\.jpg is not in .*rejected\.csv.*dvc repro presize"):
        make(tmp_path).image("b.jpg")


def test_an_unfinished_store_is_refused(tmp_path: Path) -> None:
    """Without its last file a store was never finished."""
    make(tmp_path)
    (tmp_path / "store" / "format.json").unlink()
    with pytest.raises(UserError, match=r"store holds no finished store.*dvc repro presize"):
        Store(tmp_path / "store")
    with pytest.raises(UserError, match="nowhere holds no finished store"):
        read_index(tmp_path / "nowhere")


def test_another_version_is_refused_by_name(tmp_path: Path) -> None:
    """A store of another version says so, and what to do."""
    make(tmp_path)
    file = tmp_path / "store" / "format.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 1}))
    with pytest.raises(UserError, match=r"version 1, and this code reads version 2.*dvc repro"):
        Store(tmp_path / "store")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "zip", "version": 1}', "\xff"])
def test_something_else_is_refused(tmp_path: Path, text: str) -> None:
    """A format.json that is damaged or of another program is refused."""
    make(tmp_path)
    (tmp_path / "store" / "format.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"format\.json does not describe a presized store"):
        Store(tmp_path / "store")


def test_a_missing_shard_is_named_at_once(tmp_path: Path) -> None:
    """A shard that is gone or cut short is an error when the store is opened, not an hour later."""
    store = make(tmp_path)
    row = store.index.sort_values("offset").iloc[-1]
    shard = tmp_path / "store" / row["shard"]
    shard.write_bytes(shard.read_bytes()[: row["offset"] + row["length"] - 1])
    with pytest.raises(UserError, match=rf"{row['shard']} is missing or damaged"):
        Store(tmp_path / "store")
    shard.unlink()
    with pytest.raises(UserError, match=rf"{row['shard']} is missing or damaged"):
        Store(tmp_path / "store")


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    """An index that is gone, empty, cut, or with one other digit is refused."""
    make(tmp_path)
    file = tmp_path / "store" / "index.csv"
    content = file.read_bytes()
    file.unlink()
    damaged = [None, b"", content[:-1], content.replace(b",24,", b",25,", 1)]
    for bad in damaged:
        if bad is not None:
            file.write_bytes(bad)
        with pytest.raises(UserError, match=r"index\.csv is missing or damaged; .*repro -f -s"):
            Store(tmp_path / "store")


def test_a_damaged_image_is_named(tmp_path: Path) -> None:
    """Bytes that no longer decode name the shard and the photo."""
    store = make(tmp_path)
    row = store.index.iloc[0]
    shard = tmp_path / "store" / row["shard"]
    content = bytearray(shard.read_bytes())
    content[row["offset"] : row["offset"] + row["length"]] = bytes(row["length"])
    shard.write_bytes(content)
    with pytest.raises(UserError, match=r"shard-\d+\.tar \(at 1\.jpg\) is missing or damaged"):
        Store(tmp_path / "store").image(row["path"])


def test_a_closed_store_maps_no_file(tmp_path: Path) -> None:
    """No shard stays mapped, but for one whose pixels are in use; the store opens it again."""
    store = make(tmp_path, RAW)
    pixels = store.image("a.jpg")
    before = pixels.copy()
    assert mapped_files(store.folder)
    store.close()
    assert len(mapped_files(store.folder)) == 1
    assert np.array_equal(pixels, before)
    del pixels
    assert mapped_files(store.folder) == []
    assert np.array_equal(store.image("a.jpg"), before)
