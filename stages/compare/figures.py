"""Figures of a comparison: which mistakes became more or fewer, and confidence against accuracy."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.ticker import PercentFormatter

from stages.page.confusion_figure import RIGHT, WRONG, short
from stages.page.svg import ACCENT, INK, LINE, MUTED, SETTINGS, blank, inline
from stages.stats.reliability import Reliability

MOST = 24  # classes of the matrix: those with the most changes


def confusion_change(classes: Sequence[str], change: np.ndarray, name: str) -> str | None:
    """Return the (C, C) matrix of images more (+) or fewer (−) than before; None without change.

    Blue is for the better, red for the worse; classes without any change are left out.
    """
    turned = np.abs(change).sum(axis=0) + np.abs(change).sum(axis=1)
    busiest = np.argsort(-turned, kind="stable")[:MOST]
    places = np.sort(busiest[turned[busiest] > 0])
    if len(places) == 0:
        return None
    part = change[np.ix_(places, places)]
    labels = [short(classes[place]) for place in places]
    cell = 40 if len(labels) <= 12 else 28
    margin = 30 + 7 * max(len(label) for label in labels)
    side = cell * len(labels)
    with rc_context(SETTINGS):
        figure = blank(margin + side + 8, margin + side + 8)
        whole = margin + side + 8
        axes = figure.add_axes((margin / whole, 8 / whole, side / whole, side / whole))
        axes.imshow(_colours(part), interpolation="none", aspect="auto")
        axes.set_xticks(range(len(labels)), labels, rotation=90)
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(colors=INK, pad=5)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("predicted", labelpad=8)
        axes.set_ylabel("actual", labelpad=8)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        for place in range(len(labels) + 1):
            axes.axhline(place - 0.5, color=LINE, linewidth=0.7)
            axes.axvline(place - 0.5, color=LINE, linewidth=0.7)
        for row, column in zip(*np.nonzero(part), strict=True):
            text = f"{part[row, column]:+.3g}".replace("-", "−")
            axes.text(column, row, text, ha="center", va="center", color=INK, fontsize=11)
    return inline(figure, name)


def _colours(change: np.ndarray) -> np.ndarray:
    """Return (C, C, 4) uint8: more right answers and fewer mistakes are for the better."""
    good = np.where(np.eye(len(change), dtype=bool), change > 0, change < 0)
    shade = 0.6 * np.sqrt(np.abs(change) / np.abs(change).max())
    rgb = np.where(good[..., None], RIGHT, WRONG)
    return np.concatenate([rgb, np.rint(255 * shade)[..., None]], axis=-1).astype(np.uint8)


def reliability_change_figure(base: Reliability, other: Reliability, name: str) -> str:
    """Return accuracy over confidence, before and after; larger dots stand for more images."""
    with rc_context(SETTINGS):
        figure = blank(440, 380)
        axes = figure.add_axes((0.13, 0.25, 0.84, 0.7))
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1.5)
        for trust, colour, label in ((base, MUTED, "before"), (other, ACCENT, "after")):
            sure, right, images = trust.steps.T
            size = 16 + 240 * images / images.sum()
            axes.scatter(sure, right, size, color=colour, linewidth=0, alpha=0.75, label=label)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        axes.set_xlabel("how sure the model was")
        axes.set_ylabel("how often it was right")
        axes.set_xlim(0, 1.03)
        axes.set_ylim(0, 1.05)
        axes.legend(
            loc="lower center",
            bbox_to_anchor=(0.5, -0.36),
            labelcolor=INK,
            ncols=2,
            markerscale=0.5,
        )
    return inline(figure, name)
