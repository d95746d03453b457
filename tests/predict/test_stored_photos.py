"""Photos in the store are predicted in their order, whatever the size of the batches."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages.images.resize import PresizeParams
from stages.model.files import load_model
from stages.predict.stored_photos import predict_stored
from stages.store.reader import Store
from stages.store.writer import write_store
from tests.predict.small_model import make_model, make_photo

PRESIZE = PresizeParams(size=48, format="jpeg", quality=90, shards=2, max_rejected=0.0)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_rows_and_targets_are_those_of_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    """Each row belongs to its image; a model trained in half precision answers on a processor."""
    monkeypatch.setenv("FINETRACK_WORKERS", "1")
    monkeypatch.setenv("FINETRACK_DEVICE", "cpu")
    names = [f"{number}.jpg" for number in range(5)]
    files = [make_photo(tmp_path / "photos" / name, seed) for seed, name in enumerate(names)]
    hashes = [sha256(file.read_bytes()).hexdigest() for file in files]
    images = pd.DataFrame({"path": names, "sha256": hashes, "label": list("abcab")})
    images["label"] = images["label"].map({"a": "owl", "b": "cat", "c": "dog"})
    write_store(images, tmp_path / "photos", tmp_path / "store", tmp_path / "cache", PRESIZE, 1)
    model, card = load_model(make_model(tmp_path / "model"))
    card = type(card)(**{**vars(card), "precision": precision})
    store = Store(tmp_path / "store")
    targets, pred_probs = predict_stored(model, card, store, images, 2)
    assert targets.tolist() == [2, 0, 1, 2, 0]
    np.testing.assert_allclose(pred_probs.sum(axis=1), 1, atol=1e-5)
    _, backwards = predict_stored(model, card, store, images[::-1], 5)
    np.testing.assert_allclose(backwards[::-1], pred_probs, atol=1e-5)
    assert len(np.unique(pred_probs[:, 0])) == 5
