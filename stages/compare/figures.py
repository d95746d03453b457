"""Figures of a comparison: change of the confusion matrix, and reliability before and after."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from stages.page.confusion_figure import RIGHT_COLOUR, WRONG_COLOUR, short_label
from stages.page.svg import ACCENT, INK, LINE, MUTED, RC_SETTINGS, inline_svg, new_figure
from stages.stats.calibration import ReliabilityDiagram

MATRIX_CLASSES = 24  # at most: those with the most changes
_EDGE = 8  # pixels, right of the matrix and below it


def confusion_change_figure(
    class_names: Sequence[str], change: np.ndarray, name: str
) -> str | None:
    """Return the (C, C) matrix of images more (+) or fewer (−) than before; None without change.

    Blue is for the better, red for the worse; classes without any change are left out.
    """
    shown = _most_changed(change)
    if len(shown) == 0:
        return None
    block = change[np.ix_(shown, shown)]
    labels = [short_label(class_names[number]) for number in shown]
    cell = 40 if len(labels) <= 12 else 28
    margin = 30 + 7 * max(len(label) for label in labels)
    matrix_side = cell * len(labels)
    side = margin + matrix_side + _EDGE
    with rc_context(RC_SETTINGS):
        figure = new_figure(side, side)
        axes = figure.add_axes(
            (margin / side, _EDGE / side, matrix_side / side, matrix_side / side)
        )
        axes.imshow(_colours(block), interpolation="none", aspect="auto")
        _label_axes(axes, labels)
        for row, column in zip(*np.nonzero(block), strict=True):
            text = f"{block[row, column]:+.3g}".replace("-", "−")
            axes.text(column, row, text, ha="center", va="center", color=INK, fontsize=11)
    return inline_svg(figure, name)


def reliability_change_figure(
    base: ReliabilityDiagram, other: ReliabilityDiagram, name: str
) -> str:
    """Return accuracy over confidence, before and after; larger dots stand for more images."""
    with rc_context(RC_SETTINGS):
        figure = new_figure(440, 380)
        axes = figure.add_axes((0.13, 0.25, 0.84, 0.7))
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=1.5)
        for diagram, colour, label in ((base, MUTED, "before"), (other, ACCENT, "after")):
            confidence, accuracy, images = diagram.points.T
            size = 16 + 240 * images / images.sum()
            axes.scatter(
                confidence, accuracy, size, color=colour, linewidth=0, alpha=0.75, label=label
            )
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
    return inline_svg(figure, name)


def _most_changed(change: np.ndarray) -> np.ndarray:
    """Return the numbers of the classes with the most changes, of those with any, ascending."""
    changes = np.abs(change).sum(axis=0) + np.abs(change).sum(axis=1)
    largest_first = np.argsort(-changes, kind="stable")[:MATRIX_CLASSES]
    return np.sort(largest_first[changes[largest_first] > 0])


def _label_axes(axes: Axes, labels: Sequence[str]) -> None:
    """Write the class names above and beside the matrix, and draw hairlines between its cells."""
    axes.set_xticks(range(len(labels)), labels, rotation=90)
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(colors=INK, pad=5)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("predicted", labelpad=8)
    axes.set_ylabel("actual", labelpad=8)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for number in range(len(labels) + 1):
        axes.axhline(number - 0.5, color=LINE, linewidth=0.7)
        axes.axvline(number - 0.5, color=LINE, linewidth=0.7)


def _colours(change: np.ndarray) -> np.ndarray:
    """Return (C, C, 4) uint8: more right answers and fewer mistakes are for the better."""
    better = np.where(np.eye(len(change), dtype=bool), change > 0, change < 0)
    alpha = 0.6 * np.sqrt(np.abs(change) / np.abs(change).max())
    rgb = np.where(better[..., None], RIGHT_COLOUR, WRONG_COLOUR)
    return np.concatenate([rgb, np.rint(255 * alpha)[..., None]], axis=-1).astype(np.uint8)
