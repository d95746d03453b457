"""Pictures drawn in the page's own colours, the same bytes every time."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import rc_context

from stages.page.figures import finder_figure, history_figure
from stages.page.svg import ACCENT, SETTINGS, VARIABLES, blank, inline
from tests.example_results import NASTY, curve, history

RULES = {"minimum": 0.018, "decrease": 0.03, "steep": None, "valley": 0.0042, "slide": 0.058}


def texts(svg: str) -> list[str]:
    """Return the words in a picture, in their order."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.text]


def test_colours_become_variables_of_the_page() -> None:
    """No stand-in colour is left, so that dark mode reaches every line."""
    for svg in (finder_figure(curve(), RULES, 0.012), history_figure(history())):
        assert not [colour for colour in VARIABLES if colour in svg]
        assert {"var(--accent)", "var(--muted)"} <= set(re.findall(r"var\(--\w+\)", svg))
        assert "font-family" not in svg


def test_the_same_picture_is_the_same_bytes() -> None:
    """Another process, with other hash seeds, draws the very same text."""
    code = (
        "from tests.example_results import curve, history;"
        "from stages.page.figures import finder_figure, history_figure;"
        "import sys; sys.stdout.write(finder_figure(curve(), {'valley': 1e-3}, 1e-3));"
        "sys.stdout.write(history_figure(history()))"
    )
    drawn = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    here = finder_figure(curve(), {"valley": 1e-3}, 1e-3) + history_figure(history())
    assert drawn.decode() == here


def test_ids_do_not_clash_on_one_page() -> None:
    """Two pictures share no id, and every id that is pointed at exists."""
    both = [finder_figure(curve(), RULES, 0.012), history_figure(history())]
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in both]
    assert not ids[0] & ids[1]
    for svg, own in zip(both, ids, strict=True):
        assert set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg)[0]) - {""} <= own


@pytest.mark.parametrize("label", NASTY)
def test_labels_are_text_and_nothing_else(label: str) -> None:
    """Markup, mathematics and any script come out as they were written."""
    with rc_context(SETTINGS):
        figure = blank(300, 200)
        figure.add_subplot().set_title(label, color=ACCENT)
    svg = inline(figure, "label")
    assert label in texts(svg)
    assert "<script" not in svg


def test_the_finder_marks_every_answer_and_the_choice() -> None:
    """Rules without an answer are left out; the chosen rate is named as such."""
    words = texts(finder_figure(curve(), RULES, 0.012))
    assert "valley: 0.0042" in words
    assert "chosen: 0.012" in words
    assert not [word for word in words if "steepest" in word]
    assert "10⁻³" in words


@pytest.mark.parametrize("rows", [1, 2, 40])
def test_history_of_any_length(rows: int) -> None:
    """One epoch, and epochs that are all frozen, can be drawn."""
    table = pd.concat([history()] * 5).head(rows).assign(phase="frozen")
    assert "error rate" in texts(history_figure(table))


def test_a_sweep_that_says_nothing_can_be_drawn() -> None:
    """A flat curve and one that ends in infinity have pictures too."""
    flat = curve().assign(smoothed=2.3, loss=2.3)
    assert "learning rate" in texts(finder_figure(flat, {}, None))
    nothing = curve().assign(smoothed=np.nan, loss=np.nan)
    assert "learning rate" in texts(finder_figure(nothing, {}, 0.002))
    burst = curve()
    burst.loc[burst.index[-1], ["loss", "smoothed"]] = np.inf
    assert "learning rate" in texts(finder_figure(burst, RULES, 0.012))
