"""A photo is read as predict reads it, and measured as the presized store would give it back."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.base.files import sha256_file
from stages.evaluate.measure_photo import MeasuredPhoto, PhotoMeasurer
from stages.images.resize import PresizeParams
from stages.predict.photo_source import PhotoSource, Unread
from stages.predict.read_photo import PhotoRequest, read_photo
from stages.stats.slices import image_properties
from stages.store.reader import Store
from stages.store.writer import write_store
from tests.predict.small_model import make_photo


def requests(folder: Path, size: int) -> list[PhotoRequest]:
    """Return requests of a large JPEG, a small one, and a PNG on its side."""
    large = make_photo(folder / "large.jpg", 1)
    with Image.open(large) as image:
        image.resize((40, 32)).save(folder / "small.jpg", quality=90)
        image.rotate(90, expand=True).save(folder / "turned.png")
    names = ("large.jpg", "small.jpg", "turned.png")
    return [PhotoRequest(PhotoSource(name, folder / name), size) for name in names]


@pytest.mark.parametrize("form", ["jpeg", "raw"])
def test_measures_are_those_of_the_store(tmp_path: Path, form: str) -> None:
    """Pixels are predict's; size, brightness and sharpness those that interpret measures."""
    import pandas as pd

    asked = requests(tmp_path / "photos", 48)
    names = [request.source.name for request in asked]
    hashes = [sha256_file(tmp_path / "photos" / name) for name in names]
    params = PresizeParams.model_validate(
        {"size": 48, "format": form, "quality": 70, "shards": 1, "max_rejected": 0}
    )
    manifest = pd.DataFrame({"path": names, "sha256": hashes})
    write_store(manifest, tmp_path / "photos", tmp_path / "store", tmp_path / "own", params, 1)
    store = Store(tmp_path / "store")
    originals = manifest.assign(width=[90, 40, 70], height=[70, 32, 90])
    expected = image_properties(np.array(names), store.image, originals)
    for request, sha256 in zip(asked, hashes, strict=True):
        photo = PhotoMeasurer(70 if form == "jpeg" else None)(request)
        assert isinstance(photo, MeasuredPhoto)
        pixels = read_photo(request)
        assert not isinstance(pixels, Unread)
        assert np.array_equal(photo.pixels, pixels)
        assert photo.nbytes == pixels.nbytes
        facts = photo.facts
        assert facts.sha256 == sha256
        row = expected.loc[request.source.name]
        assert facts.size == row["size"]
        assert facts.brightness == pytest.approx(row["brightness"], abs=1e-6)
        assert facts.sharpness == pytest.approx(row["sharpness"], abs=1e-6)


@pytest.mark.parametrize("content", [None, b"", b"no image"])
def test_what_is_no_photo_has_the_problem_of_predict(tmp_path: Path, content: bytes | None) -> None:
    """An absent, an empty and another file are problems, named as predict names them."""
    if content is not None:
        (tmp_path / "a.jpg").write_bytes(content)
    request = PhotoRequest(PhotoSource("a.jpg", tmp_path / "a.jpg"), 48)
    problem = PhotoMeasurer(92)(request)
    assert isinstance(problem, Unread)
    assert problem == read_photo(request)
