"""Levels: 16-bit samples down to 8 bits, by the bits that are in use.

Medical and scientific cameras write 10 to 14 bits into 16, often without a word about it; taken
as 16 bits, 12 of them come out nearly black, 15 of 255 at most.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FULL_BITS = 16
_SENSOR_BITS = 12
_BYTE_BITS = 8
# A picture of 8 bits in 16 has its brightest sample here; a dim one of 12 bits hardly ever.
_BYTE_WHITE = 240


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How 16-bit samples are to be read."""

    bits: int = _FULL_BITS  # of the colours, in use
    alpha_bits: int = _FULL_BITS

    @property
    def trait(self) -> str:
        """The trait of the photo, "" where all 16 bits are in use."""
        return "" if self.bits == _FULL_BITS else f"{self.bits} bits in {_FULL_BITS}"

    def to_bytes(self, samples: NDArray[np.uint16], colours: int) -> NDArray[np.uint8]:
        """Return samples (H, W, bands) as 8 bits, rounded; bands after the colours are alpha."""
        colour = samples[..., :colours]
        scaled = [_scaled(colour, self.bits)]
        if samples.shape[2] > colours:
            scaled.append(_scaled(samples[..., colours:], self.alpha_bits))
        return np.concatenate(scaled, axis=2)


def depth_of(strips: Iterable[NDArray[np.uint16]], colours: int, stated: int = 0) -> Depth:
    """Return the depth of a picture by its stored samples, in strips of (rows, W, bands).

    stated: the bits in use by the file's own words, 0 where it is silent.
    """
    most = most_alpha = low_bits = 0
    for strip in strips:
        colour = strip[..., :colours]
        most = max(most, int(colour.max()))
        low_bits |= int(np.bitwise_or.reduce(colour, axis=None)) & 15
        if strip.shape[2] > colours:
            most_alpha = max(most_alpha, int(strip[..., colours:].max()))
    bits = bits_in_use(most, low_bits, stated)
    alpha_bits = bits if most_alpha < 1 << bits else _FULL_BITS
    return Depth(bits=bits, alpha_bits=alpha_bits)


def bits_in_use(most: int, low_bits: int, stated: int = 0) -> int:
    """Return the bits in use: as stated, or 8, 12 or 16 by the picture's own range.

    most: the largest sample. low_bits: all samples joined by or, the four lowest bits of that; with
    none of them set, 12 bits were moved up into 16. The scale is one of three, so every frame of a
    12-bit camera is scaled alike, however dark. Only a picture whose samples all lie below a
    sixteenth of the range is scaled at all: as 16 bits it would be black. One of 14 bits is left,
    since a dim frame of 16 looks the same.

    >>> [bits_in_use(most, 1) for most in (65535, 9000, 4095, 700, 255, 90)]
    [16, 16, 12, 12, 8, 12]
    """
    if _BYTE_BITS <= stated < _FULL_BITS and most < 1 << stated:
        return stated
    if most >= 1 << _SENSOR_BITS or not low_bits:
        return _FULL_BITS
    return _BYTE_BITS if _BYTE_WHITE <= most < 1 << _BYTE_BITS else _SENSOR_BITS


def _scaled(samples: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    white = (1 << bits) - 1
    scaled = (samples.astype(np.uint32) * 255 + white // 2) // white
    return scaled.clip(0, 255).astype(np.uint8)
