"""16-bit samples become 8 bits by the bits that are in use."""

import numpy as np
import pytest

from stages.images.levels import Depth, bits_in_use, depth_of


@pytest.mark.parametrize(
    ("most", "low_bits", "stated", "bits"),
    [
        (65535, 15, 0, 16),
        (4096, 15, 0, 16),
        (4095, 15, 0, 12),
        (300, 1, 0, 12),
        (255, 1, 0, 8),
        (239, 1, 0, 12),
        (4080, 0, 0, 16),
        (900, 3, 10, 10),
        (900, 3, 14, 14),
        (20_000, 3, 12, 16),
        (300, 1, 16, 12),
        (1, 1, 1, 12),
    ],
)
def test_bits_in_use(most: int, low_bits: int, stated: int, bits: int) -> None:
    """The file's word counts unless a sample is beyond it; silence leaves 8, 12 or 16."""
    assert bits_in_use(most, low_bits, stated) == bits


def test_a_dark_frame_of_a_camera_stays_dark() -> None:
    """Frames of 12 bits are scaled alike, whatever their brightest sample is."""
    bright = np.array([[[1], [500], [4000]]], np.uint16)
    dark = bright // 10
    depths = [depth_of([frame], 1) for frame in (bright, dark)]
    assert depths[0] == depths[1] == Depth(bits=12, alpha_bits=12)
    assert depths[1].trait == "12 bits in 16"
    levels = [depth.to_bytes(frame, 1) for depth, frame in zip(depths, (bright, dark), strict=True)]
    assert abs(levels[0].astype(float) / 10 - levels[1]).max() <= 0.5


def test_samples_keep_their_place_in_the_range() -> None:
    """0 is black, the largest sample of the depth white, and between them it is rounded."""
    samples = np.array([[[0], [1000], [2048], [4095]]], np.uint16)
    found = Depth(bits=12).to_bytes(samples, 1)
    assert found[0, :, 0].tolist() == [0, round(1000 / 4095 * 255), 128, 255]
    turned = 255 - Depth(bits=12).to_bytes(samples, 1)
    assert turned[0, :, 0].tolist() == [255, 255 - round(1000 / 4095 * 255), 127, 0]
    assert Depth().trait == ""


def test_opaque_stays_opaque() -> None:
    """Alpha of 16 bits beside colours of 12 has its own range."""
    samples = np.array([[[4095, 0, 7, 65535], [1, 2, 3, 0]]], np.uint16)
    depth = depth_of([samples], 3)
    assert depth == Depth(bits=12, alpha_bits=16)
    assert depth.to_bytes(samples, 3)[0].tolist() == [[255, 0, 0, 255], [0, 0, 0, 0]]
    both = np.array([[[4095, 0, 7, 4095]]], np.uint16)
    assert depth_of([both], 3).to_bytes(both, 3)[0, 0, 3] == 255
