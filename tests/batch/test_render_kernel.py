"""The compiled code of the CPU renderer: lookup table, box sums, and the cache of numba."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numba.core.dispatcher import Dispatcher

from stages.batch import render_kernel
from stages.batch.lighting import Lighting
from stages.batch.render_gpu import apply_lighting
from stages.batch.render_kernel import (
    LIGHTING_PIECES,
    box_sums,
    lighting_table,
    lighting_tables,
    render_view,
)
from stages.batch.views import centre_views
from tests.batch.examples import imagenet_spec, noise_image
from tests.batch.plain_render import plain_level


def lighting_of(rows: list[tuple[float, float, float]]) -> Lighting:
    """Return the lighting of images from the gain, brightness and contrast of each."""
    gain, brightness, contrast = np.array(rows).T
    return Lighting(gain=gain, brightness=brightness, contrast=contrast)


@pytest.mark.parametrize("gain", [1.0, 0.999, 0.7, 0.3, 0.01])
@pytest.mark.parametrize(
    ("brightness", "contrast"), [(0.0, 1.0), (0.4, 0.8), (-0.4, 1.25), (0.1, 1.0)]
)
def test_lighting_is_that_of_the_torch_renderer(
    gain: float, brightness: float, contrast: float
) -> None:
    """The lookup table, and what lies between two of its entries, follow the formula."""
    table = lighting_table(gain, brightness, contrast).astype(float)
    fine = np.linspace(0, 255, 255 * LIGHTING_PIECES * 8 + 1)
    x = torch.from_numpy(fine / 255)[None, None, None].expand(1, 3, 1, -1).clone()
    one = lighting_of([(gain, brightness, contrast)])
    exact = apply_lighting(x, one)[0, 0, 0].numpy()
    interpolated = np.interp(fine * LIGHTING_PIECES, np.arange(len(table)), table)
    assert np.abs(interpolated - exact).max() < 0.1 / 255
    assert np.abs(table[:-1] - exact[::8]).max() < 1e-6
    plain = [plain_level(level, one, 0) for level in np.linspace(0, 1, 256).tolist()]
    assert table[:-1:LIGHTING_PIECES] == pytest.approx(plain, abs=1e-6)


def test_tables_of_many_images_are_those_of_each() -> None:
    """Filled in together, images have the bits that each has alone, whatever else is changed."""
    rows = [
        (gain, brightness, contrast)
        for gain in (1.0, 0.6, 0.01)
        for brightness in (0.0, -0.3)
        for contrast in (1.0, 1.2)
    ]
    tables = np.empty((len(rows), 255 * LIGHTING_PIECES + 2), np.float32)
    lighting_tables(lighting_of(rows), tables)
    assert tables.tolist() == [lighting_table(*row).tolist() for row in rows]


def test_a_gain_alone_multiplies_every_level() -> None:
    """White becomes as grey as the gain says, black stays black, and all between is in line."""
    levels = lighting_table(1.0, 0.0, 1.0)
    assert (lighting_table(0.4, 0.0, 1.0) == levels * np.float32(0.4)).all()


def test_no_lighting_changes_no_level() -> None:
    """Without brightness and contrast every level stays, the darkest too."""
    table = lighting_table(1.0, 0.0, 1.0)
    assert table[:-1] == pytest.approx(np.linspace(0, 1, 255 * LIGHTING_PIECES + 1), abs=1e-7)
    assert table[-1] == table[-2] == 1


def test_any_lighting_keeps_black_and_white_in_range() -> None:
    """Lighting beyond what params allow leaves numbers between 0 and 1."""
    for gain, brightness, contrast in (
        (1.0, 9.0, 100.0),
        (1.0, -9.0, 100.0),
        (1e-9, 9.0, 0.01),
        (1e-9, 0.0, 1.0),
    ):
        table = lighting_table(gain, brightness, contrast)
        assert np.isfinite(table).all()
        assert table.min() >= 0
        assert table.max() <= 1
    squared = 1 / 82  # of odds of 1 to 9
    assert lighting_table(1.0, 0.0, 2.0, 0.1)[0] == pytest.approx(squared, abs=1e-7)


def test_compiled_code_holds_no_constant_of_another_module() -> None:
    """The cache of numba knows changes of this module alone, so no other may change its code."""
    module = vars(render_kernel)
    allowed = {name for name, value in module.items() if callable(value)}
    allowed |= {"LIGHTING_PIECES", "WEIGHT_ONE", "np"}
    compiled = {name: value for name, value in module.items() if isinstance(value, Dispatcher)}
    assert len(compiled) == 5
    for name, function in compiled.items():
        used = set(function.py_func.__code__.co_names) & set(module)
        assert used <= allowed, name


def test_cells_are_box_sums() -> None:
    """Each cell is the sum of its pixels; rows and columns that fill no cell are left out."""
    image = noise_image(23, 26)
    blocks = image[:21, :24].reshape(7, 3, 8, 3, 3).sum(axis=(1, 3))
    assert (box_sums(image, 3) == blocks).all()
    white = np.full((2000, 2000, 3), 255, np.uint8)
    assert (box_sums(white, 2000) == 255 * 2000**2).all()


def test_one_pixel_is_lit_and_normalised() -> None:
    """A view of one grey level is that level in 0..1, times the scale, plus the shift."""
    normalisation = imagenet_spec().scale_and_shift()
    out = np.empty((4, 4, 3), np.float32)
    matrix = centre_views([(8, 8)]).matrices[0]
    grey = np.full((8, 8, 3), 51, np.uint8)
    render_view(grey, matrix, 2, lighting_table(1.0, 0.0, 1.0), normalisation, out)
    assert out.reshape(-1, 3) == pytest.approx(
        np.tile(0.2 * normalisation[0] + normalisation[1], (16, 1)), abs=1e-6
    )


LOAD_AND_COUNT = """
from stages.batch.render_kernel import load_compiled_code, render_view
load_compiled_code()
print(sum(render_view.stats.cache_hits.values()), len(render_view.signatures))
"""


@pytest.mark.slow
def test_compiled_code_that_a_power_cut_damaged_is_compiled_again(tmp_path: Path) -> None:
    """Files of compiled code that end too early cost a compilation, once, and no traceback."""

    def run() -> str:
        return subprocess.run(
            [sys.executable, "-c", LOAD_AND_COUNT],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert run() == "0 1\n"
    for left in (0, 100):
        files = list(tmp_path.rglob("render_kernel.render_view*.nb?"))
        assert files
        for file in files:
            os.truncate(file, left)
        assert run() == "0 1\n"
    assert run() == "1 1\n"
