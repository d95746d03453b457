"""Predict: the most probable classes of new photos, by the fine-tuned model.

Reads   data/model/ and the photos named
Run     python -m stages.tools.predict PHOTO [PHOTO ...]
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stages.base.entry_point import run_command
from stages.base.environment import device_name
from stages.base.errors import UserError
from stages.batch.image_set import ImageSet
from stages.batch.loader import valid_batches
from stages.batch.render_spec import RenderSpec
from stages.images.decode import Undecodable, decode
from stages.images.resize import presized_size, resize
from stages.model.classifier import LossName
from stages.model.files import load_model
from stages.train.device import open_device
from stages.train.infer import predict_batches

_BATCH_SIZE = 32
# With bce each class has a sigmoid of its own; one below a half is a no.
_YES_FROM = 0.5


def main() -> None:
    """Print a line for each photo: its most probable classes."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO")
    parser.add_argument(
        "--model", type=Path, default=Path("data/model"), help="default: %(default)s"
    )
    parser.add_argument("--top", type=int, default=3, help="classes to show; default: %(default)s")
    options = parser.parse_args()
    compute = open_device(device_name(), "fp32")
    model, facts = load_model(options.model)
    model.to(compute.device)

    images = [read_photo(path, facts.presize) for path in options.photos]
    paths = [str(path) for path in options.photos]
    no_targets = np.zeros(len(paths), dtype=np.int64)
    image_set = ImageSet(paths, no_targets, images.__getitem__)
    render = RenderSpec(size=facts.size, mean=model.mean, std=model.std, device=compute.device)
    batches = valid_batches(image_set, render, _BATCH_SIZE)
    inference = predict_batches(model, batches, compute, facts.loss)
    for path, row in zip(paths, inference.pred_probs, strict=True):
        print(f"{path}: {', '.join(answers(row, facts.class_names, facts.loss, options.top))}")


def read_photo(path: Path, size: int) -> Tensor:
    """Return one photo (H, W, 3) uint8, upright RGB, presized as the training images were.

    size: shorter side in pixels. Raises UserError for what is no photo.
    """
    try:
        photo = decode(path.read_bytes(), size)
    except Undecodable as problem:
        raise UserError(f"{path}: {problem.problem}: {problem.detail}") from None
    presized = resize(photo.picture, presized_size(photo.width, photo.height, size))
    return torch.tensor(np.asarray(presized))


def answers(
    pred_probs: np.ndarray, class_names: list[str], loss: LossName, top: int
) -> Iterator[str]:
    """Yield the `top` most probable classes of an image with their probabilities, (C,).

    With bce, where no class reaches a half, "none of these" comes first.
    """
    if loss == "bce" and pred_probs.max() < _YES_FROM:
        yield "none of these"
    for target in np.argsort(-pred_probs, kind="stable")[:top]:
        yield f"{class_names[target]} {pred_probs[target]:.1%}"


if __name__ == "__main__":
    run_command(main)
