"""One resample per image: crop, flip, rotation, zoom, warp and resize in a single sampling.

fastai's single interpolation is in fact two or three on the device, with one random crop for the
whole batch. Here a view of each image is one matrix (views.py), and its pixels are read once:
where the view shrinks, a box average by the largest whole factor, then bilinear. What lies outside
an image is reflected in the image's own coordinates, whatever padding the batch carries.
Lighting and normalisation follow in the same pass. Validation takes the same path.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stages.batch.views import Views

# Logits of black and white are cut here: 1e-4 keeps float32 exact to a grey level either way.
DARKEST = 1e-4


def render(
    pixels: Tensor,
    sizes: np.ndarray,
    views: Views,
    size: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
) -> Tensor:
    """Turn a padded batch of photographs into what the model sees.

    pixels: (B, 3, H, W) uint8 on any device, zero-padded; sizes: (B, 2) own heights and widths.
    Returns (B, 3, size, size) float32, normalised, channels last.
    """
    x = resample(pixels, sizes, views.matrices, size)
    x = lighting(x, views.brightness, views.contrast)
    return normalise(x, mean, std).contiguous(memory_format=torch.channels_last)


def resample(pixels: Tensor, sizes: np.ndarray, matrices: np.ndarray, size: int) -> Tensor:
    """Read each image once through its matrix; returns (B, 3, size, size) float32 in 0..1."""
    factors = shrink_factors(matrices, size)
    out = torch.empty(len(pixels), 3, size, size, device=pixels.device)
    for factor in np.unique(factors).tolist():
        rows = np.flatnonzero(factors == factor)
        out[rows] = _sample(pixels[rows], sizes[rows], matrices[rows], size, factor)
    return out


def shrink_factors(matrices: np.ndarray, size: int) -> np.ndarray:
    """Return how many whole source pixels an output pixel spans, at the centre of each view."""
    m = matrices / matrices[:, 2:, 2:]
    jacobian = m[:, :2, :2] - m[:, :2, 2:] * m[:, 2:, :2]
    spans = np.linalg.norm(jacobian, axis=1) * 2 / size  # (B, 2): along x, along y
    # 1e-9 forgives the rounding of a view that shrinks by exactly a whole factor.
    return np.maximum(1, np.floor(spans.min(axis=1) + 1e-9)).astype(int)


def _sample(
    pixels: Tensor, sizes: np.ndarray, matrices: np.ndarray, size: int, factor: int
) -> Tensor:
    x = pixels.float().div_(255)
    if factor > 1:
        x = F.avg_pool2d(x, factor)
    own = torch.as_tensor(sizes // factor, dtype=torch.float32, device=pixels.device)
    where = positions(matrices, size).astype(np.float32) / factor
    grid = torch.as_tensor(where, device=pixels.device)
    grid = _reflect(grid, own.flip(1)[:, None, None, :])
    padded = torch.tensor([x.shape[3], x.shape[2]], device=pixels.device)
    return F.grid_sample(x, grid * 2 / padded - 1, mode="bilinear", align_corners=False)


def positions(matrices: np.ndarray, size: int) -> np.ndarray:
    """Return the source position (x, y) of every output pixel's centre, (B, size, size, 2)."""
    line = (np.arange(size) + 0.5) * 2 / size - 1
    y, x = np.meshgrid(line, line, indexing="ij")
    plane = np.stack([x, y, np.ones_like(x)], axis=-1)
    moved = plane.reshape(1, -1, 3) @ matrices.transpose(0, 2, 1)
    return (moved[..., :2] / moved[..., 2:]).reshape(len(matrices), size, size, 2)


def _reflect(where: Tensor, size: Tensor) -> Tensor:
    """Fold positions back into 0..size, mirrored at the edges, at least half a pixel inside."""
    folded = size - (where.remainder(2 * size) - size).abs()
    return torch.minimum(torch.clamp(folded, min=0.5), size - 0.5)


def lighting(x: Tensor, brightness: np.ndarray, contrast: np.ndarray) -> Tensor:
    """Shift and stretch the logits of pixels in 0..1, image by image (fastai's lighting)."""
    rows = np.flatnonzero((brightness != 0) | (contrast != 1))
    if not len(rows):
        return x
    add = torch.as_tensor(brightness[rows], dtype=x.dtype, device=x.device)[:, None, None, None]
    scale = torch.as_tensor(contrast[rows], dtype=x.dtype, device=x.device)[:, None, None, None]
    x[rows] = torch.sigmoid((torch.logit(x[rows], eps=DARKEST) + add) * scale)
    return x


def normalise(
    x: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Tensor:
    """Subtract the mean and divide by the standard deviation of each channel."""
    shift = torch.tensor(mean, device=x.device)[None, :, None, None]
    scale = torch.tensor(std, device=x.device)[None, :, None, None]
    return (x - shift) / scale
