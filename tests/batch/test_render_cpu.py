"""The CPU renderer against a plain one, against numpy, and against the torch renderer."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numba.core.errors import TypingError

from stages.base.seed import derive
from stages.batch.render_cpu import (
    prepare_views,
    render_images,
)
from stages.batch.render_gpu import render_batch, shrink_factors
from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams, Views, centre_views, random_views
from stages.batch.windows import collate, full_windows
from tests.batch.examples import IMAGENET_STD, identity_spec, imagenet_spec, noise_image
from tests.batch.plain_render import plain_resample

SHAPES = [(18, 25), (31, 18), (22, 22), (19, 40), (1, 30), (30, 1), (1, 1), (2, 30)]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return two threads."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


def views_of(images: list[np.ndarray], size: int, lit: bool, seed: int = 0) -> Views:
    """Draw strong views of images, with or without changes of lighting."""
    params = AugmentParams(
        size=size, min_scale=0.5, max_rotate=30.0, max_zoom=1.4, max_warp=0.3,
        max_lighting=0.2, max_darkening=0.7, p_affine=1.0, p_lighting=float(lit), flip=True,
    )  # fmt: skip
    generators = [derive(seed, "one pass", i) for i in range(len(images))]
    return random_views([image.shape[:2] for image in images], params, generators)


def render(
    images: list[np.ndarray],
    views: Views,
    spec: RenderSpec,
    pool: ThreadPoolExecutor,
    threads: int = 2,
) -> torch.Tensor:
    """Prepare the views, and render the images through them."""
    return render_images(images, prepare_views(views, spec.size), spec, pool, threads)


@pytest.mark.parametrize("size", [16, 24])
@pytest.mark.parametrize("scale", [1, 2, 5])
def test_it_equals_the_plain_reference(size: int, scale: int, pool: ThreadPoolExecutor) -> None:
    """With crops, rotations, zooms and warps at once, it equals the plain one in float64."""
    images = [noise_image(h * scale, w * scale, seed) for seed, (h, w) in enumerate(SHAPES)]
    views = views_of(images, size, lit=False, seed=scale)
    factors = shrink_factors(views.matrices, size)
    rendered = render(images, views, identity_spec(size), pool).permute(0, 2, 3, 1).numpy()
    for image, matrix, factor, pixels in zip(
        images, views.matrices, factors, rendered, strict=True
    ):
        assert np.abs(pixels - plain_resample(image, matrix, size, factor)).max() < 0.001 / 255
    assert factors.max() > 1 or scale < 5


@pytest.mark.parametrize("scale", [1, 5])
def test_it_equals_the_torch_renderer(scale: int, pool: ThreadPoolExecutor) -> None:
    """Lighting and normalisation included, both agree to a tenth of a grey level."""
    images = [noise_image(h * scale, w * scale, seed) for seed, (h, w) in enumerate(SHAPES)]
    views = views_of(images, 16, lit=True)
    sizes = np.array([image.shape[:2] for image in images])
    pixels = collate([torch.from_numpy(image) for image in images], full_windows(sizes))
    by_torch = render_batch(pixels, sizes, views, imagenet_spec())
    by_numba = render(images, views, imagenet_spec(), pool)
    difference = (by_numba - by_torch).abs().amax((0, 2, 3)) * torch.tensor(IMAGENET_STD)
    assert (difference < 0.1 / 255).all()
    assert by_numba.is_contiguous(memory_format=torch.channels_last)
    assert by_numba.dtype == torch.float32


def test_an_image_of_the_right_size_comes_back(pool: ThreadPoolExecutor) -> None:
    """In its full view and without changes of lighting, an image comes back exactly."""
    image = noise_image(20, 20)
    rendered = render([image], centre_views([(20, 20)]), identity_spec(20), pool)
    assert ((rendered[0].permute(1, 2, 0) * 255).round().byte().numpy() == image).all()


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_threads_change_nothing(threads: int, pool: ThreadPoolExecutor) -> None:
    """However many share the batch, more than images even, the bytes are the same."""
    images = [noise_image(*shape, seed) for seed, shape in enumerate(SHAPES)]
    views = views_of(images, 16, lit=True)
    by_two = render(images, views, imagenet_spec(), pool, threads=2)
    assert torch.equal(render(images, views, imagenet_spec(), pool, threads), by_two)


@pytest.mark.parametrize("broken", [0, 1])
def test_an_error_in_a_thread_is_raised(broken: int, pool: ThreadPoolExecutor) -> None:
    """What fails for one image fails the batch, in the caller's share and in the pool's."""
    images = [noise_image(9, 9), noise_image(9, 9)]
    images[broken] = images[broken][..., 0]
    with pytest.raises(TypingError):
        render(images, centre_views([(9, 9)] * 2), imagenet_spec(), pool)


@pytest.mark.parametrize("factor", [1, 2, 7, 40])
def test_white_stays_white(factor: int, pool: ThreadPoolExecutor) -> None:
    """However many pixels a cell adds up, white is 1 and not more than float32 rounds to."""
    white = np.full((16 * factor, 20 * factor, 3), 255, np.uint8)
    rendered = render([white], centre_views([white.shape[:2]]), identity_spec(), pool)
    assert rendered.numpy() == pytest.approx(1, abs=1e-6)
