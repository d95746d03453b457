"""Figures of trust: confidence against accuracy, coverage against error, error by condition."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from stages.page.svg import ACCENT, INK, MUTED, SETTINGS, WARM, blank, inline
from stages.stats.interpretation import Interpretation
from stages.stats.slices import PROPERTIES


def trust_figures(result: Interpretation) -> dict[str, str]:
    """Return the svg of each of these tables by its name."""
    return {
        "reliability": reliability_figure(result.reliability),
        "coverage": coverage_figure(result.coverage, result.metrics["sure"]),
        "conditions": conditions_figure(result.conditions),
    }


def reliability_figure(table: pd.DataFrame) -> str:
    """Return accuracy over confidence, a point a bin with its interval, beside the diagonal."""
    with rc_context(SETTINGS):
        figure = blank(420, 380)
        axes = figure.add_axes((0.14, 0.14, 0.83, 0.83))
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        _points(axes, table["confidence"], table, "accuracy", ACCENT)
        # From the lowest that is shown, but a tenth at least, so that the sure half is readable.
        low = min(0.9, float(table["confidence"].min()), float(table["accuracy_low"].min()))
        axes.set_xlim(max(0, low - 0.03), 1.02)
        axes.set_ylim(max(0, low - 0.03), 1.02)
        _percent(axes, "how sure the model was", "how often it was right")
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    return inline(figure, "reliability")


def coverage_figure(table: pd.DataFrame, sure: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the error among the surest images over their share, with its interval.

    sure: of metrics.json; thresholds that could be named are marked.
    """
    with rc_context(SETTINGS):
        figure = blank(420, 380)
        axes = figure.add_axes((0.14, 0.14, 0.83, 0.83))
        share = table["coverage"]
        axes.fill_between(
            share, table["error_low"], table["error_high"], color=ACCENT, alpha=0.15, linewidth=0
        )
        axes.plot(share, table["error_rate"], color=ACCENT)
        top = 1.6 * max(0.02, float(table["error_high"].iloc[-1]))
        for level, found in sure.items():
            if found["threshold"] is not None:
                axes.axvline(found["coverage"], color=WARM, linewidth=1.2, linestyle="--")
                text = f"{level} % right"
                axes.annotate(
                    text, (found["coverage"], top), (-5, -4), textcoords="offset points",
                    rotation=90, ha="right", va="top", color=INK, fontsize=11,
                )  # fmt: skip
        axes.set_xlim(0, 1.01)
        axes.set_ylim(0, min(1, top))
        _percent(axes, "share of images accepted, surest first", "error among them")
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    return inline(figure, "coverage")


def conditions_figure(table: pd.DataFrame) -> str:
    """Return the error rate by each property of the images, a point a bin with its interval."""
    names = list(table["property"].unique())
    with rc_context(SETTINGS):
        figure = blank(860, 260)
        top = min(1.0, 1.1 * float(table["error_high"].max()))
        for place, name in enumerate(names):
            width = 0.95 / len(names)
            axes = figure.add_axes((0.055 + place * width, 0.24, width - 0.045, 0.72))
            rows = table[table["property"] == name].reset_index(drop=True)
            _points(axes, rows.index.to_series(), rows, "error_rate", WARM)
            axes.set_xticks(range(len(rows)), [_range(row) for row in rows.to_dict("records")])
            axes.tick_params(axis="x", labelsize=9, rotation=25)
            axes.set_xlim(-0.6, len(rows) - 0.4)
            axes.set_ylim(0, top)
            _percent(axes, PROPERTIES[name], "error" if place == 0 else "")
    return inline(figure, "conditions")


def _points(
    axes: Axes, across: "pd.Series[Any]", table: pd.DataFrame, name: str, colour: str
) -> None:
    """Draw a point a row, and its interval as a whisker."""
    stem = name.removesuffix("_rate")
    value, low, high = (table[key] for key in (name, f"{stem}_low", f"{stem}_high"))
    ends = [value - low, high - value]
    axes.errorbar(across, value, ends, fmt="o", color=colour, ms=6, elinewidth=1.6)


def _percent(axes: Axes, across: str, upward: str) -> None:
    axes.set_xlabel(across)
    axes.set_ylabel(upward)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=None))


def _range(row: Mapping[Any, Any]) -> str:
    """Return the ends of a bin in few digits.

    >>> _range({"low": 0.123, "high": 0.5}), _range({"low": 160.0, "high": 160.0})
    ('0.12–0.5', '160')
    """
    low, high = (
        f"{row[end]:.2g}" if row[end] < 10 else f"{row[end]:.0f}" for end in ("low", "high")
    )
    return low if low == high else f"{low}–{high}"
