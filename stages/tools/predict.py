"""Predict: the most probable classes of new photos, by the fine-tuned model.

Reads   data/model/, the photos named, and those in the folders named
Run     python -m stages.tools.predict PATH [PATH ...]

Prints a line for each photo, and exits with 1 when one of them could not be read.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stages.base.entry_point import run_command
from stages.base.environment import device_name
from stages.base.errors import UserError
from stages.base.plural import count_noun
from stages.base.terminal import say
from stages.batch.image_set import ImageSet
from stages.batch.loader import valid_batches
from stages.batch.render_spec import RenderSpec
from stages.dataset.scan import list_files
from stages.images.decode import Undecodable, decode
from stages.images.formats import ALL_EXTENSIONS
from stages.images.resize import presized_size, resize
from stages.model.classifier import Classifier, LossName
from stages.model.files import ModelCard, load_model
from stages.train.device import Compute, open_device
from stages.train.infer import predict_batches

# Photos in memory at once: presized to 460 px, 32 take 30 MB.
_BATCH_SIZE = 32
# With bce each class has a sigmoid of its own; one below a half is a no.
_YES_FROM = 0.5


@dataclass(frozen=True)
class Found:
    """What stands at a path: a photo to read, or with a problem what cannot be one."""

    path: Path
    problem: str = ""


def main() -> None:
    """Print a line for each photo: its most probable classes, or why it cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="photo or folder")
    parser.add_argument(
        "--model", type=Path, default=Path("data/model"), help="default: %(default)s"
    )
    parser.add_argument("--top", type=int, default=3, help="classes to show; default: %(default)s")
    options = parser.parse_args()
    if options.top < 1:
        raise UserError(f"--top {options.top}: show at least 1 class")
    compute = open_device(device_name(), "fp32")
    model, card = load_model(options.model)
    model.to(compute.device)

    found = [photo for path in options.paths for photo in find_photos(path)]
    unread = 0
    for photo, answer in predict_photos(found, model, card, compute):
        if isinstance(answer, str):
            unread += 1
            say(f"{photo.path}: {answer}")
        elif np.isfinite(answer).all():
            classes = answers(answer, card.class_names, card.loss, options.top)
            say(f"{photo.path}: {', '.join(classes)}")
        else:
            raise UserError(
                f"{options.model}: the model answers {photo.path} with NaN, since its training "
                "diverged; train with a smaller fine_tune.base_lr"
            )
    if unread:
        raise UserError(f"{unread:,} of {count_noun(len(found), 'photo')} could not be read")


def find_photos(path: Path) -> Iterator[Found]:
    """Yield the photo at a path, or the photos below a folder, sorted; a problem has its place.

    Files of a folder that are not named like photos are counted in one line on stderr.
    """
    if not path.is_dir():
        yield Found(path)
        return
    names, problems, _ = list_files(path)
    photos = [name for name in names if Path(name).suffix.lower() in ALL_EXTENSIONS]
    for problem in problems:
        yield Found(path / problem.path, f"{problem.problem}: {problem.detail}")
    yield from (Found(path / name) for name in photos)
    if not photos and not problems:
        yield Found(path, "no photo in the folder: names of photos end in .jpg, .png or the like")
    others = Counter(Path(name).suffix or "no ending" for name in names if name not in set(photos))
    if others:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in others.most_common(5))
        other_files = count_noun(others.total(), "other file")
        say(f"{path}: passed over {other_files} ({kinds})", file=sys.stderr)


def predict_photos(
    found: Sequence[Found], model: Classifier, card: ModelCard, compute: Compute
) -> Iterator[tuple[Found, np.ndarray | str]]:
    """Yield each photo, in order, with its probabilities (C,) or the problem why there are none."""
    render = RenderSpec(size=card.size, mean=model.mean, std=model.std, device=compute.device)
    for start in range(0, len(found), _BATCH_SIZE):
        group = found[start : start + _BATCH_SIZE]
        photos = [photo.problem or read_photo(photo.path, card.presize) for photo in group]
        images = [photo for photo in photos if isinstance(photo, Tensor)]
        rows: Iterator[np.ndarray] = iter(())
        if images:
            no_targets = np.zeros(len(images), np.int64)
            image_set = ImageSet([""] * len(images), no_targets, images.__getitem__)
            batches = valid_batches(image_set, render, _BATCH_SIZE)
            rows = iter(predict_batches(model, batches, compute, card.loss).pred_probs)
        for item, photo in zip(group, photos, strict=True):
            yield item, photo if isinstance(photo, str) else next(rows)


def read_photo(path: Path, size: int) -> Tensor | str:
    """Return one photo (H, W, 3) uint8, upright RGB, presized as the training images were.

    size: shorter side in pixels. For what is no photo, the problem as presize names it.
    """
    try:
        photo = decode(path.read_bytes(), size)
    except Undecodable as error:
        return f"{error.problem}: {error.detail}" if error.detail else error.problem
    except OSError as error:
        return f"unreadable: {error.strerror}"
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
