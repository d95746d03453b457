"""Render specification: what the images of a model must be like."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class RenderSpec:
    """Size, normalisation, device and type of rendered images, and what renders them."""

    size: int  # side in pixels
    mean: tuple[float, float, float]  # of each channel in 0..1, which the backbone expects
    std: tuple[float, float, float]
    device: torch.device
    dtype: torch.dtype = torch.float32  # on a processor always this
    kernel: bool = False  # on a GPU: whether Triton's kernel renders, or torch array by array

    def scale_and_shift(self) -> NDArray[np.float32]:
        """Return the normalisation as a factor and a summand for each channel: (2, 3)."""
        mean = np.array(self.mean)
        std = np.array(self.std)
        return np.stack([1 / std, -mean / std]).astype(np.float32)
