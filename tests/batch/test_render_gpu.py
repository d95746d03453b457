"""The torch renderer against a slow plain one, and each part of its pass alone."""

import numpy as np
import pytest
import torch

from stages.base.seed import derive
from stages.batch.lighting import Lighting
from stages.batch.render_gpu import (
    apply_lighting,
    normalize,
    render_batch,
    resample,
    shrink_factors,
    source_positions,
)
from stages.batch.views import AugmentParams, Views, box, centre_views, random_views, rotation
from tests.batch.examples import CPU, IMAGENET_MEAN, IMAGENET_STD, imagenet_spec, noise_image
from tests.batch.plain_render import plain_level, plain_resample

LIGHTING = Lighting(
    gain=np.array([1.0, 1.0, 1.0, 0.4, 0.3]),
    brightness=np.array([0.3, 0.0, -0.2, 0.0, 0.2]),
    contrast=np.array([1.2, 1.0, 0.8, 1.0, 1.1]),
)


def padded(images: list[np.ndarray], fill: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    """Stack images of different sizes; what is outside them is `fill`."""
    sizes = np.array([image.shape[:2] for image in images])
    out = np.full((len(images), *sizes.max(axis=0), 3), fill, dtype=np.uint8)
    for padded_image, image in zip(out, images, strict=True):
        padded_image[: image.shape[0], : image.shape[1]] = image
    return torch.from_numpy(out).permute(0, 3, 1, 2), sizes


@pytest.mark.parametrize("size", [16, 24])
@pytest.mark.parametrize("scale", [1, 2, 5])
def test_fused_equals_plain(size: int, scale: int) -> None:
    """With crops, turns, zooms and warps at once, the fused pass equals the plain float64 one."""
    shapes = [(18, 25), (31, 18), (22, 22), (19, 40)]
    images = [noise_image(h * scale, w * scale, seed) for seed, (h, w) in enumerate(shapes)]
    pixels, sizes = padded(images)
    params = AugmentParams(
        size=size, min_scale=0.5, max_rotate=30.0, max_zoom=1.4, max_warp=0.3,
        max_lighting=0.0, max_darkening=0.0, p_affine=1.0, p_lighting=0.0, flip=True,
    )  # fmt: skip
    generators = [derive(scale, "fused", i) for i in range(4)]
    matrices = random_views(sizes.tolist(), params, generators).matrices
    factors = shrink_factors(matrices, size)
    fused = resample(pixels, sizes, matrices, size).permute(0, 2, 3, 1).numpy()
    for image, matrix, factor, pixels_of in zip(images, matrices, factors, fused, strict=True):
        # A tenth of a grey level: what float32 positions cost.
        assert np.abs(pixels_of - plain_resample(image, matrix, size, factor)).max() < 0.1 / 255
    assert factors.max() > 1 or scale < 5


def test_identity_keeps_every_pixel() -> None:
    """An image of the right size, in its full view, comes back exactly."""
    image = noise_image(20, 20)
    pixels, sizes = padded([image])
    resampled = resample(pixels, sizes, centre_views([(20, 20)]).matrices, 20)
    back = (resampled[0].permute(1, 2, 0) * 255).round().byte().numpy()
    assert (back == image).all()


def test_quarter_turn_moves_pixels_exactly() -> None:
    """A turn by 90 degrees is numpy's rot90, pixel for pixel."""
    image = noise_image(16, 16)
    pixels, sizes = padded([image])
    matrix = centre_views([(16, 16)]).matrices[0] @ rotation(90)
    resampled = resample(pixels, sizes, matrix[None], 16)[0].permute(1, 2, 0).numpy()
    assert np.abs(resampled * 255 - np.rot90(image)).max() < 0.02


def test_whole_shrink_is_the_box_mean() -> None:
    """Shrinking by exactly 3 gives the mean of each 3 by 3 block."""
    image = noise_image(24, 24)
    pixels, sizes = padded([image])
    resampled = resample(pixels, sizes, centre_views([(24, 24)]).matrices, 8)[0].permute(1, 2, 0)
    blocks = image.reshape(8, 3, 8, 3, 3).mean(axis=(1, 3)) / 255
    assert np.abs(resampled.numpy() - blocks).max() < 1e-5


@pytest.mark.parametrize("scale", [1, 3])
def test_padding_never_shows(scale: int) -> None:
    """What fills the batch around an image does not change a bit of it."""
    images = [noise_image(12 * scale, 30 * scale), noise_image(30 * scale, 12 * scale, 1)]
    matrices = centre_views([image.shape[:2] for image in images]).matrices
    matrices = matrices @ rotation(25) @ np.diag([1.6, 1.6, 1])
    black, sizes = padded(images, fill=0)
    white, _ = padded(images, fill=255)
    difference = resample(black, sizes, matrices, 16) - resample(white, sizes, matrices, 16)
    assert difference.abs().max() < 1e-5


def test_an_image_alone_equals_itself_in_a_batch() -> None:
    """The pixels of an image do not depend on its neighbours in the batch."""
    images = [noise_image(12, 30), noise_image(40, 20, 1)]
    pixels, sizes = padded(images)
    matrices = centre_views(sizes.tolist()).matrices @ rotation(10)
    together = resample(pixels, sizes, matrices, 16)
    alone = resample(*padded(images[:1]), matrices[:1], 16)
    assert torch.allclose(together[0], alone[0], atol=1e-5)


@pytest.mark.parametrize("x", [-5, 15])
def test_outside_is_reflection_padding(x: int) -> None:
    """A view one image to the left or to the right shows it mirrored."""
    image = noise_image(10, 10)
    pixels, sizes = padded([image])
    resampled = resample(pixels, sizes, box(x, 5, 10, 10)[None], 10)[0].permute(1, 2, 0).numpy()
    assert np.abs(resampled * 255 - image[:, ::-1]).max() < 0.02


def test_no_view_reaches_further_than_one_image() -> None:
    """The strongest params allowed keep every position within one image of the border."""
    params = AugmentParams(
        size=16, min_scale=0.01, max_rotate=180.0, max_zoom=4.0, max_warp=0.5,
        max_lighting=0.0, max_darkening=0.0, p_affine=1.0, p_lighting=0.0, flip=True,
    )  # fmt: skip
    for height, width in ((20, 20), (16, 300), (300, 16)):
        generators = [derive(0, "far", i) for i in range(300)]
        views = random_views([(height, width)] * 300, params, generators)
        positions = source_positions(views.matrices, 16, CPU)
        image_size = torch.tensor([width, height])[:, None, None]
        assert (positions > -image_size).all()
        assert (positions < 2 * image_size).all()


def test_shrink_factors_at_the_bounds() -> None:
    """The factor is the whole number of source pixels to one, and never below one."""
    sides = np.array([10, 16, 31, 32, 33, 48])
    matrices = np.stack([box(50, 50, side, side) for side in sides])
    assert shrink_factors(matrices, 16).tolist() == [1, 1, 1, 2, 2, 3]
    assert shrink_factors(box(50, 50, 64, 20)[None], 16).tolist() == [1]


def test_positions_are_pixel_centres() -> None:
    """An identity view of n pixels reads their centres, half a pixel in."""
    positions = source_positions(box(2, 2, 4, 4)[None], 4, CPU)[0]
    assert positions[:, 0, 0].tolist() == [0.5, 0.5]
    assert positions[:, 3, 1].tolist() == [1.5, 3.5]


def test_lighting_equals_its_formula() -> None:
    """A gain multiplies, then brightness shifts and contrast stretches the logit."""
    x = torch.rand(5, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lit = apply_lighting(x.clone(), LIGHTING)
    for i in range(len(x)):
        expected = [plain_level(level, LIGHTING, i) for level in x[i].flatten().tolist()]
        assert lit[i].flatten().tolist() == pytest.approx(expected)
    assert torch.equal(lit[1], x[1])


def test_lighting_keeps_black_and_white_in_range() -> None:
    """Pure black and white stay numbers between 0 and 1 under any lighting."""
    x = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 3, 2, 2).clone()
    gain = np.array([1e-9, 1.0])
    brightness = np.array([2.0, -2.0])
    contrast = np.array([1.25, 1.25])
    lit = apply_lighting(x, Lighting(gain=gain, brightness=brightness, contrast=contrast))
    assert lit.isfinite().all()
    assert lit.min() >= 0
    assert lit.max() <= 1


def test_normalise_centres_each_channel() -> None:
    """The mean becomes 0 and one deviation above it becomes 1."""
    mean = torch.tensor(IMAGENET_MEAN)[None, :, None, None].expand(1, 3, 2, 2)
    std = torch.tensor(IMAGENET_STD)[None, :, None, None]
    assert normalize(mean, IMAGENET_MEAN, IMAGENET_STD).abs().max() < 1e-6
    one_above = normalize(mean + std, IMAGENET_MEAN, IMAGENET_STD)
    assert one_above.numpy() == pytest.approx(np.ones((1, 3, 2, 2)))


def test_rendering_is_resample_lighting_and_normalisation() -> None:
    """The whole pass equals its three parts, for every image of the batch, channels last."""
    pixels, sizes = padded([noise_image(20, 26), noise_image(64, 60, 1)])
    views = Views(
        matrices=centre_views(sizes.tolist()).matrices,
        lighting=LIGHTING.subset(np.array([0, 4])),
    )
    images = render_batch(pixels, sizes, views, imagenet_spec())
    parts = apply_lighting(resample(pixels, sizes, views.matrices, 16), views.lighting)
    assert torch.equal(images, normalize(parts, IMAGENET_MEAN, IMAGENET_STD))
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert shrink_factors(views.matrices, 16).tolist() == [1, 3]  # two groups of one image
