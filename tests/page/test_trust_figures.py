"""The figures of trust, from few images to many, from all right to all wrong."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from stages.page.trust_figures import (
    coverage_figure,
    reliability_figure,
    slices_figure,
    trust_figures,
)
from stages.stats.interpretation import Interpretation
from stages.stats.metrics_record import ThresholdRecord
from tests.example_results import example_predictions
from tests.page.example_page import example_interpretation, svg_texts

FOUND = ThresholdRecord(threshold=0.9, images=200, coverage=0.5, accuracy=0.97, low=0.95, reason="")
NOT_FOUND = ThresholdRecord(
    threshold=None, images=0, coverage=0.0, accuracy=None, low=None, reason="too few"
)


def interpretation(images: int = 400, right: float = 0.9) -> Interpretation:
    """Return the interpretation of images of three classes, taking turns."""
    paths = np.array([f"{number}.jpg" for number in range(images)])
    return example_interpretation(
        *example_predictions(list("abc"), np.arange(images) % 3, paths, right=right)
    )


def words(svg: str) -> str:
    """Return the texts of a figure on one line."""
    return " ".join(svg_texts(svg))


@pytest.mark.parametrize("right", [-1.0, 0.9, 3.0])
@pytest.mark.parametrize("images", [10, 400])
def test_every_figure_can_be_drawn(images: int, right: float) -> None:
    """Few and many images, all wrong, some wrong, none wrong."""
    figures = asdict(trust_figures(interpretation(images, right)))
    assert all(svg.startswith("<svg") for svg in figures.values())
    assert sum(map(len, figures.values())) < 150_000


def test_axes_say_what_they_show() -> None:
    """Each figure names its axes, the last every property that varies or not."""
    figures = trust_figures(interpretation())
    assert "how sure the model was" in words(figures.reliability)
    assert "error among them" in words(figures.coverage)
    text = words(figures.slices)
    for name in ("shorter side", "brightness", "sharpness", "training images of its class"):
        assert name in text
    assert "160" in text


def test_a_threshold_is_marked_where_there_is_one() -> None:
    """The 95 % line is drawn, and one that could not be found is not."""
    thresholds = {"95": FOUND, "99": NOT_FOUND}
    text = words(coverage_figure(interpretation().coverage, thresholds))
    assert "95 % right" in text
    assert "99 % right" not in text


def test_same_tables_same_bytes() -> None:
    """Drawing twice gives the same text, and another table another one."""
    result = interpretation()
    assert trust_figures(result) == trust_figures(result)
    other = replace(result, reliability=result.reliability.iloc[1:])
    assert reliability_figure(other.reliability) != reliability_figure(result.reliability)


def test_a_property_that_was_not_measured_has_no_axes() -> None:
    """The figure of slices draws the properties of its table."""
    slices = interpretation().slices
    assert "shorter side" not in words(slices_figure(slices[slices["property"] != "size"]))
