"""Finding a rate and fine-tuning on a processor, beside fastai: time, and errors on one split.

Both train efficientnet_lite0 from the packaged weights on the breeds of pets that have 100 photos,
for one frozen and three unfrozen epochs, at the rate that each one's own finder suggests. fastai
takes the book's transforms: Resize(460), then aug_transforms(size, min_scale=0.75). Batches, steps
of the sweep and what is frozen are each one's defaults: fastai sweeps over 100 batches of 64,
its norm layers learning; ours over 60 of 24, the whole backbone frozen in the first epoch.
Run: python -m benchmarks.train --photos FOLDER [--sizes 128 224], in an environment with fastai.
Results: benchmarks/results/train.json.
"""

import argparse
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import machine, record
from benchmarks.training import divide, prepare, read, recipe_values, run
from benchmarks.with_fastai import EPOCHS, FREEZE_EPOCHS, with_fastai
from stages.stats.mcnemar import compare_paired
from stages.stats.predictions import read_predictions
from stages.stats.probability_blocks import most_probable
from stages.train.recipe import FROM_PROBE

LARGE_CLASS = 100
PACKAGES = ["torch", "torchvision", "timm", "fastai", "pillow"]


def breeds(photos: Path, folder: Path) -> Path:
    """Copy the photos of the breeds with at least 100."""
    files = sorted(photos.glob("*.jpg"))
    sizes = Counter(file.stem.rpartition("_")[0] for file in files)
    folder.mkdir(parents=True)
    for file in files:
        if sizes[file.stem.rpartition("_")[0]] >= LARGE_CLASS:
            shutil.copy(file, folder)
    return folder


def with_ours(folder: Path) -> dict[str, Any]:
    """Return the seconds of our two stages, their start included, and which photos are right."""
    result: dict[str, Any] = {"sweep": run(folder, "lr_find"), "training": run(folder, "fine_tune")}
    result["lr"] = read(folder, "lr_find/suggestion.json")["consensus"]
    model = read_predictions(folder / "data/predictions.npz")
    return result | {"right": most_probable(model.pred_probs) == model.targets}


def main() -> None:
    """Compare at every size asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 224])
    options = parser.parse_args()
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "pets"
            photos = breeds(options.photos, Path(scratch) / "seven")
            epochs = {"fine_tune.epochs": EPOCHS, "fine_tune.freeze_epochs": FREEZE_EPOCHS}
            prepare(
                folder,
                photos,
                recipe_values(FROM_PROBE)
                | epochs
                | {
                    "model.arch": "efficientnet_lite0",
                    "augment.size": size,
                    "fine_tune.base_lr": "find",
                },
            )
            divide(folder, 1)
            ours = with_ours(folder)
            theirs = with_fastai(folder, size, flip=True, sweep=True)
        against = compare_paired(ours["right"], theirs.right)
        seconds = {part: ours[part] for part in ("sweep", "training")}
        alone = ours["training"] / theirs.training
        figures = {
            "seconds, ours": {name: round(value, 1) for name, value in seconds.items()},
            "seconds, fastai": {
                "sweep": round(theirs.sweep, 1), "training": round(theirs.training, 1)
            },
            "time, ours / fastai": {
                "value": round(sum(seconds.values()) / (theirs.sweep + theirs.training), 3),
                "target": "at most 0.2", "n": 1,
            },
            "time of training alone, ours / fastai": round(alone, 3),
            "learning rate": {"ours": ours["lr"], "fastai": round(theirs.lr, 5)},
            "error, %": {
                name: round(100 * float(np.mean(~right)), 1)
                for name, right in (("ours", ours["right"]), ("fastai", theirs.right))
            },
            "ours against fastai": {
                "verdict": against.verdict, "p": float(f"{against.p:.2g}"), "images": against.images
            },
        }  # fmt: skip
        record("train", f"{size} px", machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
