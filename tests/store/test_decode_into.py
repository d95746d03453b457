"""Decoding into memory that is there: the pixels of the store, by another decoder."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from stages.base.errors import UserError
from stages.base.files import sha256_bytes, write_bytes
from stages.images.resize import PresizeParams
from stages.store import decode_into as module
from stages.store.decode_into import decode_into
from stages.store.reader import Store
from stages.store.writer import write_store


def picture(seed: int) -> NDArray[np.uint8]:
    """Return a picture with broad colours and some grain."""
    rng = np.random.default_rng(seed)
    broad = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize((61, 47), 3)
    grain = rng.integers(0, 20, (47, 61, 3))
    pixels: NDArray[np.uint8] = (np.asarray(broad) * 0.9 + grain).astype(np.uint8)
    return pixels


@pytest.fixture(params=["jpeg", "raw"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return a store of JPEGs of every subsampling, as they came, or of pixels."""
    rows = []
    for number in range(6):
        buffer = io.BytesIO()
        Image.fromarray(picture(number)).save(
            buffer, "JPEG", quality=80, subsampling=number % 3, progressive=number > 2
        )
        write_bytes(tmp_path / f"{number}.jpg", buffer.getvalue())
        rows.append({"path": f"{number}.jpg", "sha256": sha256_bytes(buffer.getvalue())})
    size = 47 if request.param == "jpeg" else 30
    params = PresizeParams(size=size, format=request.param, quality=90, shards=2, max_rejected=0.0)
    write_store(
        pd.DataFrame(rows), tmp_path, tmp_path / "presized", tmp_path / "cache", params, workers=1
    )
    return Store(tmp_path / "presized")


def decoded(store: Store, path: str) -> NDArray[np.uint8]:
    """Return an image that was decoded into a part of a larger array, and prove the rest intact."""
    expected = store.image(path)
    memory = np.full(expected.size + 20, 77, np.uint8)
    out = memory[10:-10].reshape(expected.shape)
    decode_into(store, path, out)
    assert (memory[:10] == 77).all()
    assert (memory[-10:] == 77).all()
    return out


def test_pixels_are_those_of_the_store(store: Store) -> None:
    """Of each photo every pixel is as Pillow decodes it, and nothing beside it is touched."""
    for path in store.index["path"]:
        assert np.array_equal(decoded(store, path), store.image(path))


def test_without_the_faster_decoder_pillow_does_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without simplejpeg has the same pixels."""
    monkeypatch.setattr(module, "_decoder", lambda: None)
    for path in store.index["path"]:
        assert np.array_equal(decoded(store, path), store.image(path))


def test_what_the_faster_decoder_refuses_pillow_decodes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JPEG of which it complains has the pixels of the store."""

    def refuse(content: object, buffer: object) -> NDArray[np.uint8]:
        raise ValueError("Unsupported marker")

    monkeypatch.setattr(module, "_decoder", lambda: refuse)
    for path in store.index["path"]:
        assert np.array_equal(decoded(store, path), store.image(path))


def test_damage_is_told_as_the_store_tells_it(store: Store) -> None:
    """Bytes that are not what presize stored are an error with its remedy."""
    row = store.index.iloc[0]
    file = store.folder / row["shard"]
    content = bytearray(file.read_bytes())
    content[row["offset"] + row["length"] // 2] ^= 255
    file.write_bytes(content)
    out = np.empty((row["height"], row["width"], 3), np.uint8)
    with pytest.raises(UserError, match="dvc repro -f -s presize"):
        decode_into(Store(store.folder), row["path"], out)
