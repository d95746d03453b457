"""Rendering a batch with torch: crop, flip, rotation, zoom, warp and resize in one resample.

Used on the GPU, and as the reference on any device. fastai's single interpolation is in fact two or
three on the device, with one random crop for the whole batch. Here a view of each image is one
matrix (views.py), and its pixels are read once: where the view shrinks, a box average by the
largest whole factor, then bilinear. Beyond its edges an image continues by reflection padding, in
its own coordinates, whatever padding the batch carries. Lighting and normalisation follow in the
same pass. Validation takes the same path. On a CPU render_cpu.py does the same pixel by pixel.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

from stages.batch.lighting import Lighting
from stages.batch.render_spec import RenderSpec
from stages.batch.views import Views
from stages.batch.windows import Windows, full_windows

# Logits of black and white are cut here: 1e-4 keeps float32 exact to a grey level either way.
LOGIT_EPSILON = 1e-4


@dataclass(frozen=True)
class _ShrinkGroup:
    """The images of a batch that shrink by the same whole factor."""

    rows: np.ndarray
    factor: int


def render_batch(
    pixels: Tensor,
    sizes: np.ndarray,
    views: Views,
    render: RenderSpec,
    windows: Windows | None = None,
) -> Tensor:
    """Return the images of a padded batch as the model takes them.

    pixels: (B, 3, H, W) uint8 on any device, zero-padded: the windows of the images, or without
    windows all of them; sizes: (B, 2) heights and widths of the images.
    Returns (B, 3, S, S) float32 on the device of pixels, normalised, channels last.
    """
    windows = full_windows(sizes) if windows is None else windows
    shape = (len(pixels), 3, render.size, render.size)
    out = torch.empty(shape, device=pixels.device, memory_format=torch.channels_last)
    for group in _shrink_groups(views.matrices, render.size):
        x = _sample(pixels, sizes, windows, views.matrices, render.size, group)
        x = apply_lighting(x, views.lighting.subset(group.rows))
        out[group.rows] = normalize(x, render.mean, render.std)
    return out


def resample(
    pixels: Tensor,
    sizes: np.ndarray,
    matrices: np.ndarray,
    size: int,
    windows: Windows | None = None,
) -> Tensor:
    """Return each image sampled once through its matrix: (B, 3, size, size) float32 in 0..1."""
    windows = full_windows(sizes) if windows is None else windows
    out = torch.empty(len(pixels), 3, size, size, device=pixels.device)
    for group in _shrink_groups(matrices, size):
        out[group.rows] = _sample(pixels, sizes, windows, matrices, size, group)
    return out


def _shrink_groups(matrices: np.ndarray, size: int) -> Iterator[_ShrinkGroup]:
    """Yield the groups of images that are sampled together."""
    factors = shrink_factors(matrices, size)
    for factor in np.unique(factors).tolist():
        yield _ShrinkGroup(np.flatnonzero(factors == factor), factor)


def shrink_factors(matrices: np.ndarray, size: int) -> np.ndarray:
    """Return how many whole source pixels an output pixel spans, at the centre of each view."""
    m = matrices / matrices[:, 2:, 2:]
    jacobian = m[:, :2, :2] - m[:, :2, 2:] * m[:, 2:, :2]
    spans = np.linalg.norm(jacobian, axis=1) * 2 / size  # (B, 2): along x, along y
    # 1e-9 forgives the rounding of a view that shrinks by exactly a whole factor.
    factors: np.ndarray = np.maximum(1, np.floor(spans.min(axis=1) + 1e-9)).astype(int)
    return factors


def _sample(
    pixels: Tensor,
    sizes: np.ndarray,
    windows: Windows,
    matrices: np.ndarray,
    size: int,
    group: _ShrinkGroup,
) -> Tensor:
    """Return the images of a group: box average by their factor, then bilinear sampling."""
    rows = group.rows
    factor = group.factor
    height, width = windows.size[rows].max(axis=0)
    x = pixels[rows, :, :height, :width].float().div_(255)
    if factor > 1:
        x = avg_pool2d(x, factor)
    # From rows and columns to x and y.
    image_sizes = _as_points(sizes[rows, ::-1] // factor, x.device)
    top_left = _as_points(windows.top_left[rows, ::-1] // factor, x.device)
    positions = source_positions(matrices[rows], size, x.device).div_(factor)
    positions = _reflect(positions, image_sizes).sub_(top_left)
    padded_size = torch.tensor([x.shape[3], x.shape[2]], device=x.device)[:, None, None]
    grid = positions.mul_(2 / padded_size).sub_(1)
    return grid_sample(x, grid.permute(0, 2, 3, 1), mode="bilinear", align_corners=False)


def _as_points(points: np.ndarray, device: torch.device) -> Tensor:
    """Return points (B, 2) as (B, 2, 1, 1) float32, to be combined with positions."""
    return torch.as_tensor(points, dtype=torch.float32, device=device)[:, :, None, None]


def source_positions(matrices: np.ndarray, size: int, device: torch.device) -> Tensor:
    """Return the source position of every output pixel's centre: (B, 2, size, size), x then y."""
    m = torch.as_tensor(matrices, dtype=torch.float32, device=device)[..., None]
    line = (torch.arange(size, device=device) + 0.5) * 2 / size - 1
    along = m[:, :, 0] * line  # (B, 3, size), as is the next
    down = m[:, :, 1] * line + m[:, :, 2]
    projected = along[:, :, None, :] + down[:, :, :, None]
    return projected[:, :2] / projected[:, 2:]


def _reflect(positions: Tensor, image_sizes: Tensor) -> Tensor:
    """Fold positions from -size..2 size into 0..size by reflection padding, in place.

    Few views reach further out than one image (a strong warp that is turned as well); there they
    see the edge replicated. Results are at least half a pixel inside.
    """
    positions.abs_().sub_(image_sizes).abs_().neg_().add_(image_sizes)
    return torch.minimum(positions.clamp_(min=0.5), image_sizes - 0.5, out=positions)


def apply_lighting(x: Tensor, lighting: Lighting) -> Tensor:
    """Apply the lighting of each image to its pixels in 0..1, in place.

    An image that it does not change keeps every bit.
    """
    if (lighting.gain != 1).any():
        x.mul_(_by_image(lighting.gain, x))
    rows = np.flatnonzero(lighting.acts_on_logits)
    if not len(rows):
        return x
    shift = _by_image(lighting.brightness[rows], x)
    scale = _by_image(lighting.contrast[rows], x)
    changed = x if len(rows) == len(x) else x[rows]
    changed.logit_(eps=LOGIT_EPSILON).add_(shift).mul_(scale).sigmoid_()
    if changed is not x:
        x[rows] = changed
    return x


def _by_image(values: np.ndarray, x: Tensor) -> Tensor:
    """Return values (B,) as (B, 1, 1, 1), to be combined with pixels of the type and place of x."""
    return torch.as_tensor(values, dtype=x.dtype, device=x.device)[:, None, None, None]


def normalize(
    x: Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> Tensor:
    """Subtract the mean and divide by the standard deviation of each channel."""
    shift = torch.tensor(mean, device=x.device)[None, :, None, None]
    scale = torch.tensor(std, device=x.device)[None, :, None, None]
    return (x - shift) / scale
