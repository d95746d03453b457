"""Error slices: the error rate by property of the image (size, brightness, sharpness, class size).

The file and the key of details.json are called "conditions".
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.special import binom, stdtr
from scipy.stats import mannwhitneyu

from stages.stats.bins import equal_mass_bins
from stages.stats.effective_images import grouped_error, share_interval
from stages.stats.image_groups import effective_groups, some_groups
from stages.stats.image_measures import brightness_and_sharpness
from stages.stats.intervals import CONFIDENCE
from stages.stats.metrics_record import SliceTendency
from stages.stats.placements import placements

# Properties of an image: the column, and its description.
PROPERTIES = {
    "size": "shorter side of the original, pixels",
    "brightness": "mean brightness, 0 to 1",
    "sharpness": "sharpness",
    "class_size": "training images of its class",
}
_MOST_BINS = 5
_LEAST_IMAGES = 20  # that a bin should hold


def image_properties(
    paths: np.ndarray, image: Callable[[str], np.ndarray], originals: pd.DataFrame
) -> pd.DataFrame:
    """Return size, brightness and sharpness of each image, indexed by path.

    image: pixels (H, W, 3) uint8 of a path; originals: path, width and height in pixels.
    """
    shorter = originals.set_index("path")[["width", "height"]].min(axis=1)
    measures = np.array([brightness_and_sharpness(image(path)) for path in paths]).reshape(-1, 2)
    return pd.DataFrame(
        {
            "size": shorter[paths].to_numpy(),
            "brightness": measures[:, 0],
            "sharpness": measures[:, 1],
        },
        index=pd.Index(paths, dtype=str),
    )


def error_slices(
    properties: pd.DataFrame, wrong: np.ndarray, groups: np.ndarray | None = None
) -> pd.DataFrame:
    """Return the error rate of each bin of each property.

    properties: (N, P) numbers; wrong: (N,) bool. Columns: property, low, high, images, errors,
    error_rate, error_low and error_high (95 % interval). Bins hold about as many images each, and
    equal values share a bin, so a property may have one bin only.
    """
    rows = []
    for name in properties.columns:
        values = properties[name].to_numpy(np.float64)
        bins = equal_mass_bins(values, _MOST_BINS, _LEAST_IMAGES)
        for number in np.unique(bins):
            in_bin = bins == number
            errors = int(wrong[in_bin].sum())
            images = int(in_bin.sum())
            rate = share_interval(wrong[in_bin], some_groups(groups, in_bin))
            rows.append(
                {
                    "property": name,
                    "low": values[in_bin].min(),
                    "high": values[in_bin].max(),
                    "images": images,
                    "errors": errors,
                    "error_rate": rate.value,
                    "error_low": rate.low,
                    "error_high": rate.high,
                }
            )
    return pd.DataFrame(rows)


def slice_tendencies(
    properties: pd.DataFrame, wrong: np.ndarray, groups: np.ndarray | None = None
) -> dict[str, SliceTendency]:
    """Return for each property whether errors go with high or low values, and p.

    Mann and Whitney's test of the wrong images against the right ones; p is multiplied by the
    number of properties (Bonferroni), since that many are tried. With groups, (N,) int, the larger
    p of that test and of one whose variance is between groups (Obuchowski 1997) counts.
    """
    tendencies: dict[str, SliceTendency] = {}
    for name in properties.columns:
        values = properties[name].to_numpy(np.float64)
        p, higher = _rank_test(values[wrong], values[~wrong])
        if groups is not None:
            p = max(p, _grouped_rank_test(values, wrong, groups))
        p = min(1.0, p * properties.shape[1])
        side = "high" if higher else "low"
        significant = p < 1 - CONFIDENCE
        verdict = f"more errors where it is {side}" if significant else "cannot tell"
        tendencies[name] = {"p": p, "verdict": verdict}
    return tendencies


def _rank_test(of_wrong: np.ndarray, of_right: np.ndarray) -> tuple[float, bool]:
    """Return the two-sided p, and whether the values of wrong images tend to be higher."""
    together = np.concatenate([of_wrong, of_right])
    if not len(of_wrong) or not len(of_right) or np.all(together == together[:1]):
        return 1.0, False
    test = mannwhitneyu(of_wrong, of_right, method="asymptotic")
    return float(test.pvalue), bool(test.statistic > len(of_wrong) * len(of_right) / 2)


def _grouped_rank_test(values: np.ndarray, wrong: np.ndarray, groups: np.ndarray) -> float:
    """Return the two-sided p of the area under the curve of values against wrong, by groups."""
    if wrong.all() or not wrong.any():
        return 1.0
    placed = placements(wrong, values)
    area = float(placed[wrong].mean())
    parts = np.where(wrong, (placed - area) / wrong.sum(), (1 - area - placed) / (~wrong).sum())
    error, freedom = grouped_error(parts, groups)
    if error == 0:  # all of one side are above the other: how seldom so, of so many groups
        sides = [effective_groups(groups[side]) for side in (wrong, ~wrong)]
        return min(1.0, 2 / float(binom(sum(sides), sides[0])))
    return float(2 * stdtr(freedom, -abs(area - 0.5) / error))
