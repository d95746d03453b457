"""A sheet of paper, plain, ruled or squared, sometimes with the table beside it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.sample.texture import Plane, cloud, soft_step

Scene = NDArray[np.float32]  # (3, height, width), 0 to 1
Colour = tuple[float, float, float]  # how much red, green and blue it reflects
Box = tuple[int, int, int, int]  # left, top, right, bottom

_PAPERS: tuple[Colour, ...] = (
    (0.97, 0.97, 0.97),
    (0.96, 0.96, 0.95),
    (0.95, 0.93, 0.87),
    (0.97, 0.95, 0.80),
    (0.90, 0.93, 0.97),
    (0.91, 0.90, 0.88),
    (0.95, 0.90, 0.89),
)
_RULINGS: tuple[Colour, ...] = ((0.52, 0.68, 0.88), (0.62, 0.62, 0.66), (0.78, 0.60, 0.70))
_MARGIN_LINE: Colour = (0.88, 0.42, 0.45)
_TABLES: tuple[Colour, ...] = (
    (0.45, 0.31, 0.20),
    (0.62, 0.48, 0.33),
    (0.30, 0.31, 0.33),
    (0.72, 0.71, 0.69),
    (0.24, 0.34, 0.40),
)


@dataclass(frozen=True, kw_only=True)
class View:
    """The part of a sheet that a camera shows; lengths on the sheet in pixels of the ink."""

    x: Plane  # the point on the sheet that each pixel shows
    y: Plane
    box: Box  # of the writing, which is clear of the sheet's edge

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the photograph."""
        return self.x.shape[0], self.x.shape[1]

    @property
    def scale(self) -> float:
        """Return about how long a part of the sheet one pixel shows."""
        return abs(float(self.x[0, 1] - self.x[0, 0])) + abs(float(self.y[0, 1] - self.y[0, 0]))


def paper_sheet(view: View, rng: np.random.Generator) -> Scene:
    """Return the sheet before anything is written on it."""
    even = 1 + 0.04 * (cloud(view.shape, 2, rng) + cloud(view.shape, 50, rng) - 1)
    paper = np.stack([even] * 3)
    stain(paper, 1, _pick(_PAPERS, rng))
    _rule(paper, view, rng)
    if rng.random() < 0.25:
        _lay_on_table(paper, view, rng)
    return paper


def stain(scene: Scene, cover: Plane | int, colour: Colour) -> None:
    """Tint a scene in place: fully where `cover` is 1, not at all where it is 0."""
    for plane, reflected in zip(scene, colour, strict=True):
        np.multiply(plane, 1 - cover * (1 - reflected), out=plane)


def _rule(paper: Scene, view: View, rng: np.random.Generator) -> None:
    """Print lines on the paper, or squares, or neither."""
    kind = rng.choice(["plain", "ruled", "squared"])
    height = view.box[3] - view.box[1]
    spacing = height / rng.uniform(1.2, 4.0)
    across, down, width = rng.uniform([0, 0, 0.8], [1, 1, 2.0]).tolist()
    margin = view.box[0] - rng.uniform(0.05, 0.6) * height
    colour = _pick(_RULINGS, rng)
    if kind == "plain":
        return
    lines = _line(_to_whole(view.y / spacing + down) * (spacing / view.scale), width)
    if kind == "squared":
        columns = _line(_to_whole(view.x / spacing + across) * (spacing / view.scale), width)
        stain(paper, np.maximum(lines, columns), colour)
    else:
        stain(paper, lines, colour)
        stain(paper, _line(np.abs(view.x - margin) / view.scale, width), _MARGIN_LINE)


def _lay_on_table(paper: Scene, view: View, rng: np.random.Generator) -> None:
    """Let the paper end beside the writing, with the table and the paper's shadow beyond."""
    left, top, right, bottom = view.box
    gap = rng.uniform(0.15, 0.6) * max(right - left, bottom - top)
    sides = (left - view.x, view.x - right, top - view.y, view.y - bottom)
    beyond = (sides[rng.integers(4)] - gap) / view.scale  # pixels past the edge
    grain = 0.85 + 0.15 * (cloud(view.shape, 4, rng) + cloud(view.shape, 30, rng))
    table = grain * (1 - 0.5 * soft_step(1 - beyond / rng.uniform(6, 20)))
    edge = np.clip(beyond + 0.5, 0, 1)
    for plane, reflected in zip(paper, _pick(_TABLES, rng), strict=True):
        np.add(plane, edge * (table * reflected - plane), out=plane)


def _to_whole(turns: Plane) -> Plane:
    """Return the distance to the nearest whole number."""
    distance: Plane = np.abs(turns - np.floor(turns + 0.5))
    return distance


def _line(distance: Plane, width: float) -> Plane:
    """Return how much of each pixel a line covers; distance from its middle and width in pixels."""
    cover: Plane = np.clip(0.5 + 0.5 * width - distance, 0, 1)
    return cover


def _pick(colours: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    return colours[rng.integers(len(colours))]
