"""The confusion matrix as a figure, readable at five classes and at two hundred."""

from dataclasses import dataclass

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from stages.page.svg import INK, LINE, RC_SETTINGS, inline_svg, new_figure

# Up to here every class has a labelled row; above, the whole is a map and the classes most often
# confused are a block.
MAX_LABELLED_CLASSES = 60
_BLOCK_CLASSES = 24
# Up to here the order of the class names is easily read; above, confused classes stand together.
_MAX_UNSORTED_CLASSES = 12
# Optimal leaf order takes 1 s at 250 classes and grows with the cube.
_MAX_OPTIMAL_ORDER = 250
_MAP_SIDE = 440  # pixels
_MAP_CELLS = 220  # a side at most: smaller than 2 pixels they would fade
_LABEL_LENGTH = 24  # characters
RIGHT_COLOUR = (52, 120, 150)  # RGB
WRONG_COLOUR = (205, 85, 55)


@dataclass(frozen=True, kw_only=True)
class ConfusionFigure:
    """A figure of the confusion matrix, or of a part of it."""

    caption: str
    svg: str


def confusion_figures(class_names: np.ndarray, matrix: np.ndarray) -> list[ConfusionFigure]:
    """Return the figures of a (C, C) matrix of counts: one, or a map and a block."""
    order = confusion_order(matrix)
    if len(class_names) <= MAX_LABELLED_CLASSES:
        svg = _labelled_matrix(class_names[order], matrix[np.ix_(order, order)], "confusion")
        return [ConfusionFigure(caption="Every class", svg=svg)]
    confused = most_confused_classes(matrix, _BLOCK_CLASSES)
    block = np.array([index for index in order if index in confused])
    whole = ConfusionFigure(
        caption=f"All {len(class_names)} classes, confused ones side by side",
        svg=_map(matrix[np.ix_(order, order)]),
    )
    if len(block) == 0:
        return [whole]
    svg = _labelled_matrix(
        class_names[block],
        matrix[np.ix_(block, block)],
        "block",
        totals=matrix[block].sum(axis=1),
    )
    caption = f"The {len(block)} classes most often confused"
    return [whole, ConfusionFigure(caption=caption, svg=svg)]


def confusion_order(matrix: np.ndarray) -> np.ndarray:
    """Return an order of the classes in which those taken for each other stand side by side.

    Average-linkage clustering by the rates at which two classes are confused, either way.
    """
    classes = len(matrix)
    if classes <= _MAX_UNSORTED_CLASSES:
        return np.arange(classes)
    rates = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    distance = 1 - np.minimum(rates + rates.T, 1) / 1.01
    np.fill_diagonal(distance, 0)
    optimal = classes <= _MAX_OPTIMAL_ORDER
    tree = linkage(squareform(distance), "average", optimal_ordering=optimal)
    order: np.ndarray = leaves_list(tree)
    return order


def most_confused_classes(matrix: np.ndarray, limit: int) -> set[int]:
    """Return the classes of the most frequent mistakes, whole pairs, at most `limit` classes."""
    either_way = np.triu(matrix + matrix.T, k=1)
    chosen: set[int] = set()
    for cell in np.argsort(-either_way, axis=None, kind="stable"):
        first, second = divmod(int(cell), len(matrix))
        if either_way[first, second] == 0 or len(chosen | {first, second}) > limit:
            break
        chosen |= {first, second}
    return chosen


def short_label(label: str, length: int = _LABEL_LENGTH) -> str:
    """Return a label on one line without control characters, its middle cut when too long.

    >>> short_label("german shorthaired pointer", 14)
    'german…pointer'
    """
    line = "".join(letter if letter.isprintable() else " " for letter in label)
    if len(line) <= length:
        return line
    head = (length - 1) // 2
    return f"{line[:head]}…{line[head + 1 - length :]}"


def _labelled_matrix(
    class_names: np.ndarray, matrix: np.ndarray, name: str, totals: np.ndarray | None = None
) -> str:
    """Return the matrix with a label at each row and column and a count in each cell.

    totals: (C,) images of each class, where the matrix leaves some of their predictions out.
    """
    labels = [short_label(str(label)) for label in class_names]
    count = len(labels)
    cell = _cell_side(count)
    longest = max(len(label) for label in labels)
    margin = 30 + 7 * longest
    upright = 7 * longest > cell - 4
    above = margin if upright else 52
    width = margin + cell * count + 8
    height = above + cell * count + 8
    with rc_context(RC_SETTINGS):
        figure = new_figure(width, height)
        axes = figure.add_axes(
            (margin / width, 8 / height, cell * count / width, cell * count / height)
        )
        colours = _colours(matrix, matrix.sum(axis=1) if totals is None else totals)
        axes.imshow(colours, interpolation="none", aspect="auto")
        axes.set_xticks(range(count), labels, rotation=90 if upright else 0)
        axes.set_yticks(range(count), labels)
        _set_frame(axes)
        _draw_hairlines(axes, count)
        size = 13 if cell >= 40 else 11 if cell >= 28 else 9
        _write_counts(axes, matrix, colours, size)
    return inline_svg(figure, name)


def _cell_side(classes: int) -> int:
    """Return the side of a cell in pixels."""
    if classes <= 8:
        return 48
    if classes <= 12:
        return 40
    return 28 if classes <= 25 else 20


def _map(matrix: np.ndarray) -> str:
    """Return a large matrix as a map without labels."""
    with rc_context(RC_SETTINGS):
        figure = new_figure(_MAP_SIDE + 30, _MAP_SIDE + 30)
        side = _MAP_SIDE / (_MAP_SIDE + 30)
        axes = figure.add_axes((25 / (_MAP_SIDE + 30), 5 / (_MAP_SIDE + 30), side, side))
        cells = _merge_cells(_colours(matrix, matrix.sum(axis=1)))
        axes.imshow(cells, interpolation="none", aspect="auto")
        axes.set_xticks([])
        axes.set_yticks([])
        _set_frame(axes)
        axes.spines[:].set_visible(True)
    return inline_svg(figure, "map")


def _merge_cells(colours: np.ndarray) -> np.ndarray:
    """Return at most _MAP_CELLS cells a side, each in the colour of its most frequent mistake.

    Where a merged cell has no mistake, it has the strongest colour there is. colours: (C, C, 4).
    """
    factor = -(-len(colours) // _MAP_CELLS)
    if factor == 1:
        return colours
    side = -(-len(colours) // factor)
    padding = side * factor - len(colours)
    padded = np.pad(colours, ((0, padding), (0, padding), (0, 0)))
    cells = padded.reshape(side, factor, side, factor, 4).swapaxes(1, 2).reshape(side, side, -1, 4)
    mistake = (cells[..., 0] == WRONG_COLOUR[0]) & (cells[..., 3] > 0)
    chosen = (cells[..., 3] + 256 * mistake).argmax(axis=2)
    merged: np.ndarray = np.take_along_axis(cells, chosen[:, :, None, None], axis=2)[:, :, 0]
    return merged


def _set_frame(axes: Axes) -> None:
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.set_xlabel("predicted", labelpad=8)
    axes.set_ylabel("actual", labelpad=8)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=INK, pad=5)


def _draw_hairlines(axes: Axes, count: int) -> None:
    """Draw lines between the cells, so that the eye follows its row."""
    for index in range(count + 1):
        axes.axhline(index - 0.5, color=LINE, linewidth=0.7, zorder=3)
        axes.axvline(index - 0.5, color=LINE, linewidth=0.7, zorder=3)


def _colours(matrix: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Return (C, C, 4) uint8: the shade is the share of the row's total; a zero is transparent.

    Mistakes go by the square root, so that one in fifty still shows.
    """
    share = matrix / np.maximum(totals[:, None], 1)
    diagonal = np.eye(len(matrix), dtype=bool)
    shade = np.where(diagonal, 0.9 * share, 0.1 + 0.85 * np.sqrt(share))
    alpha = np.where(matrix > 0, shade, 0)
    rgb = np.where(diagonal[..., None], RIGHT_COLOUR, WRONG_COLOUR)
    return np.concatenate([rgb, np.rint(255 * alpha)[..., None]], axis=-1).astype(np.uint8)


def _write_counts(axes: Axes, matrix: np.ndarray, colours: np.ndarray, size: int) -> None:
    for row, column in zip(*np.nonzero(matrix), strict=True):
        dark = colours[row, column, 3] > 150
        colour = "white" if dark else INK
        count = str(matrix[row, column])
        axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=size)
