"""Presizing keeps the aspect, never enlarges, and blurs what it cannot show."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from stages.images.resize import MAX_SIDE, PresizeParams, presized_size, resize

repeatable = settings(derandomize=True, deadline=None, max_examples=300)
GOOD: dict[str, Any] = {
    "size": 160,
    "format": "jpeg",
    "quality": 92,
    "shards": 16,
    "max_rejected": 0.05,
}


@pytest.mark.parametrize(
    ("width", "height", "size", "expected"),
    [
        (4000, 3000, 460, (613, 460)),
        (3000, 4000, 460, (460, 613)),
        (500, 375, 460, (500, 375)),  # small already
        (460, 460, 460, (460, 460)),
        (461, 461, 460, (460, 460)),
        (16, 20_000, 160, (16, 20_000)),  # a strip stays a strip
        (200, 20_000, 160, (160, 16_000)),
        (2_000, 100_000, 4096, (1310, MAX_SIDE)),  # longer than a JPEG can be
        (16, 12_500_000, 16, (1, MAX_SIDE)),
    ],
)
def test_sizes(width: int, height: int, size: int, expected: tuple[int, int]) -> None:
    """The shorter side becomes the size; the extremes stay within what can be saved."""
    assert presized_size(width, height, size) == expected


@given(st.integers(16, 20_000), st.integers(16, 20_000), st.integers(16, 4096))
@repeatable
def test_geometry(width: int, height: int, size: int) -> None:
    """Never larger, the shorter side exact, the aspect to half a pixel, portrait or landscape."""
    new_width, new_height = presized_size(width, height, size)
    assert new_width <= width
    assert new_height <= height
    assert min(new_width, new_height) == min(size, width, height)
    assert abs(new_width * height - new_height * width) <= max(width, height) / 2
    assert presized_size(height, width, size) == (new_height, new_width)
    assert presized_size(new_width, new_height, size) == (new_width, new_height)


def test_what_fits_is_returned_untouched() -> None:
    """The same size is the same image, not a resampled one."""
    image = Image.new("RGB", (20, 30))
    assert resize(image, (20, 30)) is image


@pytest.mark.parametrize("factor", [1.7, 2, 3.5, 8, 30])
def test_stripes_finer_than_a_pixel_become_grey(factor: float) -> None:
    """Detail that the smaller size cannot show is averaged, not picked at random (moire)."""
    side = 480
    stripes = np.zeros((side, side, 3), np.uint8)
    stripes[:, ::2] = 255
    target = round(side / factor)
    small = np.asarray(resize(Image.fromarray(stripes), (target, target))).astype(float)
    inner = small[2:-2, 2:-2]
    assert abs(inner.mean() - 127.5) < 3
    assert inner.std() < 12


@pytest.mark.parametrize("target", [(21, 16), (100, 75), (133, 100), (399, 299)])
def test_a_slope_stays_a_slope(target: tuple[int, int]) -> None:
    """A picture of its own x coordinate keeps it: nothing shifts by a part of a pixel."""
    ramp = np.tile(np.linspace(0, 255, 400), (300, 1)).round().astype(np.uint8)
    image = Image.fromarray(np.stack([ramp] * 3, axis=2))
    small = np.asarray(resize(image, target)).astype(float)[target[1] // 2, :, 0]
    centres = (np.arange(target[0]) + 0.5) * 400 / target[0] - 0.5
    expected = centres / 399 * 255
    inner = slice(8, -8)
    assert abs(small - expected)[inner].max() < 1.5


@pytest.mark.parametrize(
    ("target", "most", "mean"),
    [
        ((613, 460), 4, 0.6),
        ((800, 600), 4, 0.6),
        ((133, 100), 4, 0.6),
        ((41, 31), 10, 3),  # every pixel of another colour than the next
    ],
)
def test_against_pillow(target: tuple[int, int], most: int, mean: float) -> None:
    """Pixels are those of another library's Lanczos, but for a few grey levels."""
    draw = np.random.default_rng(3)
    coarse = Image.fromarray(draw.integers(0, 256, (30, 40, 3), np.uint8))
    image = Image.fromarray(
        (np.asarray(coarse.resize((1000, 750), 3)) * 0.8 + draw.integers(0, 50, (750, 1000, 1)))
        .astype(np.uint8)
    )  # fmt: skip
    ours = np.asarray(resize(image, target)).astype(float)
    lanczos = image.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
    theirs = np.asarray(lanczos).astype(float)
    assert abs(ours - theirs).max() <= most
    assert abs(ours - theirs).mean() < mean


@pytest.mark.parametrize(
    ("size", "target"),
    [
        ((14_000, 3_000), (75, 16)),  # 188 times smaller: more than Lanczos alone can weigh
        ((16, 500_000), (1, 31_250)),
        ((17, 16), (16, 15)),
        ((1, 64), (1, 1)),
    ],
)
def test_extremes_keep_their_colour(size: tuple[int, int], target: tuple[int, int]) -> None:
    """However far it shrinks and however thin it is, one colour stays that colour."""
    small = np.asarray(resize(Image.new("RGB", size, (10, 200, 30)), target)).astype(int)
    assert small.shape == (target[1], target[0], 3)
    assert abs(small - (10, 200, 30)).max() <= 2


def _noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(4).integers(0, 256, (300, 400, 3), np.uint8))


@pytest.mark.parametrize("target", [(400, 300), (133, 100), (21, 16)])
def test_an_array_of_pixels_is_a_picture_too(target: tuple[int, int]) -> None:
    """An array of pixels is resized to the same bytes as the image with these pixels."""
    assert resize(np.asarray(_noise()), target).tobytes() == resize(_noise(), target).tobytes()


def test_every_call_gives_the_same_bytes() -> None:
    """The same picture gives the same bytes in every thread and at every call."""
    image = _noise()
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda _: resize(image, (133, 100)), range(20))
        assert len({small.tobytes() for small in results}) == 1


@pytest.mark.parametrize("target", [(133, 100), (399, 299), (21, 16)])
def test_a_lesser_processor_gives_the_same_bytes(target: tuple[int, int]) -> None:
    """Without vector instructions the pixels are the same to the bit, so shared caches agree."""
    code = (
        "import sys; from tests.images.test_resize import _noise, resize; "
        f"sys.stdout.buffer.write(resize(_noise(), {target}).tobytes())"
    )
    environment = os.environ | {"VIPS_NOVECTOR": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert done.stdout == resize(_noise(), target).tobytes()


def test_params_as_they_stand_are_accepted() -> None:
    """The section of params.yaml is valid."""
    assert PresizeParams(**GOOD).size == 160


@pytest.mark.parametrize(
    "change",
    [
        {"size": 15},
        {"size": 4097},
        {"size": 160.5},
        {"format": "png"},
        {"quality": 0},
        {"quality": 96},
        {"shards": 0},
        {"shards": 4097},
        {"max_rejected": -0.1},
        {"max_rejected": 1.1},
        {"sise": 160},
    ],
)
def test_params_out_of_range_are_refused(change: dict[str, Any]) -> None:
    """Each bound holds, and unknown keys are refused."""
    with pytest.raises(ValidationError):
        PresizeParams(**GOOD | change)
