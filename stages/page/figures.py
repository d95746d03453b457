"""The curves of the page: the learning-rate finder's answers and the history of training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from stages.page.svg import ACCENT, INK, MUTED, SETTINGS, WARM, blank, inline
from stages.page.words import rate_text

RULES = {
    "minimum": "minimum / 10",
    "decrease": "last clear decrease",
    "steep": "steepest descent",
    "valley": "valley",
    "slide": "end of the slide",
}
DASHES = {"minimum": ":", "decrease": "--", "steep": "-.", "valley": (0, (6, 2)), "slide": "-"}


def finder_figure(
    curve: pd.DataFrame, rules: Mapping[str, float | None], chosen: float | None
) -> str:
    """Return the loss over the learning rate, every rule's answer, and the chosen rate."""
    with rc_context(SETTINGS):
        figure = blank(500, 460)
        axes = figure.add_axes((0.1, 0.26, 0.87, 0.71))
        axes.plot(curve["lr"], curve["loss"], color=MUTED, linewidth=1, alpha=0.45)
        axes.plot(curve["lr"], curve["smoothed"], color=ACCENT)
        for name, answer in rules.items():
            if answer is not None:
                text = f"{RULES.get(name, name)}: {rate_text(answer)}"
                axes.axvline(
                    answer, color=MUTED, linewidth=1.2, linestyle=DASHES.get(name, ":"), label=text
                )
        if chosen is not None:
            axes.axvline(chosen, color=WARM, linewidth=2.5, label=f"chosen: {rate_text(chosen)}")
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=9))
        axes.xaxis.set_major_formatter(lambda lr, _: _power(lr))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        if (said := curve["smoothed"][np.isfinite(curve["smoothed"])]).size:
            # The blow-up at the end would flatten the part that matters.
            start, lowest = said.iloc[0], said.min()
            drop = start - lowest + 0.1
            axes.set_ylim(lowest - 0.15 * drop, start + 0.6 * drop)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="lower center", fontsize=11, labelcolor=INK, ncols=2)
    return inline(figure, "finder")


def _power(lr: float) -> str:
    exponent = f"{np.log10(lr):.0f}"
    return "10" + exponent.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def history_figure(history: pd.DataFrame) -> str:
    """Return losses, error rate and learning rate by epoch, the frozen phase shaded."""
    epochs = range(1, len(history) + 1)
    line: dict[str, Any] = {"marker": "o", "markersize": 4}
    with rc_context(SETTINGS):
        figure = blank(500, 460)
        losses = figure.add_axes((0.1, 0.5, 0.36, 0.44))
        losses.plot(epochs, history["train_loss"], color=MUTED, label="training", **line)
        losses.plot(epochs, history["valid_loss"], color=ACCENT, label="validation", **line)
        losses.set_title("loss", color=INK, fontsize=12, loc="left")
        losses.legend(loc="upper right", fontsize=11, labelcolor=INK)
        errors = figure.add_axes((0.61, 0.5, 0.36, 0.44))
        errors.plot(epochs, history["error_rate"], color=WARM, **line)
        errors.set_title("error rate", color=INK, fontsize=12, loc="left")
        errors.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=None))
        rates = figure.add_axes((0.1, 0.1, 0.87, 0.24))
        rates.plot(epochs, history["lr"], color=INK, **line)
        rates.set_title(
            "learning rate of the head as the epoch ends", color=INK, fontsize=12, loc="left"
        )
        rates.yaxis.set_major_formatter(lambda lr, _: rate_text(lr))
        frozen = int((history["phase"] == "frozen").sum())
        for axes in (losses, errors, rates):
            _by_epoch(axes, frozen, len(history))
    return inline(figure, "history")


def _by_epoch(axes: Axes, frozen: int, epochs: int) -> None:
    axes.set_ylim(bottom=0)
    axes.set_xlim(0.5, epochs + 0.5)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if frozen:
        axes.axvspan(0.5, frozen + 0.5, color=MUTED, alpha=0.1, linewidth=0)
