"""Figures of training: the learning rate finder's curve and answers, and the history by epoch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

from stages.page.formatting import learning_rate
from stages.page.svg import ACCENT, INK, MUTED, RC_SETTINGS, WARM, inline_svg, new_figure

CURVE_COLUMNS = ("lr", "loss", "smoothed")
HISTORY_COLUMNS = ("phase", "lr", "train_loss", "valid_loss", "error_rate")
# Rules of the finder, as lr_find names them -> the legend's words, and the style of the line.
_RULE_NAMES = {
    "minimum": "minimum / 10",
    "decrease": "last clear decrease",
    "steep": "steepest descent",
    "valley": "valley",
    "slide": "end of the slide",
}
_RULE_DASHES: Mapping[str, Any] = {
    "minimum": ":",
    "decrease": "--",
    "steep": "-.",
    "valley": (0, (6, 2)),
    "slide": "-",
}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def lr_finder_figure(
    curve: pd.DataFrame, rules: Mapping[str, float | None], chosen: float | None
) -> str:
    """Return the loss over the learning rate, each rule's answer, and the chosen learning rate.

    curve: lr, loss, smoothed. rules: rule -> learning rate; None where the rule gives no answer.
    """
    with rc_context(RC_SETTINGS):
        figure = new_figure(500, 460)
        axes = figure.add_axes((0.1, 0.26, 0.87, 0.71))
        axes.plot(curve["lr"], curve["loss"], color=MUTED, linewidth=1, alpha=0.45)
        axes.plot(curve["lr"], curve["smoothed"], color=ACCENT)
        for rule, lr in rules.items():
            if lr is not None:
                label = f"{_RULE_NAMES.get(rule, rule)}: {learning_rate(lr)}"
                style = _RULE_DASHES.get(rule, ":")
                axes.axvline(lr, color=MUTED, linewidth=1.2, linestyle=style, label=label)
        if chosen is not None:
            label = f"chosen: {learning_rate(chosen)}"
            axes.axvline(chosen, color=WARM, linewidth=2.5, label=label)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=9))
        axes.xaxis.set_major_formatter(lambda lr, _: _power_of_ten(lr))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss")
        _limit_loss(axes, curve["smoothed"])
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="lower center", fontsize=11, labelcolor=INK, ncols=2)
    return inline_svg(figure, "finder")


def _limit_loss(axes: Axes, smoothed: "pd.Series[float]") -> None:
    """Cut off the divergence at the end, which would flatten the part that matters."""
    finite = smoothed[np.isfinite(smoothed)]
    if finite.size == 0:
        return
    start = finite.iloc[0]
    lowest = finite.min()
    drop = start - lowest + 0.1
    axes.set_ylim(lowest - 0.15 * drop, start + 0.6 * drop)


def _power_of_ten(lr: float) -> str:
    """Return the nearest power of ten.

    >>> _power_of_ten(0.001)
    '10⁻³'
    """
    return "10" + f"{np.log10(lr):.0f}".translate(_SUPERSCRIPTS)


def history_figure(history: pd.DataFrame) -> str:
    """Return losses, error rate and learning rate by epoch, the frozen epochs shaded.

    history: a row an epoch with phase, lr, train_loss, valid_loss, error_rate.
    """
    epochs = range(1, len(history) + 1)
    line: dict[str, Any] = {"marker": "o", "markersize": 4}
    with rc_context(RC_SETTINGS):
        figure = new_figure(500, 460)
        losses = figure.add_axes((0.1, 0.5, 0.36, 0.44))
        losses.plot(epochs, history["train_loss"], color=MUTED, label="training", **line)
        losses.plot(epochs, history["valid_loss"], color=ACCENT, label="validation", **line)
        losses.set_title("loss", color=INK, fontsize=12, loc="left")
        # Above the axes, since a loss that stays high would run through it.
        losses.legend(
            loc="lower right",
            bbox_to_anchor=(1.04, 0.98),
            ncols=2,
            fontsize=11,
            labelcolor=INK,
            borderpad=0,
            handlelength=1.2,
            handletextpad=0.4,
            columnspacing=0.8,
        )
        errors = figure.add_axes((0.61, 0.5, 0.36, 0.44))
        errors.plot(epochs, history["error_rate"], color=WARM, **line)
        errors.set_title("error rate", color=INK, fontsize=12, loc="left")
        errors.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=None))
        rates = figure.add_axes((0.1, 0.1, 0.87, 0.24))
        rates.plot(epochs, history["lr"], color=INK, **line)
        rates.set_title(
            "learning rate of the head as the epoch ends", color=INK, fontsize=12, loc="left"
        )
        rates.yaxis.set_major_formatter(lambda lr, _: learning_rate(lr))
        frozen_epochs = int((history["phase"] == "frozen").sum())
        for axes in (losses, errors, rates):
            _set_epoch_axis(axes, frozen_epochs, len(history))
    return inline_svg(figure, "history")


def _set_epoch_axis(axes: Axes, frozen_epochs: int, epochs: int) -> None:
    axes.set_ylim(bottom=0)
    axes.set_xlim(0.5, epochs + 0.5)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if frozen_epochs:
        axes.axvspan(0.5, frozen_epochs + 0.5, color=MUTED, alpha=0.1, linewidth=0)
