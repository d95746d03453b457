"""The single pass of a processor, against a plain one, numpy, and what a GPU runs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from numba.core.dispatcher import Dispatcher
from numba.core.errors import TypingError

from stages.base.seed import derive
from stages.batch import render_cpu
from stages.batch.loader import collate
from stages.batch.render_cpu import PIECES, box_sums, lit_levels, prepare_views, render_images
from stages.batch.render_gpu import DARKEST, lighting, render_batch, shrink_factors
from stages.batch.views import AugmentParams, Views, centre_views, random_views
from stages.batch.windows import full_windows
from tests.batch.plain_render import photo, plain_resample

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PLAIN = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
SHAPES = [(18, 25), (31, 18), (22, 22), (19, 40), (1, 30), (30, 1), (1, 1), (2, 30)]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Return two threads."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


def views_of(images: list[np.ndarray], size: int, lit: bool, seed: int = 0) -> Views:
    """Draw strong views of images, in their own light or in another."""
    params = AugmentParams(
        size=size, min_scale=0.5, max_rotate=30.0, max_zoom=1.4, max_warp=0.3,
        max_lighting=0.2, p_affine=1.0, p_lighting=float(lit), flip=True,
    )  # fmt: skip
    rngs = [derive(seed, "one pass", i) for i in range(len(images))]
    return random_views([image.shape[:2] for image in images], params, rngs)


@pytest.mark.parametrize("size", [16, 24])
@pytest.mark.parametrize("scale", [1, 2, 5])
def test_it_equals_the_plain_one(size: int, scale: int, pool: ThreadPoolExecutor) -> None:
    """With crops, turns, zooms and warps at once, it equals the plain float64 one."""
    images = [photo(h * scale, w * scale, seed) for seed, (h, w) in enumerate(SHAPES)]
    views = views_of(images, size, lit=False, seed=scale)
    factors = shrink_factors(views.matrices, size)
    got = (
        render_images(images, prepare_views(views, size), size, *PLAIN, pool, 2)
        .permute(0, 2, 3, 1)
        .numpy()
    )
    for image, matrix, factor, seen in zip(images, views.matrices, factors, got, strict=True):
        assert np.abs(seen - plain_resample(image, matrix, size, factor)).max() < 0.001 / 255
    assert factors.max() > 1 or scale < 5


@pytest.mark.parametrize("scale", [1, 5])
def test_it_equals_what_a_gpu_runs(scale: int, pool: ThreadPoolExecutor) -> None:
    """Light and normalisation included, it is what render makes, to a tenth of a grey level."""
    images = [photo(h * scale, w * scale, seed) for seed, (h, w) in enumerate(SHAPES)]
    views, sizes = views_of(images, 16, lit=True), np.array([im.shape[:2] for im in images])
    pixels = collate([torch.from_numpy(image) for image in images], full_windows(sizes))
    other = render_batch(pixels, sizes, views, 16, MEAN, STD)
    mine = render_images(images, prepare_views(views, 16), 16, MEAN, STD, pool, 2)
    assert ((mine - other).abs().amax((0, 2, 3)) * torch.tensor(STD) < 0.1 / 255).all()
    assert mine.is_contiguous(memory_format=torch.channels_last)
    assert mine.dtype == torch.float32


def test_an_image_of_the_right_size_comes_back(pool: ThreadPoolExecutor) -> None:
    """Seen whole and in its own light, an image comes back exactly."""
    image = photo(20, 20)
    views = centre_views([(20, 20)])
    seen = render_images([image], prepare_views(views, 20), 20, *PLAIN, pool, 2)
    assert ((seen[0].permute(1, 2, 0) * 255).round().byte().numpy() == image).all()


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_threads_change_nothing(threads: int, pool: ThreadPoolExecutor) -> None:
    """However many share the batch, more than images even, the bytes are the same."""
    images = [photo(*shape, seed) for seed, shape in enumerate(SHAPES)]
    views = views_of(images, 16, lit=True)
    two = render_images(images, prepare_views(views, 16), 16, MEAN, STD, pool, 2)
    assert torch.equal(
        render_images(images, prepare_views(views, 16), 16, MEAN, STD, pool, threads), two
    )


@pytest.mark.parametrize("broken", [0, 1])
def test_an_error_in_a_thread_is_raised(broken: int, pool: ThreadPoolExecutor) -> None:
    """What fails for one image fails the batch, in the caller's share and in the pool's."""
    images = [photo(9, 9), photo(9, 9)]
    images[broken] = images[broken][..., 0]
    views = centre_views([(9, 9)] * 2)
    with pytest.raises(TypingError):
        render_images(images, prepare_views(views, 16), 16, MEAN, STD, pool, 2)


@pytest.mark.parametrize(("brightness", "contrast"), [(0.4, 0.8), (-0.4, 1.25), (0.1, 1.0)])
def test_light_is_that_of_a_gpu(brightness: float, contrast: float) -> None:
    """The table of lit levels, and what lies between two of its entries, follow the formula."""
    table = lit_levels(brightness, contrast, DARKEST).astype(float)
    fine = np.linspace(0, 255, 255 * PIECES * 8 + 1)
    x = torch.from_numpy(fine / 255)[None, None, None].expand(1, 3, 1, -1).clone()
    truth = lighting(x, np.array([brightness]), np.array([contrast]))[0, 0, 0].numpy()
    read = np.interp(fine * PIECES, np.arange(len(table)), table)
    assert np.abs(read - truth).max() < 0.1 / 255
    assert np.abs(table[:-1] - truth[::8]).max() < 1e-6


def test_its_own_light_changes_no_level() -> None:
    """Without brightness and contrast every level stays, the darkest too."""
    table = lit_levels(0.0, 1.0, DARKEST)
    assert table[:-1] == pytest.approx(np.linspace(0, 1, 255 * PIECES + 1), abs=1e-7)
    assert table[-1] == table[-2] == 1


def test_any_light_keeps_black_and_white_in_range() -> None:
    """The strongest light that params allow leaves numbers between 0 and 1."""
    for brightness, contrast in ((9.0, 100.0), (-9.0, 100.0), (9.0, 0.01)):
        table = lit_levels(brightness, contrast, DARKEST)
        assert np.isfinite(table).all()
        assert table.min() >= 0
        assert table.max() <= 1
    squared = 1 / 82  # of odds of 1 to 9
    assert lit_levels(0.0, 2.0, 0.1)[0] == pytest.approx(squared, abs=1e-7)


def test_compiled_code_holds_no_constant_of_another_module() -> None:
    """What numba keeps is found by this module's text alone, so nothing else may decide it."""
    own = {name for name, value in vars(render_cpu).items() if callable(value)} | {
        "PIECES",
        "WHOLE",
    }
    for name, function in vars(render_cpu).items():
        if isinstance(function, Dispatcher):
            read = set(function.py_func.__code__.co_names) & set(vars(render_cpu))
            assert read <= own | {"np"}, name


def test_cells_are_box_sums() -> None:
    """Each cell is the sum of its pixels; rows and columns that fill no cell are left out."""
    image = photo(23, 26)
    blocks = image[:21, :24].reshape(7, 3, 8, 3, 3).sum(axis=(1, 3))
    assert (box_sums(image, 3) == blocks).all()
    white = np.full((2000, 2000, 3), 255, np.uint8)
    assert (box_sums(white, 2000) == 255 * 2000**2).all()


@pytest.mark.parametrize("factor", [1, 2, 7, 40])
def test_white_stays_white(factor: int, pool: ThreadPoolExecutor) -> None:
    """However many pixels a cell adds up, white is 1 and not more than float32 rounds to."""
    white = np.full((16 * factor, 20 * factor, 3), 255, np.uint8)
    x = render_images(
        [white], prepare_views(centre_views([white.shape[:2]]), 16), 16, *PLAIN, pool, 1
    )
    assert x.numpy() == pytest.approx(1, abs=1e-6)


LOOK = "from stages.batch.render_cpu import see_to_compiled, look; see_to_compiled();"
SAY = "print(sum(look.stats.cache_hits.values()), len(look.signatures))"


@pytest.mark.slow
@pytest.mark.parametrize("left", [0, 100])
def test_compiled_code_that_a_power_cut_damaged_is_made_anew(tmp_path: Path, left: int) -> None:
    """Files of compiled code that end too early cost a compilation, once, and no traceback."""

    def run() -> str:
        return subprocess.run(
            [sys.executable, "-c", LOOK + SAY],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert run() == "0 1\n"
    for file in tmp_path.rglob("render_cpu.look*.nb?"):
        os.truncate(file, left)
    assert run() == "0 1\n"
    assert run() == "1 1\n"
