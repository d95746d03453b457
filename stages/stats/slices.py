"""Where the model errs: small, dark or blurred images, and classes with few to learn from."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from scipy.stats import mannwhitneyu

from stages.stats.intervals import CONFIDENCE, wilson

# What an image is like: the column, and what it is called.
PROPERTIES = {
    "size": "shorter side of the original, pixels",
    "brightness": "mean brightness, 0 to 1",
    "sharpness": "sharpness",
    "class_size": "training images of its class",
}
BINS, LEAST = 5, 20  # bins at most, and images that a bin holds at least


def image_properties(
    paths: np.ndarray, image: Callable[[str], np.ndarray], originals: pd.DataFrame
) -> pd.DataFrame:
    """Return size, brightness and sharpness of each image, one row a path.

    image: pixels (H, W, 3) uint8 of a path; originals: path, width and height in pixels.
    """
    shorter = originals.set_index("path")[["width", "height"]].min(axis=1)
    looks = np.array([_look(image(path)) for path in paths]).reshape(-1, 2)
    return pd.DataFrame(
        {
            "size": shorter[paths].to_numpy(),
            "brightness": looks[:, 0],
            "sharpness": looks[:, 1],
        },
        index=pd.Index(paths, dtype=str),
    )


def _look(pixels: np.ndarray) -> tuple[float, float]:
    """Return the mean luma (0 to 1) and the deviation of its Laplacian, which blur makes small.

    After Pech-Pacheco et al. 2000. It compares images of one resolution, as presizing makes them.
    """
    luma = np.asarray(Image.fromarray(pixels).convert("L"), np.int16)
    if min(luma.shape) < 3:
        return float(luma.mean() / 255), 0.0
    sides = luma[1:-1, :-2] + luma[1:-1, 2:] + luma[:-2, 1:-1] + luma[2:, 1:-1]
    return float(luma.mean() / 255), float((sides - 4 * luma[1:-1, 1:-1]).std())


def error_slices(properties: pd.DataFrame, wrong: np.ndarray) -> pd.DataFrame:
    """Return property, low, high, images, errors, error_rate and its 95 % interval, a row a bin.

    properties: (N, P) numbers; wrong: (N,) bool. Bins hold about as many images each, and equal
    values stay together, so there may be one bin only.
    """
    rows = []
    for name in properties.columns:
        values = properties[name].to_numpy(np.float64)
        place = _bins(values)
        for number in np.unique(place):
            inside = place == number
            errors, images = int(wrong[inside].sum()), int(inside.sum())
            rate = wilson(errors, images)
            rows.append(
                {
                    "property": name,
                    "low": values[inside].min(),
                    "high": values[inside].max(),
                    "images": images,
                    "errors": errors,
                    "error_rate": rate.value,
                    "error_low": rate.low,
                    "error_high": rate.high,
                }
            )
    return pd.DataFrame(rows)


def slice_tendencies(properties: pd.DataFrame, wrong: np.ndarray) -> dict[str, dict[str, Any]]:
    """Return for each property p, and in words where the errors are.

    Mann and Whitney's test of the wrong images against the right ones; p is multiplied by the
    number of properties (Bonferroni), since that many are tried.
    """
    found = {}
    for name in properties.columns:
        values = properties[name].to_numpy(np.float64)
        p, higher = _rank_test(values[wrong], values[~wrong])
        p = min(1.0, p * properties.shape[1])
        side = "high" if higher else "low"
        clear = p < 1 - CONFIDENCE
        verdict = f"more errors where it is {side}" if clear else "cannot tell"
        found[name] = {"p": p, "verdict": verdict}
    return found


def _rank_test(some: np.ndarray, others: np.ndarray) -> tuple[float, bool]:
    """Return the two-sided p, and whether the first values tend to be the higher ones."""
    both = np.concatenate([some, others])
    if not len(some) or not len(others) or np.all(both == both[:1]):
        return 1.0, False
    test = mannwhitneyu(some, others, method="asymptotic")
    return float(test.pvalue), bool(test.statistic > len(some) * len(others) / 2)


def _bins(values: np.ndarray) -> np.ndarray:
    """Return the bin of each value, (N,) int: bounds at quantiles."""
    count = int(np.clip(len(values) // LEAST, 1, BINS))
    bounds = np.quantile(values, np.linspace(0, 1, count + 1)[1:-1])
    return np.searchsorted(bounds, values, side="right")
