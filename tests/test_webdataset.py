"""The package webdataset reads back what `make shards` wrote, photo by photo.

.ci/run installs requirements-extra.txt for this test.
"""

import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.images.resize import PresizeParams
from stages.store.sample_shards import write_sample_shards
from tests.store.test_reader import NAMES, PARAMS, RAW, make
from tests.store.test_sample_shards import FEW, samples_of

pytestmark = pytest.mark.skipif(
    find_spec("webdataset") is None,
    reason="webdataset is not installed: pip install -r requirements-extra.txt",
)


@pytest.mark.parametrize(("params", "image"), [(PARAMS, "jpg"), (RAW, "ppm")])
def test_what_is_written_is_read(tmp_path: Path, params: PresizeParams, image: str) -> None:
    """Pixels, class number, label and side of every photo come back, whatever its name is."""
    import webdataset

    names = [*NAMES, "__a__.jpg", "a.b/c.d.jpg", "a.png", "straße/猫.jpg", "x" * 200 + ".jpg"]
    store = make(tmp_path, params, names)
    samples = samples_of(store)
    shards = write_sample_shards(store, samples, ["NA", "owl"], tmp_path / "out", FEW)
    urls = [str(tmp_path / "out" / shard.name) for shard in shards]
    assert len(urls) > 2
    read = {}
    dataset = webdataset.WebDataset(urls, shardshuffle=False).decode("rgb8")
    for pixels, number, facts in dataset.to_tuple(image, "cls", "json"):
        assert ["NA", "owl"][number] == facts["label"]
        encoded = io.BytesIO(store.encoded(facts["path"]))
        assert np.array_equal(pixels, np.asarray(Image.open(encoded)))
        read[facts["path"]] = facts
    assert [read[path] for path in samples["path"]] == samples.to_dict("records")
    assert len(read) == len(names)
