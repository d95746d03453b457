"""Two ways in which transforms destroy data, on the user's own photos, and what avoids them.

Transforms that each make a picture blur it each time, and since they see only the crop, what they
turn or warp into view from beyond its edge is invented. One resample of the whole photo does
neither. Both are measured against the same view, supersampled.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stages.base.seed import derive
from stages.batch.render_gpu import positions, resample
from stages.batch.views import AugmentParams, RandomDraws, box, operations

FINER = 4  # times, that the truth is sampled before it is averaged


class ResamplingLoss(NamedTuple):
    """One photo seen three ways, with what the second and third lose."""

    pictures: np.ndarray  # (3, S, S, 3) uint8: supersampled, one resample, one per operation
    psnr: tuple[float, float]  # dB from the supersampled view, where neither invents
    invented: tuple[float, float]  # share of pixels that padding made up


def compare_resampling(
    paths: Sequence[str], image: Callable[[str], np.ndarray], params: AugmentParams, seed: int
) -> list[ResamplingLoss]:
    """Return the comparison for each photo, (H, W, 3) uint8, with every operation drawn."""
    every = params.model_copy(update={"p_affine": 1.0})
    return [_compare(image(path), every, derive(seed, "compare", path)) for path in paths]


def mean_losses(compared: Sequence[ResamplingLoss]) -> dict[str, dict[str, float]]:
    """Return the mean losses of each way over all photos; nothing of none."""
    names = ("one_resample", "one_per_operation") if compared else ()
    return {
        name: {
            "psnr": round(float(np.mean([each.psnr[way] for each in compared])), 1),
            "invented": round(float(np.mean([each.invented[way] for each in compared])), 4),
        }
        for way, name in enumerate(names)
    }


def resampling_text(compared: Sequence[ResamplingLoss]) -> str:
    """Return the means as two lines for a person."""
    lines = [
        f"{name.replace('_', ' ')}: {each['psnr']:.1f} dB from a supersampled view, "
        f"{each['invented']:.1%} of the pixels invented"
        for name, each in mean_losses(compared).items()
    ]
    return "\n".join(["Resampling", "", *lines, ""]) if lines else ""


def _compare(photo: np.ndarray, params: AugmentParams, rng: np.random.Generator) -> ResamplingLoss:
    height, width = photo.shape[:2]
    steps = [each[0] for each in operations([photo.shape[:2]], params, RandomDraws([rng]))]
    whole = reduce(np.matmul, steps)
    truth = F.avg_pool2d(_seen(photo, whole, params.size * FINER), FINER)
    once, own = _seen(photo, whole, params.size), inside_photo(whole, params.size, width, height)
    stepwise, kept = one_per_operation(photo, steps, params.size)
    both = own & kept
    return ResamplingLoss(
        np.stack([_bytes(x) for x in (truth, once, stepwise)]),
        (psnr(once, truth, both), psnr(stepwise, truth, both)),
        (float(1 - own.float().mean()), float(1 - kept.float().mean())),
    )


def one_per_operation(
    photo: np.ndarray, steps: Sequence[np.ndarray], size: int
) -> tuple[Tensor, Tensor]:
    """Apply crop and operations one after the other, each to the 8-bit picture of the last.

    Returns the picture (1, 3, S, S) and which pixels come from the photo, (S, S) bool.
    """
    x, kept = _seen(photo, steps[0], size), torch.ones(size, size, dtype=torch.bool)
    plane = box(size / 2, size / 2, size, size)
    for step in steps[1:]:
        where = plane @ step
        x = _seen(_bytes(x), where, size)
        # A pixel is kept when it lies inside and all that it is mixed from was kept.
        grid = positions(where[None], size, x.device).permute(0, 2, 3, 1) * 2 / size - 1
        before = kept.float()[None, None]
        mixed = F.grid_sample(before, grid, padding_mode="border", align_corners=False)[0, 0]
        kept = inside_photo(where, size, size, size) & (mixed > 0.999)
    return x, kept


def inside_photo(matrix: np.ndarray, size: int, width: int, height: int) -> Tensor:
    """Return which output pixels (S, S) look at a point of a picture of that size."""
    x, y = positions(matrix[None], size, torch.device("cpu"))[0]
    return (x >= 0) & (x <= width) & (y >= 0) & (y <= height)


def psnr(x: Tensor, truth: Tensor, where: Tensor) -> float:
    """Return the peak signal-to-noise ratio in dB of pixels in 0..1, at most 99."""
    error = ((x - truth) ** 2)[..., where].mean() if where.any() else torch.tensor(0.0)
    return float(min(99.0, -10 * np.log10(max(float(error), 1e-12))))


def _seen(photo: np.ndarray, matrix: np.ndarray, size: int) -> Tensor:
    pixels = torch.tensor(photo).permute(2, 0, 1)[None]
    return resample(pixels, np.array([photo.shape[:2]]), matrix[None], size)


def _bytes(x: Tensor) -> np.ndarray:
    return (x[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
