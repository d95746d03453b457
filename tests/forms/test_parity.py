"""Parity measures what a form of the model answers otherwise, and refuses too much of it."""

from pathlib import Path

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.forms.parity import measure_parity, require_parity

OURS = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])


def test_the_largest_difference_counts() -> None:
    """Of all probabilities the one that is furthest off is named, and 95 % of images are within."""
    theirs = OURS + np.array([[0, 0, 0], [0, 0.02, -0.02]])
    parity = measure_parity(OURS, theirs, bound=0.05)
    assert (parity.images, parity.other_classes) == (2, 0)
    assert parity.largest == pytest.approx(0.02)
    assert parity.usual == pytest.approx(0.95 * 0.02)
    assert parity.holds


def test_another_class_breaks_parity() -> None:
    """An image whose class differs is counted, however large the bound on the difference."""
    theirs = OURS[:, ::-1]
    parity = measure_parity(OURS, theirs, bound=0.05)
    assert parity.other_classes == 2
    assert not parity.holds


def test_equally_probable_classes_are_no_other_class() -> None:
    """Where two classes are as probable up to the bound, either may come first."""
    parity = measure_parity(np.array([[0.5, 0.5]]), np.array([[0.49999, 0.50001]]), bound=1e-4)
    assert parity.holds


def test_what_is_not_finite_is_refused() -> None:
    """NaN anywhere is as wrong as can be, never as good as anything."""
    theirs = OURS.copy()
    theirs[0, 2] = np.nan
    parity = measure_parity(OURS, theirs, bound=0.05)
    assert parity.largest == 1
    assert not parity.holds


def test_the_refusal_names_file_figures_and_remedy() -> None:
    """The error says which file, of how many photos, how far off, and what to do."""
    parity = measure_parity(OURS, OURS[:, ::-1], bound=1e-4)
    with pytest.raises(UserError, match=r"export/model\.onnx: of 2 .* 2 get another .* 0\.6.*do x"):
        require_parity(Path("export/model.onnx"), parity, "do x")
    require_parity(Path("export/model.onnx"), measure_parity(OURS, OURS, 1e-4), "do x")
