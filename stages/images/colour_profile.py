"""Colour profiles that files name without bringing one: made here, as ICC profiles of a matrix.

Cameras set to Adobe RGB mostly write only a note into EXIF; PNG and AVIF may state code points
(ITU-T H.273). What PNG's gAMA and cHRM say is passed over, as libvips and Pillow do: Photoshop
wrote false ones for years, and a picture that is meant otherwise has a profile.
"""

import struct
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Primaries(NamedTuple):
    """Chromaticities (x, y) of red, green and blue; white is D65."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


_ADOBE_RGB = Primaries((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
_BT2020 = Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_DISPLAY_P3 = Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_D65 = (0.3127, 0.3290)
_D50 = np.array([0.9642, 1.0, 0.8249])  # white of every profile
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)

# Curve from code value v to light: gamma, a, b, c, d, which mean (a v + b) ** gamma from d on, and
# c v below it (type 3 of parametricCurveType in ICC.1).
Curve = tuple[float, float, float, float, float]
_SRGB_CURVE: Curve = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_ADOBE_CURVE: Curve = (563 / 256, 1.0, 0.0, 0.0, 0.0)

_COLORANT_TAGS = (b"rXYZ", b"gXYZ", b"bXYZ")
_CURVE_TAGS = (b"rTRC", b"gTRC", b"bTRC")

# Code points of H.273. Of its curves, those of television (1, 6, 14, 15) are shown as sRGB's by
# browsers too; 16 and 18 are HDR, whose white lies beyond any that sRGB has.
_PRIMARIES_CODES = {9: _BT2020, 12: _DISPLAY_P3}
_SRGB_TRANSFERS = frozenset({1, 2, 6, 13, 14, 15})
_HDR_TRANSFERS = frozenset({16, 18})


class CodePoints(NamedTuple):
    """What PNG's cICP chunk and AVIF's nclx box state."""

    primaries: int
    transfer: int

    @property
    def hdr(self) -> bool:
        """Whether the curve is one of high dynamic range, PQ or HLG."""
        return self.transfer in _HDR_TRANSFERS


def adobe_rgb_profile() -> bytes:
    """Return a profile of Adobe RGB (1998)."""
    return _matrix_profile(_ADOBE_RGB, _ADOBE_CURVE)


def code_point_profile(points: CodePoints) -> bytes | None:
    """Return the profile of Display P3 or BT.2020, None for sRGB, HDR and what is unknown."""
    primaries = _PRIMARIES_CODES.get(points.primaries)
    if primaries is None or points.transfer not in _SRGB_TRANSFERS:
        return None
    return _matrix_profile(primaries, _SRGB_CURVE)


@cache
def _matrix_profile(primaries: Primaries, curve: Curve) -> bytes:
    """Return an ICC profile of version 4: a matrix and one curve for all three bands."""
    colorants = zip(_COLORANT_TAGS, _colorants(primaries).T, strict=True)
    tags = {
        b"desc": b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, 2, 28) + b"\0-\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50),
        **{name: b"XYZ \0\0\0\0" + _fixed(column) for name, column in colorants},
        **dict.fromkeys(_CURVE_TAGS, b"para\0\0\0\0\0\3\0\0" + _fixed(np.array(curve))),
    }
    table = struct.pack(">I", len(tags))
    body = b""
    body_from = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += name + struct.pack(">II", body_from + len(body), len(value))
        body += value
    size = body_from + len(body)
    header = struct.pack(
        ">I4xI4s4s4s12x4s28x", size, 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp"
    )
    return header + _fixed(_D50) + bytes(48) + table + body


def _colorants(primaries: Primaries) -> NDArray[np.float64]:
    """Return the matrix (3, 3) from light in red, green, blue to XYZ under D50."""
    xy = np.array(primaries).T
    rays = np.vstack([xy, 1 - xy.sum(axis=0)])
    white = np.array([_D65[0] / _D65[1], 1.0, (1 - sum(_D65)) / _D65[1]])
    to_xyz = rays * np.linalg.solve(rays, white)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ to_xyz
    return adapted


def _fixed(values: NDArray[np.float64]) -> bytes:
    """Return numbers as s15Fixed16."""
    return bytes(np.rint(values * 65536).astype(">i4").tobytes())
