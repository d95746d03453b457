"""Weights from files: read without running code, and refused when they do not fit."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file as load_safetensors
from torch import Tensor, nn

from stages.base.errors import UserError


def load_weights(body: nn.Module, path: str) -> None:
    """Load a .safetensors or .pth file into a body; tensors of a classifier it lacks are left out.

    Half-precision tensors become float32. Missing or misshapen ones are a UserError.
    """
    state = read_tensors(path)
    own = body.state_dict()
    missing = [name for name in own if name not in state and "num_batches_tracked" not in name]
    wrong = [name for name in own if name in state and state[name].shape != own[name].shape]
    if missing or wrong:
        example = (missing or wrong)[0]
        raise UserError(
            f"model.weights: {path} does not fit model.arch: {len(missing)} of {len(own)} tensors "
            f"missing and {len(wrong)} of another shape, such as {example}"
        )
    body.load_state_dict({name: state[name] for name in own if name in state}, strict=False)


def read_tensors(path: str) -> dict[str, Tensor]:
    """Return the tensors in a file by name."""
    if not Path(path).is_file():
        raise UserError(f"model.weights: there is no file {path}; or choose package, hub or none")
    try:
        if path.endswith(".safetensors"):
            return load_safetensors(path)
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise UserError(
            f"model.weights: {path} cannot be read as weights "
            f"({' '.join(str(error).split())[:80]}); give a .safetensors or a .pth of tensors"
        ) from None
    return state.get("state_dict", state) if isinstance(state, dict) else {}


def load_in_order(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Load tensors whose names differ but whose order and shapes are the network's own."""
    own = network.state_dict()
    shapes = [tuple(tensor.shape) for tensor in state.values()]
    if shapes != [tuple(tensor.shape) for tensor in own.values()]:
        raise UserError("model.weights: the package does not fit; install requirements.txt")
    network.load_state_dict(dict(zip(own, state.values(), strict=True)))
