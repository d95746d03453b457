"""The compiled code of the CPU renderer: box sums, one pixel, and the cache of numba."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from stages.batch import render_kernel
from stages.batch.lighting_table import WEIGHT_ONE, lighting_table
from stages.batch.render_kernel import box_sums, render_view
from stages.batch.views import centre_views
from tests.batch.examples import imagenet_spec, noise_image


def test_compiled_code_holds_no_constant_of_another_module() -> None:
    """The cache of numba knows changes of this module alone, so no other may change its code."""
    module = vars(render_kernel)
    allowed = {name for name, value in module.items() if callable(value)}
    allowed |= {"np"}
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
    table = lighting_table(1.0, 0.0, 1.0)
    render_view(grey, matrix, 2, table, normalisation, WEIGHT_ONE, out)
    assert out.reshape(-1, 3) == pytest.approx(
        np.tile(0.2 * normalisation[0] + normalisation[1], (16, 1)), abs=1e-6
    )


LOAD_AND_COUNT = """
from stages.batch.render_kernel import load_compiled_code, render_view
load_compiled_code()
print(sum(render_view.stats.cache_hits.values()), len(render_view.signatures))
"""


@pytest.mark.slow
@pytest.mark.thorough  # it compiles twice
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
    files = list(tmp_path.rglob("render_kernel.render_view*.nb?"))
    assert len(files) > 1
    for number, file in enumerate(files):
        os.truncate(file, 100 * (number % 2))
    assert run() == "0 1\n"
    assert run() == "1 1\n"
