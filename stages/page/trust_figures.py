"""Figures of trust: reliability diagram, error over coverage, error by slices of the images."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from stages.page.svg import ACCENT, INK, MUTED, RC_SETTINGS, WARM, inline_svg, new_figure
from stages.stats.interpretation import Interpretation
from stages.stats.metrics_record import ThresholdRecord
from stages.stats.slices import PROPERTIES


@dataclass(frozen=True, kw_only=True)
class TrustFigures:
    """The figures of the page's section on trust, each as svg."""

    reliability: str
    coverage: str
    slices: str


def trust_figures(result: Interpretation) -> TrustFigures:
    """Return the figures of an interpretation."""
    return TrustFigures(
        reliability=reliability_figure(result.reliability),
        coverage=coverage_figure(result.coverage, result.metrics["sure"]),
        slices=slices_figure(result.slices),
    )


def reliability_figure(table: pd.DataFrame) -> str:
    """Return the reliability diagram: accuracy over confidence, a point a bin with its interval."""
    with rc_context(RC_SETTINGS):
        figure = new_figure(420, 380)
        axes = figure.add_axes((0.14, 0.14, 0.83, 0.83))
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
        _points(axes, table["confidence"], table, "accuracy", ACCENT)
        # From the lowest value, but a tenth at least, so that the confident half is readable.
        low = min(0.9, float(table["confidence"].min()), float(table["accuracy_low"].min()))
        axes.set_xlim(max(0, low - 0.03), 1.02)
        axes.set_ylim(max(0, low - 0.03), 1.02)
        _percent_axis(axes, "how sure the model was", "how often it was right")
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    return inline_svg(figure, "reliability")


def coverage_figure(table: pd.DataFrame, thresholds: Mapping[str, ThresholdRecord]) -> str:
    """Return selective prediction: the error of accepted images over coverage, with its interval.

    thresholds: by level in percent, as in details.json; each that could be found is marked.
    """
    with rc_context(RC_SETTINGS):
        figure = new_figure(420, 380)
        axes = figure.add_axes((0.14, 0.14, 0.83, 0.83))
        coverage = table["coverage"]
        axes.fill_between(
            coverage, table["error_low"], table["error_high"], color=ACCENT, alpha=0.15, linewidth=0
        )
        axes.plot(coverage, table["error_rate"], color=ACCENT)
        top = 1.6 * max(0.02, float(table["error_high"].iloc[-1]))
        for level, threshold in thresholds.items():
            if threshold["threshold"] is not None:
                axes.axvline(threshold["coverage"], color=WARM, linewidth=1.2, linestyle="--")
                axes.annotate(
                    f"{level} % right", (threshold["coverage"], top), (-5, -4),
                    textcoords="offset points", rotation=90, ha="right", va="top", color=INK,
                    fontsize=11,
                )  # fmt: skip
        axes.set_xlim(0, 1.01)
        axes.set_ylim(0, min(1, top))
        _percent_axis(axes, "share of images accepted, surest first", "error among them")
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    return inline_svg(figure, "coverage")


def slices_figure(table: pd.DataFrame) -> str:
    """Return the error rate by each property of the images, a point a bin with its interval."""
    properties = list(table["property"].unique())
    with rc_context(RC_SETTINGS):
        figure = new_figure(860, 260)
        top = min(1.0, 1.1 * float(table["error_high"].max()))
        width = 0.95 / len(properties)
        for index, name in enumerate(properties):
            axes = figure.add_axes((0.055 + index * width, 0.24, width - 0.045, 0.72))
            rows = table[table["property"] == name].reset_index(drop=True)
            _points(axes, rows.index.to_series(), rows, "error_rate", WARM)
            axes.set_xticks(range(len(rows)), [_bin_range(row) for row in rows.to_dict("records")])
            axes.tick_params(axis="x", labelsize=9, rotation=25)
            axes.set_xlim(-0.6, len(rows) - 0.4)
            axes.set_ylim(0, top)
            _percent_axis(axes, PROPERTIES[name], "error" if index == 0 else "")
    return inline_svg(figure, "conditions")


def _points(axes: Axes, x: "pd.Series[Any]", table: pd.DataFrame, column: str, colour: str) -> None:
    """Draw a point for each row, and its interval as a whisker."""
    stem = column.removesuffix("_rate")
    value = table[column]
    below = value - table[f"{stem}_low"]
    above = table[f"{stem}_high"] - value
    axes.errorbar(x, value, [below, above], fmt="o", color=colour, ms=6, elinewidth=1.6)


def _percent_axis(axes: Axes, xlabel: str, ylabel: str) -> None:
    """Label both axes, and write the ticks of the upward one in percent."""
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=None))


def _bin_range(row: Mapping[Hashable, Any]) -> str:
    """Return the ends of a bin in few digits.

    >>> _bin_range({"low": 0.123, "high": 0.5}), _bin_range({"low": 160.0, "high": 160.0})
    ('0.12–0.5', '160')
    """
    low = _few_digits(row["low"])
    high = _few_digits(row["high"])
    return low if low == high else f"{low}–{high}"


def _few_digits(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"
