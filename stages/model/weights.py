"""Weights from files: read without running code in them, and refused where they do not fit."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file as load_safetensors
from torch import Tensor, nn

from stages.base.errors import UserError


def load_weights(network: nn.Module, path: str) -> None:
    """Load a .safetensors or .pth file into a network; other tensors in it, as of a head, stay out.

    Half-precision tensors become float32. Missing or misshapen ones are a UserError.
    """
    saved = read_tensors(path)
    needed = network.state_dict()
    missing = [name for name in needed if name not in saved and "num_batches_tracked" not in name]
    present = [name for name in needed if name in saved]
    misshapen = [name for name in present if saved[name].shape != needed[name].shape]
    if missing or misshapen:
        example = (missing or misshapen)[0]
        raise UserError(
            f"model.weights: {path} does not fit model.arch: {len(missing)} of {len(needed)} "
            f"tensors missing and {len(misshapen)} of another shape, such as {example}"
        )
    network.load_state_dict({name: saved[name] for name in present}, strict=False)


def read_tensors(path: str) -> dict[str, Tensor]:
    """Return the tensors in a file by name."""
    if not Path(path).is_file():
        raise UserError(f"model.weights: there is no file {path}; or choose package, hub or none")
    try:
        if path.endswith(".safetensors"):
            tensors: dict[str, Tensor] = load_safetensors(path)
            return tensors
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"model.weights: {path} cannot be read as weights "
            f"({' '.join(str(error).split())[:80]}); give a .safetensors or a .pth of tensors"
        ) from None
    return content.get("state_dict", content) if isinstance(content, dict) else {}


def load_in_order(network: nn.Module, saved: dict[str, Tensor]) -> None:
    """Load tensors whose names differ but whose order and shapes are those of the network."""
    needed = network.state_dict()
    shapes = [tensor.shape for tensor in saved.values()]
    if shapes != [tensor.shape for tensor in needed.values()]:
        raise UserError("model.weights: the package does not fit; install requirements.txt")
    network.load_state_dict(dict(zip(needed, saved.values(), strict=True)))
