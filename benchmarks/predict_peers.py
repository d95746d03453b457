"""How others predict a folder of photos, with the same network on the same machine.

Each function returns images/s, from the first photo to the last, after the network is loaded; what
the peer takes to start is not counted, so that the comparison favours it.
"""

import json
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
import timm.data
import torch

BATCH = 32
WORKERS = 2
SIZE = 224
CLASSES = 37
# timm's name of the network whose weights come in a package.
TIMM_NAMES = {"efficientnet_lite0": "tf_efficientnet_lite0"}
HAS_TRANSFORMERS = find_spec("transformers") is not None


def rate_of_timm(arch: str, photos: Path) -> float:
    """Return the images/s of timm's inference.py: its dataset, its loader and its loop.

    The script is beside timm's package, not in it.
    """
    model = _network(arch)
    data: Any = timm.data
    config = data.resolve_data_config({"input_size": (3, SIZE, SIZE)}, model=model)
    dataset = data.create_dataset(root=str(photos), name="")
    loader = data.create_loader(
        dataset,
        batch_size=BATCH,
        use_prefetcher=True,
        num_workers=WORKERS,
        device=torch.device("cpu"),
        **{
            name: config[name]
            for name in ("input_size", "interpolation", "mean", "std", "crop_pct")
        },
    )
    rows = []
    started = time.perf_counter()
    with torch.inference_mode():
        for images, _ in loader:
            values, indices = model(images).softmax(-1).topk(3)
            rows += list(zip(values.tolist(), indices.tolist(), strict=True))
    return len(rows) / (time.perf_counter() - started)


def rate_of_transformers(arch: str, photos: Path) -> float:
    """Return the images/s of the image-classification pipeline of transformers, batched."""
    from transformers import pipeline

    files = [str(file) for file in sorted(photos.iterdir())]
    with tempfile.TemporaryDirectory() as folder:
        network = _network(arch).to(memory_format=torch.contiguous_format)
        timm.models.save_for_hf(network, folder, safe_serialization=True)
        config = Path(folder, "config.json")
        content = json.loads(config.read_text("utf-8"))
        content.pop("model_args", None)  # its number of classes stands elsewhere too, and clashes
        config.write_text(json.dumps(content), "utf-8")
        classify = pipeline("image-classification", model=folder, device="cpu")
        started = time.perf_counter()
        rows = list(classify(files, batch_size=BATCH, top_k=3))
        return len(rows) / (time.perf_counter() - started)


def _network(arch: str) -> torch.nn.Module:
    name = TIMM_NAMES.get(arch, arch)
    model: torch.nn.Module = timm.create_model(name, num_classes=CLASSES)
    return model.eval().to(memory_format=torch.channels_last)
