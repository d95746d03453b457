"""Same picture or another: two photos that a perceptual hash takes for alike, by colour and place.

A copy that was saved again differs from its original a little everywhere, most in its details.
Another photo of the same scene differs much in one place. So what counts is the largest difference
in any place, against the texture there and against the differences in the rest of the picture.
The limits were chosen on 140 photos, pets at 460 and 160 px and digits, from one half of each set;
benchmarks/near_duplicates.py measures the other half.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import uniform_filter

# Pixels of a thumbnail, of which the photos decide: the largest that neither must be enlarged for.
# With 64 a hairline of two pixels in 500 is lost.
SIDES = (128, 64, 32)
_MAX_ASPECT = 0.02  # relative change of the aspect; a cut of 1 % on all sides is seen in the pixels
# In levels of 255, added to the texture: noise of sensors and of compression in plain areas.
_FLOOR = 6.0
# Times texture and floor. Saved again at quality 30, at most 1.5 in 99 % of the pairs.
_MAX_PLACE = 1.5
# Times the 90th percentile of all places, with .05 for pairs that are nearly equal. Copies saved
# again, or at another size, have 2 to 4 (98 %), the same scene with an object of 5 % of the side
# 8 and more. Below .375 times texture and floor, what stands out is noise.
_MAX_OUTLIER = 4.5
_QUIET = 0.05
_VISIBLE = 0.375
# Levels by which a colour may move against the others, on average over 9 x 9 pixels of the
# thumbnail: up to 5.2 when saved at quality 30.
_MAX_COLOUR = 6.0
_COLOUR_BOX = 9
_MAX_GAIN = 2.0  # of brightness
_FITTED = 4  # every so many rows and columns take part in the fit of brightness
_SATURATED = (5, 250)  # levels beyond which brightness may have been cut off

Levels = NDArray[np.float32]  # (S, S, 3), 0 to 255


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A thumbnail averaged to one side, and the texture there, (S, S): a standard deviation."""

    levels: Levels
    texture: Levels


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """A photo as small squares in colour, by their side."""

    scales: dict[int, Scale]
    width: int  # of the photo
    height: int


def photo_thumbnail(photo: NDArray[np.uint8]) -> Thumbnail:
    """Return the thumbnail of a photo (H, W, 3) in RGB."""
    height, width = photo.shape[:2]
    small = Image.fromarray(photo).resize((SIDES[0],) * 2, Image.Resampling.BOX)
    scales = {}
    for side in SIDES:
        blocks = np.asarray(small).reshape(side, SIDES[0] // side, side, SIDES[0] // side, 3)
        levels = blocks.mean((1, 3), dtype=np.float32)
        scales[side] = Scale(levels=levels, texture=_texture(levels))
    return Thumbnail(scales=scales, width=width, height=height)


def picture_difference(a: Thumbnail, b: Thumbnail) -> float:
    """Return how far two photos are apart, from 0; up to 1 they are the same picture.

    Brightness and contrast of the whole picture do not count, colour does. Shifted, cut or
    mirrored, it is another picture.
    """
    if abs(a.width * b.height / (a.height * b.width) - 1) > _MAX_ASPECT:
        return np.inf
    shortest = min(a.width, a.height, b.width, b.height)
    side = next((side for side in SIDES if shortest >= side), SIDES[-1])
    residual, texture = _residual(a.scales[side], b.scales[side])
    place = np.abs(_box_mean(residual, 3)).max(axis=2) / (_FLOOR + texture)
    largest = float(place.max())
    outlier = largest / (float(np.quantile(place, 0.9)) + _QUIET)
    colour = residual - residual.mean(axis=2, keepdims=True)
    moved = float(np.abs(_box_mean(colour, _COLOUR_BOX)).max())
    stands_out = min(outlier / _MAX_OUTLIER, largest / _VISIBLE)
    return max(largest / _MAX_PLACE, stands_out, moved / _MAX_COLOUR)


def _residual(a: Scale, b: Scale) -> tuple[Levels, Levels]:
    """Return the difference at one brightness and contrast, and the texture that both have.

    Brightness and contrast are those of the one with more contrast.
    """
    there = _line(a.levels, b.levels)
    back = _line(b.levels, a.levels)
    if back[0] > there[0]:
        a, b = b, a
    gain, offset = max(there, back)
    levels = np.clip(np.float32(gain) * a.levels + np.float32(offset), 0, 255)
    return levels - b.levels, np.minimum(np.float32(gain) * a.texture, b.texture)


def _line(a: Levels, b: Levels) -> tuple[float, float]:
    """Return gain (1 to _MAX_GAIN) and offset from the levels of a to those of b, for all colours.

    They are fitted three times, each time without the tenth that lies farthest from the line, so
    that an object in one of them does not bend it.
    """
    x = a[::_FITTED, ::_FITTED].ravel()
    y = b[::_FITTED, ::_FITTED].ravel()
    low, high = _SATURATED
    fitted = (np.minimum(x, y) > low) & (np.maximum(x, y) < high)
    if fitted.mean() < 0.1:
        fitted[:] = True
    for _ in range(3):
        x = x[fitted]
        y = y[fitted]
        covariance = float(((x - x.mean()) * (y - y.mean())).mean())
        gain = float(np.clip(covariance / max(float(x.var()), 1e-6), 1, _MAX_GAIN))
        offset = float(y.mean() - gain * x.mean())
        distance = np.abs(gain * x + offset - y)
        fitted = distance <= np.quantile(distance, 0.9)
    return gain, offset


def _texture(levels: Levels) -> Levels:
    """Return the standard deviation around each pixel, 5 x 5, of the colour with the largest."""
    mean = _box_mean(levels, 5)
    variance = _box_mean(levels * levels, 5) - mean * mean
    largest: Levels = np.sqrt(np.maximum(variance, 0)).max(axis=2)
    return largest


def _box_mean(levels: Levels, size: int) -> Levels:
    mean: Levels = uniform_filter(levels, (size, size, 0))
    return mean
