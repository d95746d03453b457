"""Predict: what the fine-tuned model says of photos that it has never seen.

Reads   data/model/ and the photos named
Run     python -m stages.tools.predict PHOTO [PHOTO ...]
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stages.base.environment import device_name
from stages.base.errors import UserError, run_command
from stages.batch.loader import Photos, RenderSpec, valid_batches
from stages.images.decode import Undecodable, decode
from stages.images.resize import presized_size, resize
from stages.model.files import load_model
from stages.train.device import open_device
from stages.train.infer import predict_batches

BATCH_SIZE = 32
# A sigmoid below a half is a no; when every class says no, none of them is the answer.
REFUSED = 0.5


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

    images = [read_photo(path, facts["presize"]) for path in options.photos]
    paths = [str(path) for path in options.photos]
    photos = Photos(paths, np.zeros(len(paths), dtype=np.int64), images.__getitem__)
    look = RenderSpec(facts["size"], model.mean, model.std, compute.device)
    found = predict_batches(model, valid_batches(photos, look, BATCH_SIZE), compute, facts["loss"])
    for path, row in zip(paths, found.pred_probs, strict=True):
        print(f"{path}: {', '.join(answers(row, facts['vocab'], facts['loss'], options.top))}")


def read_photo(path: Path, size: int) -> Tensor:
    """Return one photo, upright RGB, presized as those that the model learned from."""
    try:
        photo = decode(path.read_bytes(), size)
    except Undecodable as problem:
        raise UserError(f"{path}: {problem.problem}: {problem.detail}") from None
    shrunk = resize(photo.picture, presized_size(photo.width, photo.height, size))
    return torch.tensor(np.asarray(shrunk))  # (H, W, 3) uint8


def answers(row: np.ndarray, class_names: list[str], loss: str, top: int) -> Iterator[str]:
    """Yield the most probable classes with their probabilities; with bce it may be none of them."""
    if loss == "bce" and row.max() < REFUSED:
        yield "none of these"
    for place in np.argsort(-row, kind="stable")[:top]:
        yield f"{class_names[place]} {row[place]:.1%}"


if __name__ == "__main__":
    run_command(main)
