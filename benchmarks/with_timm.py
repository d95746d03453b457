"""timm's own train.py on the photos and the division of a folder, as a process of its own.

tf_efficientnet_lite0 from the packaged weights, as our default. The script lies in timm's
repository, not in its package, and runs as it is; the answers are those of its last checkpoint,
seen through timm's transform for evaluation.
Run by other benchmarks:
python -m benchmarks.with_timm FOLDER RESULT.npz TRAIN.PY --epochs N [--no-flip]
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import timm
import timm.data
import torch

from benchmarks.class_folders import in_rows_order, link_photos
from stages.model.backbones import LITE_MEAN, LITE_STD
from stages.model.packages import PACKAGES
from stages.model.weights import load_in_order

PACKAGE = PACKAGES["efficientnet_lite0"]
BATCH = 32
WORKERS = 2
# The script's name of the folder of validation photos. Its own evaluation after each epoch is left
# out, so that its seconds go into training.
VALID = "validation"
# Its documentation trains EfficientNets with rmsproptf at .016 for 256 images a step, its source
# says to drop .2 of lite0, and its author advises a tenth of the rate for new classes on other
# photos (issue 25 of its repository) and no warm-up with this optimizer (issue 45). A cosine by
# steps, since there are only a few epochs; random erasing, AutoAugment and averaged weights of its
# recipes of 450 epochs are left out for the same reason.
RECIPE = (
    *("--opt", "rmsproptf", "--opt-eps", ".001", "--weight-decay", "1e-5", "--lr", "2e-4"),
    *("--drop", "0.2", "--drop-path", "0.2"),
    *("--sched", "cosine", "--sched-on-updates", "--warmup-epochs", "0"),
)


def train(script: Path, photos: Path, output: Path, more: Iterable[str]) -> float:
    """Run the script and return the seconds of its epochs, without those it takes to start."""
    weights = output / "weights.pth"
    network = timm.create_model(PACKAGE.arch)
    load_in_order(network, torch.load(PACKAGE.path(), weights_only=True))
    torch.save(network.state_dict(), weights)
    command = [
        *(sys.executable, script, "--data-dir", photos, "--val-split", ""),
        *("--model", PACKAGE.arch, "--pretrained", "--pretrained-path", weights),
        *("--mean", *LITE_MEAN, "--std", *LITE_STD),
        *("--device", "cpu", "--workers", WORKERS, "--batch-size", BATCH),
        *("--output", output, "--experiment", "run", "--checkpoint-hist", 1),
        *RECIPE,
        *more,
    ]
    subprocess.run([str(word) for word in command], check=True, cwd=output)
    # Written just before the first epoch, and after the last.
    first, last = (output / "run" / name for name in ("args.yaml", "last.pth.tar"))
    return last.stat().st_mtime - first.stat().st_mtime


def predict(checkpoint: Path, photos: Path, classes: int) -> np.ndarray:
    """Return the probabilities of the photos, (V, C), in the order of data/splits.csv."""
    data: Any = timm.data
    model = timm.create_model(PACKAGE.arch, num_classes=classes)
    saved = torch.load(checkpoint, map_location="cpu", weights_only=False)
    model.load_state_dict(saved["state_dict"])
    model.eval()
    config = data.resolve_data_config({"mean": LITE_MEAN, "std": LITE_STD}, model=model)
    dataset = data.create_dataset(name="", root=str(photos))
    loader = data.create_loader(
        dataset, batch_size=BATCH, num_workers=WORKERS, device=torch.device("cpu"),
        **{key: config[key] for key in ("input_size", "interpolation", "mean", "std", "crop_pct")},
    )  # fmt: skip
    with torch.inference_mode():
        pred_probs = torch.cat([model(images).softmax(1) for images, _ in loader])
    return in_rows_order(dataset.filenames(), pred_probs.numpy())


def main() -> None:
    """Write pred_probs, targets and the seconds of an epoch as .npz."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--flip", action=argparse.BooleanOptionalAction, default=True)
    options, more = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        linked = link_photos(options.folder, photos, VALID)
        words = ["--num-classes", str(linked.classes), "--epochs", str(options.epochs)]
        words += ["--hflip", "0.5" if options.flip else "0", *more]
        seconds = train(options.train.resolve(), photos, Path(scratch), words)
        pred_probs = predict(Path(scratch) / "run/last.pth.tar", photos / VALID, linked.classes)
    np.savez(
        options.result, pred_probs=pred_probs, targets=linked.targets,
        seconds_an_epoch=seconds / options.epochs,
    )  # fmt: skip


if __name__ == "__main__":
    main()
