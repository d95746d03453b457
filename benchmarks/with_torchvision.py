"""torchvision's reference recipe on the photos and the division of a folder, as its own process.

train.py of references/classification, which lies in torchvision's repository, not in its package,
runs as it is. It can load weights of 1,000 classes from the web only, so the model that it is
given is one that is registered here, with the weights of a file and a new last layer. It mirrors
photos always, and looks at the five most probable classes, so it needs as many.
Run by other benchmarks:
python -m benchmarks.with_torchvision FOLDER RESULT.npz REFERENCES WEIGHTS --epochs N [--model NAME]
"""

import argparse
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import nn
from torchvision.models._api import register_model

from benchmarks.class_folders import in_rows_order, link_photos
from benchmarks.measure import timed
from stages.model.weights_file import read_tensors

BATCH = 32
WORKERS = 2
VALID = "val"  # the script's name of the folder of validation photos
REGISTERED = "from_file"
# Its README trains ResNets with SGD, at a rate of .1 for 256 images a step, to be scaled with the
# batch; torchvision's tutorial on transfer learning has .001 for 4, which is .008 for 32. Crops of
# 176 pixels, and validation at 224 of 232, are those of its newer ResNet-50, in .62 of the work.
# A cosine instead of steps of 30 epochs, since there are only a few; the augmentations of its
# recipes of 600 epochs are left out for the same reason.
RECIPE = (
    *("--opt", "sgd", "--momentum", "0.9", "--weight-decay", "1e-4", "--lr", "0.0125"),
    *("--lr-scheduler", "cosineannealinglr"),
    *("--train-crop-size", "176", "--val-resize-size", "232"),
)


def with_weights(model: str, path: Path, classes: int) -> nn.Module:
    """Return torchvision's model of so many classes with a file's weights, the last layer new."""
    network: nn.Module = torchvision.models.get_model(model, num_classes=classes)
    needed = network.state_dict()
    fitting = {
        name: tensor.to(needed[name].dtype)
        for name, tensor in read_tensors(path).items()
        if name in needed and tensor.shape == needed[name].shape
    }
    missing = network.load_state_dict(fitting, strict=False).missing_keys
    layers = {name.rpartition(".")[0] for name in missing if "num_batches" not in name}
    if len(layers) != 1:
        raise SystemExit(f"{path} does not fit {model}, in {len(layers)} layers")
    return network


def register(model: str, path: Path) -> None:
    """Let torchvision's get_model know that model by the name REGISTERED."""

    @register_model(name=REGISTERED)  # type: ignore[untyped-decorator]
    def build(num_classes: int, weights: None = None) -> nn.Module:  # noqa: ARG001  # as train.py calls it
        return with_weights(model, path, num_classes)


def predict(checkpoint: Path, photos: Path, classes: int, preset: Any) -> np.ndarray:
    """Return the probabilities of the photos, (V, C), in the order of data/splits.csv."""
    model = torchvision.models.get_model(REGISTERED, num_classes=classes)
    model.load_state_dict(torch.load(checkpoint, weights_only=False)["model"])
    model.eval()
    dataset = torchvision.datasets.ImageFolder(str(photos), preset)
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, num_workers=WORKERS)
    with torch.inference_mode():
        pred_probs = torch.cat([model(images).softmax(1) for images, _ in loader])
    return in_rows_order([path for path, _ in dataset.samples], pred_probs.numpy())


def main() -> None:
    """Write pred_probs, targets and the seconds of an epoch as .npz."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("references", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--model", default="resnet50")
    options = parser.parse_args()
    register(options.model, options.weights)
    sys.path.insert(0, str(options.references.resolve()))  # train.py imports its neighbours
    script = runpy.run_path(str(options.references / "train.py"))
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        linked = link_photos(options.folder, photos, VALID)
        words = [
            *("--data-path", photos, "--output-dir", scratch, "--model", REGISTERED),
            *("--device", "cpu", "--workers", WORKERS, "--batch-size", BATCH),
            *("--epochs", options.epochs),
            *RECIPE,
        ]
        args = script["get_args_parser"]().parse_args([str(word) for word in words])
        torch.manual_seed(1)
        seconds = timed(lambda: script["main"](args))
        preset = script["presets"].ClassificationPresetEval(
            crop_size=args.val_crop_size, resize_size=args.val_resize_size
        )
        pred_probs = predict(
            Path(scratch) / "checkpoint.pth", photos / VALID, linked.classes, preset
        )
    np.savez(
        options.result, pred_probs=pred_probs, targets=linked.targets,
        seconds_an_epoch=seconds / options.epochs,
    )  # fmt: skip


if __name__ == "__main__":
    main()
