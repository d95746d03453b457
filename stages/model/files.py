"""A fine-tuned model on disk: tensors as safetensors, everything else as JSON beside them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from stages.base.errors import UserError
from stages.base.files import write_bytes, write_json
from stages.model.backbones import RGB
from stages.model.classifier import Classifier, LossName, ModelParams, build_classifier

_TENSORS_FILE = "model.safetensors"
_CARD_FILE = "model.json"
_FORMAT = "finetrack model 2"


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Model card, the content of model.json: what a model predicts, what it takes, its training.

    The file also holds the format, and the mean and standard deviation that the model has itself.
    """

    params: ModelParams
    class_names: list[str]  # `vocab` in the file, as fastai calls it
    size: int  # side of the images, pixels
    loss: LossName
    presize: int  # shorter side of the presized photos, pixels
    base_lr: float
    seed: int
    device: str  # cpu or cuda
    precision: str  # float32, bfloat16 or float16
    threads: int
    processes: int
    torch: str  # its version

    def to_json(self) -> dict[str, Any]:
        """Return the content under the names and in the order of the file."""
        return {
            **self.params.model_dump(),
            "vocab": self.class_names,
            "size": self.size,
            "loss": self.loss,
            "presize": self.presize,
            "base_lr": self.base_lr,
            "seed": self.seed,
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
            "processes": self.processes,
            "torch": self.torch,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "ModelCard":
        """Return the card that a model.json holds."""
        return cls(
            params=ModelParams(**{name: content[name] for name in ModelParams.model_fields}),
            class_names=content["vocab"],
            size=content["size"],
            loss=content["loss"],
            presize=content["presize"],
            base_lr=content["base_lr"],
            seed=content["seed"],
            device=content["device"],
            precision=content["precision"],
            threads=content["threads"],
            processes=content["processes"],
            torch=content["torch"],
        )


def save_model(folder: Path, model: Classifier, card: ModelCard) -> None:
    """Write the tensors, without metadata (its order is random), and the model's card."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    write_bytes(folder / _TENSORS_FILE, save(tensors))
    normalization = {"mean": list(model.mean), "std": list(model.std)}
    write_json(folder / _CARD_FILE, {"format": _FORMAT, **card.to_json(), **normalization})


def load_model(folder: Path) -> tuple[Classifier, ModelCard]:
    """Return a saved model, ready to predict, and its card."""
    path = folder / _CARD_FILE
    if not path.is_file():
        raise UserError(f"there is no model in {folder}; make one: dvc repro fine_tune")
    content = json.loads(path.read_text(encoding="utf-8"))
    if content.get("format") != _FORMAT:
        raise UserError(f"{path} is of another format; make it anew: dvc repro fine_tune")
    card = ModelCard.from_json(content)
    # The saved tensors replace all weights, so weights of a hub or a file need not be there.
    weights = "package" if card.params.weights == "package" else "none"
    params = card.params.model_copy(update={"weights": weights})
    model = build_classifier(params, len(card.class_names), seed=0, size=card.size)
    model.load_state_dict(load_file(folder / _TENSORS_FILE))
    model.mean = _rgb(content["mean"])
    model.std = _rgb(content["std"])
    return model.eval().to(memory_format=torch.channels_last), card


def _rgb(values: list[float]) -> RGB:
    red, green, blue = values
    return red, green, blue
