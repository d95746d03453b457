"""The confusion matrix as a picture, readable at five classes and at two hundred."""

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from stages.page.svg import INK, LINE, SETTINGS, blank, inline

# Up to here every class has a labelled row; above, the whole is a map and its worst part a block.
LABELLED = 60
BLOCK = 24
# Up to here the order of the vocabulary is easily read; above, confused classes stand together.
FAMILIAR = 12
# Optimal leaf order takes 1 s at 250 classes and grows with the cube.
ORDERED = 250
MAP = 440  # pixels, side of the map of a large matrix
TILES = 220  # cells of the map at most, a side: smaller than 2 pixels they would fade
LONGEST = 24  # characters of a label
RIGHT, WRONG = (52, 120, 150), (205, 85, 55)


def confusion_figures(class_names: np.ndarray, matrix: np.ndarray) -> list[tuple[str, str]]:
    """Return (caption, svg) of a (C, C) matrix of counts: one figure, or a map and a block."""
    order = confusion_order(matrix)
    if len(class_names) <= LABELLED:
        return [
            ("Every class", _grid(class_names[order], matrix[np.ix_(order, order)], "confusion"))
        ]
    worst = worst_classes(matrix, BLOCK)
    block = np.array([place for place in order if place in worst])
    whole = _map(matrix[np.ix_(order, order)])
    figures = [(f"All {len(class_names)} classes, confused ones side by side", whole)]
    if len(block):
        grid = _grid(
            class_names[block], matrix[np.ix_(block, block)], "block", matrix[block].sum(axis=1)
        )
        figures.append((f"The {len(block)} classes most often confused", grid))
    return figures


def confusion_order(matrix: np.ndarray) -> np.ndarray:
    """Return an order of the classes in which those taken for each other stand side by side."""
    classes = len(matrix)
    if classes <= FAMILIAR:
        return np.arange(classes)
    rates = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    distance = 1 - np.minimum(rates + rates.T, 1) / 1.01
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance), "average", optimal_ordering=classes <= ORDERED)
    return leaves_list(tree)


def worst_classes(matrix: np.ndarray, most: int) -> set[int]:
    """Return the classes of the most frequent mistakes, whole pairs, at most so many classes."""
    both = np.triu(matrix + matrix.T, k=1)
    chosen: set[int] = set()
    for place in np.argsort(-both, axis=None, kind="stable"):
        one, other = divmod(int(place), len(matrix))
        if both[one, other] == 0 or len(chosen | {one, other}) > most:
            break
        chosen |= {one, other}
    return chosen


def short(label: str, longest: int = LONGEST) -> str:
    """Return a label on one line without control characters, its middle cut when too long.

    >>> short("german shorthaired pointer", 14)
    'german…pointer'
    """
    line = "".join(letter if letter.isprintable() else " " for letter in label)
    if len(line) <= longest:
        return line
    head = (longest - 1) // 2
    return f"{line[:head]}…{line[head + 1 - longest :]}"


def _grid(
    class_names: np.ndarray, matrix: np.ndarray, name: str, of: np.ndarray | None = None
) -> str:
    """Return the matrix with a labelled row and column a class and a count in each cell."""
    labels = [short(str(label)) for label in class_names]
    count = len(labels)
    cell = 48 if count <= 8 else 40 if count <= 12 else 28 if count <= 25 else 20
    longest = max(len(label) for label in labels)
    margin = 30 + 7 * longest
    upright = 7 * longest > cell - 4
    above = margin if upright else 52
    width, height = margin + cell * count + 8, above + cell * count + 8
    with rc_context(SETTINGS):
        figure = blank(width, height)
        rest = (margin / width, 8 / height, cell * count / width, cell * count / height)
        axes = figure.add_axes(rest)
        colours = _colours(matrix, matrix.sum(axis=1) if of is None else of)
        axes.imshow(colours, interpolation="none", aspect="auto")
        axes.set_xticks(range(count), labels, rotation=90 if upright else 0)
        axes.set_yticks(range(count), labels)
        _frame(axes)
        _rule(axes, count)
        _write_counts(axes, matrix, colours, size=13 if cell >= 40 else 11 if cell >= 28 else 9)
    return inline(figure, name)


def _map(matrix: np.ndarray) -> str:
    """Return a large matrix as a map without labels."""
    with rc_context(SETTINGS):
        figure = blank(MAP + 30, MAP + 30)
        side = MAP / (MAP + 30)
        axes = figure.add_axes((25 / (MAP + 30), 5 / (MAP + 30), side, side))
        tiles = _tiles(_colours(matrix, matrix.sum(axis=1)))
        axes.imshow(tiles, interpolation="none", aspect="auto")
        axes.set_xticks([])
        axes.set_yticks([])
        _frame(axes)
        axes.spines[:].set_visible(True)
    return inline(figure, "map")


def _tiles(colours: np.ndarray) -> np.ndarray:
    """Return a map of at most TILES a side, each in the colour of its worst mistake, if any."""
    many = -(-len(colours) // TILES)
    if many == 1:
        return colours
    side = -(-len(colours) // many)
    room = side * many - len(colours)
    padded = np.pad(colours, ((0, room), (0, room), (0, 0)))
    cells = padded.reshape(side, many, side, many, 4).swapaxes(1, 2).reshape(side, side, -1, 4)
    mistake = (cells[..., 0] == WRONG[0]) & (cells[..., 3] > 0)
    chosen = (cells[..., 3] + 256 * mistake).argmax(axis=2)
    return np.take_along_axis(cells, chosen[:, :, None, None], axis=2)[:, :, 0]


def _frame(axes: Axes) -> None:
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.set_xlabel("predicted", labelpad=8)
    axes.set_ylabel("actual", labelpad=8)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(colors=INK, pad=5)


def _rule(axes: Axes, count: int) -> None:
    """Draw hairlines between the cells, so that the eye keeps its row."""
    for place in range(count + 1):
        axes.axhline(place - 0.5, color=LINE, linewidth=0.7, zorder=3)
        axes.axvline(place - 0.5, color=LINE, linewidth=0.7, zorder=3)


def _colours(matrix: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Return (C, C, 4) uint8: the shade is the share of the row; nothing is transparent.

    Mistakes go by the square root, so that one in fifty still shows.
    """
    share = matrix / np.maximum(of[:, None], 1)
    right = np.eye(len(matrix), dtype=bool)
    shade = np.where(right, 0.9 * share, 0.1 + 0.85 * np.sqrt(share))
    alpha = np.where(matrix > 0, shade, 0)
    rgb = np.where(right[..., None], RIGHT, WRONG)
    return np.concatenate([rgb, np.rint(255 * alpha)[..., None]], axis=-1).astype(np.uint8)


def _write_counts(axes: Axes, matrix: np.ndarray, colours: np.ndarray, size: int) -> None:
    for row, column in zip(*np.nonzero(matrix), strict=True):
        strong = colours[row, column, 3] > 150
        colour = "white" if strong else INK
        count = str(matrix[row, column])
        axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=size)
