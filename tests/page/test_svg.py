"""Matplotlib's figures as part of a page."""

import re
from xml.etree import ElementTree as ET

import pytest
from matplotlib import rc_context

from stages.page.svg import ACCENT, CSS_VARIABLES, MUTED, RC_SETTINGS, inline_svg, new_figure
from stages.page.training_figures import history_figure, lr_finder_figure
from tests.example_results import STRANGE_LABELS, example_history, example_lr_curve
from tests.page.example_page import svg_texts


def example_svg(name: str, title: str = "title") -> str:
    """Return a figure with a clipped line and a title in the page's colours."""
    with rc_context(RC_SETTINGS):
        figure = new_figure(300, 200)
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED)
        axes.set_title(title, color=ACCENT)
    return inline_svg(figure, name)


@pytest.mark.parametrize(
    "svg",
    [
        lr_finder_figure(example_lr_curve(), {"valley": 0.0042}, 0.012),
        history_figure(example_history()),
    ],
)
def test_colours_become_variables_of_the_page(svg: str) -> None:
    """No stand-in colour is left, so that dark mode reaches every line; fonts are the page's."""
    assert not [colour for colour in CSS_VARIABLES if colour in svg]
    assert {"var(--accent)", "var(--muted)"} <= set(re.findall(r"var\(--\w+\)", svg))
    assert "font-family" not in svg


def test_stand_ins_differ() -> None:
    """Each of the five variables has a stand-in of its own."""
    assert len(CSS_VARIABLES) == len(set(CSS_VARIABLES.values())) == 5


def test_the_size_is_a_variable_and_the_height_follows() -> None:
    """The element scales by its view box, with its width in pixels for the stylesheet."""
    root = ET.fromstring(example_svg("size"))
    assert root.attrib["viewBox"] == "0 0 300 200"
    assert root.attrib["style"] == "--width: 300px"
    assert not {"width", "height"} & set(root.attrib)


def test_nothing_of_a_file_is_left() -> None:
    """Metadata, with its date, and a style sheet of its own are no part of a page."""
    svg = example_svg("file")
    assert svg.startswith("<svg")
    assert not re.search(r"<metadata|<style|<\?xml|<!DOCTYPE|\d{4}-\d\d-\d\d", svg)


def test_ids_are_unique_on_the_page_and_lead_somewhere() -> None:
    """Figures of other names share no id; each id that is referenced exists, and no other."""
    figures = [example_svg("first"), example_svg("second")]
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in figures]
    references = [set(re.findall(r'(?:url\(|href=")#([^")]+)', svg)) for svg in figures]
    assert ids == references
    assert all(ids)
    assert not ids[0] & ids[1]


def test_same_figure_same_bytes() -> None:
    """Drawing twice under one name gives the same text."""
    assert example_svg("again") == example_svg("again")


@pytest.mark.parametrize("label", STRANGE_LABELS)
def test_labels_are_text_and_nothing_else(label: str) -> None:
    """Markup, mathematics and any script come out as they were written."""
    svg = example_svg("label", label)
    assert label in svg_texts(svg)
    assert "<script" not in svg
