"""AutoGluon's image predictor on the photos and the division of a folder, as its own process.

tf_efficientnet_lite0 from the packaged weights, where its preset medium_quality has another small
network; all else is the preset's. It takes its own validation images from those of training, stops
by itself where these do not improve, and at the latest after the seconds that it is given.
Run by other benchmarks, in an environment with autogluon.multimodal:
python -m benchmarks.with_autogluon FOLDER RESULT.npz --seconds N
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import timm
import torch

from benchmarks.class_folders import in_rows_order, link_photos
from stages.model.backbones import LITE_MEAN, LITE_STD
from stages.model.packages import PACKAGES
from stages.model.weights import load_in_order

PACKAGE = PACKAGES["efficientnet_lite0"]
VALID = "valid"


def write_checkpoint(folder: Path) -> None:
    """Write the packaged weights as the folder of a network of timm that AutoGluon reads."""
    network: Any = timm.create_model(PACKAGE.arch)
    load_in_order(network, torch.load(PACKAGE.path(), weights_only=True))
    network.reset_classifier(0)
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    config = {
        "architecture": PACKAGE.arch,
        "num_features": network.num_features,
        "pretrained_cfg": {"input_size": [3, 224, 224], "mean": LITE_MEAN, "std": LITE_STD},
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")


def table_of(photos: Path) -> pd.DataFrame:
    """Return the links below a folder of class folders, sorted, with their classes."""
    links = sorted(photos.glob("*/*.jpg"))
    columns = {
        "image": [str(link) for link in links],
        "label": [link.parent.name for link in links],
    }
    return pd.DataFrame(columns, dtype=object)  # strings of pyarrow it cannot divide


def hyperparameters(checkpoint: Path) -> dict[str, Any]:
    """Return what is not the preset's: the network, and the processor in full precision."""
    return {
        "model.names": ["timm_image"],
        "model.timm_image.checkpoint_name": str(checkpoint),
        "env.num_gpus": 0,
        "env.precision": 32,
    }


def answers_of(photos: Path, scratch: Path, seconds: float) -> np.ndarray:
    """Return its probabilities of the validation links, (V, C), in the order of data/splits.csv."""
    from autogluon.multimodal import MultiModalPredictor

    checkpoint = scratch / "weights"
    checkpoint.mkdir()
    write_checkpoint(checkpoint)
    predictor = MultiModalPredictor(
        label="label", problem_type="multiclass", path=str(scratch / "predictor"),
        presets="medium_quality",
    )  # fmt: skip
    predictor.fit(
        table_of(photos / "train"), time_limit=seconds, seed=1,
        hyperparameters=hyperparameters(checkpoint),
    )  # fmt: skip
    valid = table_of(photos / VALID)
    answers = predictor.predict_proba(valid[["image"]])
    by_class = answers[sorted(answers.columns)].to_numpy()
    return in_rows_order(list(valid["image"]), by_class)


def main() -> None:
    """Write pred_probs and targets as .npz."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        linked = link_photos(options.folder, photos, VALID)
        pred_probs = answers_of(photos, Path(scratch), options.seconds)
    np.savez(options.result, pred_probs=pred_probs, targets=linked.targets)


if __name__ == "__main__":
    main()
