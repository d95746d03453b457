"""Resampling loss: what one resample and one per operation destroy, on the user's own photos.

Transforms that are applied one after the other blur a picture each time, and since they work on
the crop alone, what they turn or warp into view from beyond its edge is invented. One resample of
the whole photo does neither. Both are measured against the same view, supersampled.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from stages.base.seed import derive
from stages.batch.random_draws import RandomDraws, draw_numbers
from stages.batch.render_gpu import resample, source_positions
from stages.batch.views import AugmentParams, box, random_operations
from stages.checks.epoch_views import to_uint8

_SUPERSAMPLING = 4  # times that the reference is sampled finer before it is averaged


@dataclass(frozen=True, kw_only=True)
class MethodLoss:
    """What one method of resampling loses on one photo."""

    psnr: float  # dB from the supersampled view, where neither method invents
    invented: float  # share of the pixels that come from padding


@dataclass(frozen=True, kw_only=True)
class ResamplingLoss:
    """One photo rendered in three ways, with the loss of the second and the third."""

    pictures: np.ndarray  # (3, S, S, 3) uint8: supersampled, one resample, one per operation
    one_resample: MethodLoss
    one_per_operation: MethodLoss


def compare_resampling(
    paths: Sequence[str], image: Callable[[str], np.ndarray], augment: AugmentParams, seed: int
) -> list[ResamplingLoss]:
    """Return the comparison for each photo, (H, W, 3) uint8, with every operation drawn."""
    always = augment.model_copy(update={"p_affine": 1.0})
    return [_compare(image(path), always, derive(seed, "compare", path)) for path in paths]


def mean_losses(losses: Sequence[ResamplingLoss]) -> dict[str, dict[str, float]]:
    """Return the mean psnr and invented share of each method over all photos; {} without photos."""
    if not losses:
        return {}
    methods = {
        "one_resample": [loss.one_resample for loss in losses],
        "one_per_operation": [loss.one_per_operation for loss in losses],
    }
    return {
        name: {
            "psnr": round(float(np.mean([loss.psnr for loss in method_losses])), 1),
            "invented": round(float(np.mean([loss.invented for loss in method_losses])), 4),
        }
        for name, method_losses in methods.items()
    }


def resampling_text(losses: Sequence[ResamplingLoss]) -> str:
    """Return the means as two lines for a person."""
    lines = [
        f"{name.replace('_', ' ')}: {mean['psnr']:.1f} dB from a supersampled view, "
        f"{mean['invented']:.1%} of the pixels invented"
        for name, mean in mean_losses(losses).items()
    ]
    return "\n".join(["Resampling", "", *lines, ""]) if lines else ""


def _compare(
    photo: np.ndarray, augment: AugmentParams, generator: np.random.Generator
) -> ResamplingLoss:
    """Render one photo (H, W, 3) in three ways with the same random operations."""
    height, width = photo.shape[:2]
    size = augment.size
    draws = RandomDraws(draw_numbers([generator]))
    operations = [batch[0] for batch in random_operations([(height, width)], augment, draws)]
    view = reduce(np.matmul, operations)
    reference = functional.avg_pool2d(_resample(photo, view, size * _SUPERSAMPLING), _SUPERSAMPLING)
    once = _resample(photo, view, size)
    once_real = inside_photo(view, size, width, height)
    stepwise, stepwise_real = apply_stepwise(photo, operations, size)
    both_real = once_real & stepwise_real
    return ResamplingLoss(
        pictures=np.concatenate([to_uint8(x) for x in (reference, once, stepwise)]),
        one_resample=MethodLoss(
            psnr=psnr(once, reference, both_real),
            invented=float(1 - once_real.float().mean()),
        ),
        one_per_operation=MethodLoss(
            psnr=psnr(stepwise, reference, both_real),
            invented=float(1 - stepwise_real.float().mean()),
        ),
    )


def apply_stepwise(
    photo: np.ndarray, operations: Sequence[np.ndarray], size: int
) -> tuple[Tensor, Tensor]:
    """Apply crop and operations one after the other, each to the 8-bit picture of the last.

    Returns the picture (1, 3, S, S) and which pixels come from the photo, (S, S) bool.
    """
    x = _resample(photo, operations[0], size)
    real = torch.ones(size, size, dtype=torch.bool)
    whole_picture = box(size / 2, size / 2, size, size)
    for operation in operations[1:]:
        matrix = whole_picture @ operation
        x = _resample(to_uint8(x)[0], matrix, size)
        # A pixel is real when it lies inside and all that it is mixed from was real.
        positions = source_positions(matrix[None], size, x.device)
        grid = positions.permute(0, 2, 3, 1) * 2 / size - 1
        mixed = functional.grid_sample(
            real.float()[None, None], grid, padding_mode="border", align_corners=False
        )[0, 0]
        real = inside_photo(matrix, size, size, size) & (mixed > 0.999)
    return x, real


def inside_photo(matrix: np.ndarray, size: int, width: int, height: int) -> Tensor:
    """Return which output pixels lie inside a picture of that width and height, (S, S) bool."""
    x, y = source_positions(matrix[None], size, torch.device("cpu"))[0]
    inside: Tensor = (x >= 0) & (x <= width) & (y >= 0) & (y <= height)
    return inside


def psnr(x: Tensor, reference: Tensor, mask: Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB of masked pixels in 0..1, at most 99."""
    error = float(((x - reference) ** 2)[..., mask].mean()) if mask.any() else 0.0
    return float(min(99.0, -10 * np.log10(max(error, 1e-12))))


def _resample(photo: np.ndarray, matrix: np.ndarray, size: int) -> Tensor:
    """Render one view of a photo (H, W, 3) uint8; returns (1, 3, S, S) in 0..1."""
    pixels = torch.tensor(photo).permute(2, 0, 1)[None]
    return resample(pixels, np.array([photo.shape[:2]]), matrix[None], size)
