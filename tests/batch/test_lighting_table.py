"""The lookup table of lighting, against the formula, and what it leaves as it was."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.batch.lighting import Lighting
from stages.batch.lighting_table import LIGHTING_PIECES, lighting_table, lighting_tables
from stages.batch.render_gpu import apply_lighting
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


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import stages.batch.dataloaders
import stages.batch.device_kernel
import stages.predict.torch_classifier
import stages.train.loop
"""


@pytest.mark.slow
def test_a_gpu_needs_no_numba() -> None:
    """What trains and answers on a GPU is loaded where there is no numba."""
    command = [sys.executable, "-c", WITHOUT_NUMBA]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == 0
