"""Profiles made from numbers give the colours of their definitions."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.images.colour import colours_of, to_srgb
from stages.images.colour_profile import CodePoints, adobe_rgb_profile, code_point_profile

# From linear light to that of sRGB, by colour-science (Lindbloom's tables), without adaptation.
P3_TO_SRGB = np.array([[1.2249, -0.2247, 0], [-0.0420, 1.0419, 0], [-0.0197, -0.0786, 1.0979]])
ADOBE_TO_SRGB = np.array([[1.3984, -0.3984, 0], [0, 1, 0], [0, -0.0429, 1.0429]])
BT2020_TO_SRGB = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
COLOURS = np.stack(np.meshgrid(*[np.arange(0, 256, 51)] * 3), axis=-1).reshape(-1, 1, 3)


def srgb_light(values: np.ndarray) -> np.ndarray:
    """Return light, 0 to 1, from the values of sRGB."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def srgb_values(light: np.ndarray) -> np.ndarray:
    """Return the values of sRGB, 0 to 255, from light."""
    light = light.clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(
    ("profile", "matrix", "gamma"),
    [
        pytest.param(code_point_profile(CodePoints(12, 13)), P3_TO_SRGB, None, id="P3"),
        pytest.param(code_point_profile(CodePoints(9, 1)), BT2020_TO_SRGB, None, id="BT.2020"),
        pytest.param(adobe_rgb_profile(), ADOBE_TO_SRGB, 563 / 256, id="Adobe RGB"),
    ],
)
def test_a_profile_has_the_colours_of_its_definition(
    profile: bytes | None, matrix: np.ndarray, gamma: float | None
) -> None:
    """216 colours are converted as the formulas of the colour spaces say."""
    assert profile is not None
    colours = colours_of(profile, "RGB")
    assert colours.trait == "colour profile"
    found = np.asarray(to_srgb(COLOURS.astype(np.uint8), colours)).astype(int)
    values = COLOURS / 255
    light = srgb_light(values) if gamma is None else values**gamma
    assert abs(found - srgb_values(light @ matrix.T)).max() < 3


@pytest.mark.parametrize(("primaries", "transfer"), [(1, 13), (2, 2), (12, 16), (9, 18), (99, 13)])
def test_srgb_hdr_and_unknown_code_points_have_no_profile(primaries: int, transfer: int) -> None:
    """There is nothing to convert by for sRGB, and no known way for HDR."""
    assert code_point_profile(CodePoints(primaries, transfer)) is None
    assert CodePoints(primaries, transfer).hdr == (transfer in (16, 18))


def test_a_profile_can_be_embedded() -> None:
    """Other programs can read what is made here."""
    buffer = io.BytesIO()
    Image.new("RGB", (20, 20)).save(buffer, "PNG", icc_profile=adobe_rgb_profile())
    assert Image.open(buffer).info["icc_profile"] == adobe_rgb_profile()
