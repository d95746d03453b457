"""The model as a folder that timm and transformers load by themselves, where that is exact.

timm's networks have one linear layer behind the pooling. Ours has a batch norm before it, which is
folded into the layer, and so is the temperature; the halves of the pooling are swapped, since ours
are largest, mean and timm's `catavgmax` mean, largest.
"""

import copy
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image, ImageOps
from safetensors.torch import save
from torch import Tensor, nn

from stages.base.files import write_bytes, write_json
from stages.model.classifier import Classifier
from stages.model.files import ModelCard
from stages.model.model_params import LossName
from stages.train.losses import to_pred_probs

_DATA: Any = timm.data
_POOLING = "catavgmax"
_TOLERANCE = 1e-3  # of an activation, relative or absolute; another network is off by far more


class NotExact(Exception):
    """Why a model cannot be said as one of timm's."""


@dataclass(frozen=True, kw_only=True)
class TimmFolder:
    """Content of config.json and model.safetensors."""

    config: dict[str, Any]
    tensors: dict[str, Tensor]

    def write(self, folder: Path) -> None:
        """Write the files; transformers wants this metadata, and one entry has but one order."""
        write_json(folder / "config.json", self.config)
        write_json(folder / "preprocessor_config.json", self._preprocessor())
        write_bytes(folder / "model.safetensors", save(self.tensors, metadata={"format": "pt"}))

    def _preprocessor(self) -> dict[str, Any]:
        return {
            "image_processor_type": "TimmWrapperImageProcessor",
            "architecture": self.config["architecture"],
            "pretrained_cfg": self.config["pretrained_cfg"],
        }


def to_timm(model: Classifier, card: ModelCard, temperature: float) -> TimmFolder:
    """Return the model as one of timm's, its activations divided by the temperature.

    Raises NotExact, with the reason, where timm has no network that answers the same.
    """
    if card.params.head != "linear":
        raise NotExact("its head has two layers, and timm's have one")
    if card.params.cut != "none":
        raise NotExact("its network is cut, and timm has whole ones")
    body: Any = model.body
    source = getattr(body, "pretrained_cfg", None)
    if not source:
        raise NotExact("its network is not one of timm that gives a map over the image")
    network = _empty_network(source["architecture"], len(card.class_names))
    name: str = network.pretrained_cfg["classifier"]
    weight, bias = fold_head(model.head, temperature)
    tensors = {**body.state_dict(), f"{name}.weight": weight, f"{name}.bias": bias}
    tensors = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise NotExact("timm's network has other layers behind its map") from None
    _check_activations(network, model, card.size, temperature)
    return TimmFolder(config=_config(network, model, card), tensors=tensors)


def fold_head(head: nn.Module, temperature: float) -> tuple[Tensor, Tensor]:
    """Return weight (C, 2F) and bias (C,) of one layer that takes mean, then largest."""
    layers: Any = copy.deepcopy(head).double()  # concat pool, batch norm, dropout, linear layer
    norm = layers[1]
    linear = layers[3]
    with torch.no_grad():
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        weight = linear.weight * scale / temperature
        bias = linear.bias + linear.weight @ (norm.bias - norm.running_mean * scale)
        largest, mean = weight.chunk(2, dim=1)
        return torch.cat([mean, largest], dim=1).float(), (bias / temperature).float()


def _empty_network(architecture: str, classes: int) -> Any:
    try:
        return timm.create_model(architecture, num_classes=classes, global_pool=_POOLING)
    except Exception:
        raise NotExact(f"timm's {architecture} cannot pool mean and largest") from None


def _check_activations(network: Any, model: Classifier, size: int, temperature: float) -> None:
    """Refuse a network that takes the same tensors and computes something else."""
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.inference_mode():
            ours = model.eval()(images) / temperature
            theirs = network.eval()(images)
    except Exception:
        raise NotExact("timm's network does not work with this pooling") from None
    if ours.shape != theirs.shape or not torch.allclose(ours, theirs, _TOLERANCE, _TOLERANCE):
        raise NotExact("timm's network does more behind its map than pool it")


def _config(network: Any, model: Classifier, card: ModelCard) -> dict[str, Any]:
    """Return config.json: what timm builds the network from, and how it takes a photo."""
    # With sigmoid transformers must be told that a photo may be of several classes, or of none.
    problem = {"problem_type": "multi_label_classification"} if card.loss == "bce" else {}
    return {
        "architecture": network.pretrained_cfg["architecture"],
        "num_classes": len(card.class_names),
        "num_features": network.num_features,
        "model_args": {"global_pool": _POOLING},
        "label_names": card.class_names,
        **problem,
        "pretrained_cfg": {
            "custom_load": False,
            "input_size": [3, card.size, card.size],
            "fixed_input_size": bool(network.pretrained_cfg.get("fixed_input_size")),
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "crop_mode": "center",
            "mean": list(model.mean),
            "std": list(model.std),
            "first_conv": network.pretrained_cfg["first_conv"],
            "classifier": network.pretrained_cfg["classifier"],
        },
    }


class TimmClassifier:
    """A folder at work, as timm loads it."""

    def __init__(self, folder: Path, loss: LossName) -> None:
        """Load the network from its files."""
        self._network: Any = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
        self._loss: LossName = loss
        config = _DATA.resolve_data_config(self._network.pretrained_cfg)
        self._mean = torch.tensor(config["mean"])
        self._std = torch.tensor(config["std"])
        self._to_tensor = _DATA.create_transform(**config, normalize=False)

    def answer(self, pixels: np.ndarray) -> np.ndarray:
        """Return probabilities (N, C) float32 for pixels (N, S, S, 3) float32."""
        images = (torch.from_numpy(pixels) / 255 - self._mean) / self._std
        with torch.inference_mode():
            activations = self._network(images.permute(0, 3, 1, 2))
            return to_pred_probs(activations, self._loss).numpy()

    def pixels(self, file: Path | BytesIO) -> np.ndarray:
        """Return a photo's pixels (S, S, 3) as timm and transformers read it: reduced once."""
        with Image.open(file) as photo:
            upright = ImageOps.exif_transpose(photo).convert("RGB")
        pixels: Tensor = self._to_tensor(upright)
        return pixels.permute(1, 2, 0).float().numpy()
