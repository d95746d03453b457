"""The learning rate finder and the history of training as figures."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from stages.page.training_figures import history_figure, lr_finder_figure
from tests.example_results import example_history, example_lr_curve
from tests.page.example_page import svg_texts

RULES = {"minimum": 0.018, "decrease": 0.03, "steep": None, "valley": 0.0042, "slide": 0.058}


def test_same_content_same_bytes() -> None:
    """Another process, with other hash seeds, draws the very same text."""
    code = (
        "from tests.example_results import example_history, example_lr_curve;"
        "from stages.page.training_figures import history_figure, lr_finder_figure;"
        "import sys;"
        "sys.stdout.write(lr_finder_figure(example_lr_curve(), {'valley': 1e-3}, 1e-3));"
        "sys.stdout.write(history_figure(example_history()))"
    )
    drawn = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    finder = lr_finder_figure(example_lr_curve(), {"valley": 1e-3}, 1e-3)
    assert drawn.decode() == finder + history_figure(example_history())


def test_the_finder_marks_every_answer_and_the_choice() -> None:
    """Rules without an answer are left out; the chosen rate is named as such."""
    texts = svg_texts(lr_finder_figure(example_lr_curve(), RULES, 0.012))
    assert "valley: 0.0042" in texts
    assert "chosen: 0.012" in texts
    assert not [text for text in texts if "steepest" in text]
    assert "10⁻³" in texts


def test_a_rule_that_has_no_words_is_named_as_in_the_file() -> None:
    """An answer of a rule that the figure does not know is drawn under the rule's own name."""
    assert "bisect: 0.01" in svg_texts(lr_finder_figure(example_lr_curve(), {"bisect": 0.01}, None))


def test_the_divergence_is_cut_off() -> None:
    """A loss that grows a thousandfold at the end leaves the scale of the loss as it was."""
    curve = example_lr_curve()
    diverged = curve.copy()
    diverged.loc[diverged.index[-3:], "smoothed"] *= 1000
    ticks = [text for text in svg_texts(lr_finder_figure(curve, {}, None)) if "." in text]
    assert ticks
    assert [t for t in svg_texts(lr_finder_figure(diverged, {}, None)) if "." in t] == ticks


@pytest.mark.parametrize(
    "change",
    [
        {"smoothed": 2.3, "loss": 2.3},
        {"smoothed": np.nan, "loss": np.nan},
    ],
)
def test_a_curve_that_says_nothing_can_be_drawn(change: dict[str, float]) -> None:
    """A flat curve and one without a single finite loss have figures too."""
    figure = lr_finder_figure(example_lr_curve().assign(**change), {}, None)
    assert "learning rate" in svg_texts(figure)


def test_a_curve_that_ends_in_infinity_can_be_drawn() -> None:
    """The last loss may be infinite."""
    curve = example_lr_curve()
    curve.loc[curve.index[-1], ["loss", "smoothed"]] = np.inf
    assert "chosen: 0.012" in svg_texts(lr_finder_figure(curve, RULES, 0.012))


@pytest.mark.parametrize("rows", [1, 2, 40])
def test_history_of_any_length(rows: int) -> None:
    """One epoch, and epochs that are all frozen, can be drawn."""
    table = pd.concat([example_history()] * 5).head(rows).assign(phase="frozen")
    assert "error rate" in svg_texts(history_figure(table))


def test_frozen_epochs_are_shaded() -> None:
    """A history without frozen epochs has three shaded areas less, one for each of its axes."""
    some_frozen = history_figure(example_history())
    none_frozen = history_figure(example_history().assign(phase="unfrozen"))
    assert some_frozen.count("opacity: 0.1") - none_frozen.count("opacity: 0.1") == 3


def test_the_legend_of_the_losses_is_above_them() -> None:
    """It stands in the line of the title, where no loss can run through it."""
    drawn = history_figure(example_history())
    found = re.findall(r' y="([\d.]+)"[^>]*>(loss|training|validation)<', drawn)
    lines = {text: float(y) for y, text in found}
    assert lines["training"] == lines["validation"] == pytest.approx(lines["loss"], abs=4)
