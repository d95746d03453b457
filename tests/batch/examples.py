"""Small image sets, a store, render specs and params for the tests of batches."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from stages.base.files import sha256_bytes, write_bytes
from stages.batch.image_set import ImageSet
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams
from stages.images.resize import PresizeParams
from stages.store.reader import Store
from stages.store.writer import write_store

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CPU = torch.device("cpu")
AUGMENT = AugmentParams(
    size=16, min_scale=0.5, max_rotate=10.0, max_zoom=1.1, max_warp=0.2,
    max_lighting=0.2, max_darkening=0.5, p_affine=0.75, p_lighting=0.75, flip=True,
)  # fmt: skip


def imagenet_spec(size: int = 16) -> RenderSpec:
    """Return a spec with the normalisation of most backbones."""
    return RenderSpec(size=size, mean=IMAGENET_MEAN, std=IMAGENET_STD, device=CPU)


def identity_spec(size: int = 16) -> RenderSpec:
    """Return a spec that leaves pixels in 0..1."""
    return RenderSpec(size=size, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), device=CPU)


def noise_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return an image of noise, where every mistake shows."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def example_image_set(count: int = 11) -> ImageSet:
    """Return images of different sizes, with their row as target."""
    sizes = np.random.default_rng(0).integers(16, 30, (count, 2)).tolist()
    images = [
        torch.from_numpy(noise_image(height, width, seed))
        for seed, (height, width) in enumerate(sizes)
    ]
    return ImageSet([f"{row}.jpg" for row in range(count)], np.arange(count), images.__getitem__)


def write_example_store(folder: Path) -> Store:
    """Write a store of grey photographs: a.png of level 50, b.png of 200, c.png of 120."""
    photos = folder / "photos"
    rows = []
    for name, level in (("a.png", 50), ("b.png", 200), ("c.png", 120)):
        buffer = io.BytesIO()
        Image.fromarray(np.full((40, 30, 3), level, np.uint8)).save(buffer, "PNG")
        write_bytes(photos / name, buffer.getvalue())
        rows.append({"path": name, "sha256": sha256_bytes(buffer.getvalue())})
    params = PresizeParams(size=16, format="raw", quality=90, shards=2, max_rejected=0.0)
    write_store(
        pd.DataFrame(rows), photos, folder / "presized", folder / "cache", params, workers=1
    )
    return Store(folder / "presized")
