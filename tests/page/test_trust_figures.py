"""The figures of trust, from few images to many, from all right to all wrong."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from stages.page.trust_figures import (
    conditions_figure,
    coverage_figure,
    reliability_figure,
    trust_figures,
)
from stages.stats.interpretation import Interpretation, InterpretParams, interpret
from tests.example_results import arrays, properties

SURE = {"threshold": 0.9, "coverage": 0.5, "reason": ""}
UNSURE = {"threshold": None, "coverage": 0.0, "reason": "too few"}


def told(images: int = 400, right: float = 0.9) -> Interpretation:
    """Return the interpretation of a made-up set."""
    paths = np.array([f"{number}.jpg" for number in range(images)])
    predictions, baseline = arrays(list("abc"), np.arange(images) % 3, paths, right=right)
    params = InterpretParams(top_losses=5, most_confused=5, suspects=5)
    return interpret(
        predictions, baseline, pd.Series(paths, paths), properties(predictions.paths), params, 1
    )


def words(svg: str) -> str:
    """Return the words of a picture."""
    return " ".join(element.text or "" for element in ElementTree.fromstring(svg).iter())


@pytest.mark.parametrize("right", [-1.0, 0.9, 3.0])
@pytest.mark.parametrize("images", [10, 400])
def test_every_figure_can_be_drawn(images: int, right: float) -> None:
    """Few and many images, all wrong, some wrong, none wrong."""
    figures = trust_figures(told(images, right))
    assert list(figures) == ["reliability", "coverage", "conditions"]
    assert all(svg.startswith("<svg") for svg in figures.values())
    assert sum(map(len, figures.values())) < 150_000


def test_axes_say_what_they_show() -> None:
    """Each figure names its axes, the last every property that varies or not."""
    figures = trust_figures(told())
    assert "how sure the model was" in words(figures["reliability"])
    assert "error among them" in words(figures["coverage"])
    shown = words(figures["conditions"])
    for name in ("shorter side", "brightness", "sharpness", "training images of its class"):
        assert name in shown
    assert "160" in shown


def test_a_threshold_is_marked_where_there_is_one() -> None:
    """The 95 % line is drawn, and one that could not be named is not."""
    svg = words(coverage_figure(told().coverage, {"95": SURE, "99": UNSURE}))
    assert "95 % right" in svg
    assert "99 % right" not in svg


def test_same_tables_same_bytes() -> None:
    """Drawing twice gives the same text, and another table another one."""
    result = told()
    assert trust_figures(result) == trust_figures(result)
    other = replace(result, reliability=result.reliability.iloc[1:])
    assert reliability_figure(other.reliability) != reliability_figure(result.reliability)
    half = result.conditions[result.conditions["property"] != "size"]
    assert "shorter side" not in words(conditions_figure(half))
