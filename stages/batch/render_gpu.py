"""One resample per image: crop, flip, rotation, zoom, warp and resize in a single sampling.

fastai's single interpolation is in fact two or three on the device, with one random crop for the
whole batch. Here a view of each image is one matrix (views.py), and its pixels are read once:
where the view shrinks, a box average by the largest whole factor, then bilinear. What lies outside
an image is reflected in the image's own coordinates, whatever padding the batch carries.
Lighting and normalisation follow in the same pass. Validation takes the same path. On a processor
render_cpu.py does the same pixel by pixel.
"""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stages.batch.views import Views
from stages.batch.windows import Windows, full_windows

# Logits of black and white are cut here: 1e-4 keeps float32 exact to a grey level either way.
DARKEST = 1e-4


def render_batch(
    pixels: Tensor,
    sizes: np.ndarray,
    views: Views,
    size: int,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    windows: Windows | None = None,
) -> Tensor:
    """Turn a padded batch of photographs into what the model sees.

    pixels: (B, 3, H, W) uint8 on any device, zero-padded: the windows of the images, or without
    windows all of them; sizes: (B, 2) heights and widths of the images.
    Returns (B, 3, size, size) float32, normalised, channels last.
    """
    windows = windows or full_windows(sizes)
    shape, last = (len(pixels), 3, size, size), torch.channels_last
    out = torch.empty(shape, device=pixels.device, memory_format=last)
    for rows, factor in _alike(views.matrices, size):
        x = _sample(pixels, sizes, windows, views.matrices, size, rows, factor)
        x = lighting(x, views.brightness[rows], views.contrast[rows])
        out[rows] = normalize(x, mean, std)
    return out


def resample(
    pixels: Tensor,
    sizes: np.ndarray,
    matrices: np.ndarray,
    size: int,
    windows: Windows | None = None,
) -> Tensor:
    """Read each image once through its matrix; returns (B, 3, size, size) float32 in 0..1."""
    windows = windows or full_windows(sizes)
    out = torch.empty(len(pixels), 3, size, size, device=pixels.device)
    for rows, factor in _alike(matrices, size):
        out[rows] = _sample(pixels, sizes, windows, matrices, size, rows, factor)
    return out


def _alike(matrices: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Yield rows to be sampled together, with their shrink factor."""
    factors = shrink_factors(matrices, size)
    for factor in np.unique(factors).tolist():
        yield np.flatnonzero(factors == factor), factor


def shrink_factors(matrices: np.ndarray, size: int) -> np.ndarray:
    """Return how many whole source pixels an output pixel spans, at the centre of each view."""
    m = matrices / matrices[:, 2:, 2:]
    jacobian = m[:, :2, :2] - m[:, :2, 2:] * m[:, 2:, :2]
    spans = np.linalg.norm(jacobian, axis=1) * 2 / size  # (B, 2): along x, along y
    # 1e-9 forgives the rounding of a view that shrinks by exactly a whole factor.
    return np.maximum(1, np.floor(spans.min(axis=1) + 1e-9)).astype(int)


def _sample(
    pixels: Tensor,
    sizes: np.ndarray,
    windows: Windows,
    matrices: np.ndarray,
    size: int,
    rows: np.ndarray,
    factor: int,
) -> Tensor:
    height, width = windows.shape[rows].max(axis=0)
    x = pixels[rows, :, :height, :width].float().div_(255)
    if factor > 1:
        x = F.avg_pool2d(x, factor)
    own, first = (
        torch.as_tensor(rows_columns[rows, ::-1] // factor, dtype=torch.float32, device=x.device)
        for rows_columns in (sizes, windows.first)
    )
    where = positions(matrices[rows], size, x.device).div_(factor)
    where = _reflect(where, own[:, :, None, None]).sub_(first[:, :, None, None])
    padded = torch.tensor([x.shape[3], x.shape[2]], device=x.device)[:, None, None]
    grid = where.mul_(2 / padded).sub_(1)
    return F.grid_sample(x, grid.permute(0, 2, 3, 1), mode="bilinear", align_corners=False)


def positions(matrices: np.ndarray, size: int, device: torch.device) -> Tensor:
    """Return the source position of every output pixel's centre: (B, 2, size, size), x then y."""
    m = torch.as_tensor(matrices, dtype=torch.float32, device=device)[..., None]
    line = (torch.arange(size, device=device) + 0.5) * 2 / size - 1
    along, down = m[:, :, 0] * line, m[:, :, 1] * line + m[:, :, 2]  # (B, 3, size) each
    moved = along[:, :, None, :] + down[:, :, :, None]
    return moved[:, :2] / moved[:, 2:]


def _reflect(where: Tensor, size: Tensor) -> Tensor:
    """Fold positions from -size..2 size into 0..size, mirrored at the edges, in place.

    Few views look further out than one image (a strong warp that is turned as well); what they
    see there is the edge drawn out. Results are at least half a pixel inside.
    """
    where.abs_().sub_(size).abs_().neg_().add_(size)
    return torch.minimum(where.clamp_(min=0.5), size - 0.5, out=where)


def lighting(x: Tensor, brightness: np.ndarray, contrast: np.ndarray) -> Tensor:
    """Shift and stretch the logits of pixels in 0..1, in place, image by image (as in fastai)."""
    rows = np.flatnonzero((brightness != 0) | (contrast != 1))
    if not len(rows):
        return x
    add = torch.as_tensor(brightness[rows], dtype=x.dtype, device=x.device)[:, None, None, None]
    scale = torch.as_tensor(contrast[rows], dtype=x.dtype, device=x.device)[:, None, None, None]
    lit = x if len(rows) == len(x) else x[rows]
    lit.logit_(eps=DARKEST).add_(add).mul_(scale).sigmoid_()
    if lit is not x:
        x[rows] = lit
    return x


def normalize(
    x: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Tensor:
    """Subtract the mean and divide by the standard deviation of each channel."""
    shift = torch.tensor(mean, device=x.device)[None, :, None, None]
    scale = torch.tensor(std, device=x.device)[None, :, None, None]
    return (x - shift) / scale
