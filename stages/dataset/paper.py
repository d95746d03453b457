"""A photograph of one handwritten digit on a sheet of paper.

The arithmetic on pixels is plain float32 addition, multiplication and division, which every
processor rounds alike; exp, sin and powers are not used there, so that the bytes repeat.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stages.dataset.pen import CELL, DETAIL

Plane = NDArray[np.float32]  # (height, width)
Matrix = NDArray[np.float64]  # (3, 3)
Colour = tuple[float, float, float]


class Pen(NamedTuple):
    """What writes: the light that its ink lets through, its half width in cells, its evenness."""

    colours: tuple[Colour, ...]
    half_width: tuple[float, float]
    edge: float  # how far the ink fades out, in cells
    grain: float  # 0: even; 1: paper shows through everywhere


PENS = (
    Pen(((0.10, 0.17, 0.52), (0.13, 0.27, 0.66)), (0.17, 0.30), 0.08, 0.15),  # blue ballpoint
    Pen(((0.09, 0.09, 0.11), (0.16, 0.14, 0.15)), (0.18, 0.42), 0.08, 0.10),  # black fineliner
    Pen(((0.74, 0.10, 0.13), (0.82, 0.20, 0.22)), (0.22, 0.50), 0.12, 0.10),  # red felt tip
    Pen(((0.07, 0.42, 0.24), (0.14, 0.50, 0.20)), (0.22, 0.50), 0.12, 0.10),  # green felt tip
    Pen(((0.33, 0.33, 0.35), (0.42, 0.41, 0.42)), (0.18, 0.34), 0.16, 0.55),  # pencil
)
PAPERS: tuple[Colour, ...] = (
    (0.96, 0.96, 0.95),
    (0.95, 0.93, 0.87),
    (0.97, 0.95, 0.80),
    (0.90, 0.93, 0.96),
    (0.91, 0.90, 0.88),
    (0.94, 0.89, 0.88),
)
RULINGS: tuple[Colour, ...] = ((0.62, 0.74, 0.88), (0.70, 0.70, 0.72), (0.80, 0.68, 0.74))


def photograph(distance: NDArray[np.float64], rng: np.random.Generator) -> Image.Image:
    """Return an RGB photograph of a line on paper; every draw comes from `rng`.

    distance: from pen_distance. The line's longer side is 45 to 75 % of the frame's shorter side,
    and all of it is inside the frame.
    """
    pen = PENS[rng.integers(len(PENS))]
    size = _frame(rng)
    ink = _ink(distance, pen, rng)
    box = ink.point(lambda value: 255 * (value > 8)).getbbox()
    to_sheet = _pose(size, box, rng)
    sheet = _sheet(size, to_sheet, box, rng)
    alpha = np.asarray(_lay(ink, to_sheet, size), np.float32)[..., None] / 255
    colour = np.float32(pen.colours[rng.integers(len(pen.colours))])
    scene = sheet * (1 - alpha * (1 - colour)) * _light(size, rng)[..., None] * _warmth(rng)
    blurred = _to_image(scene).filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.3)))
    return _noisy(blurred, rng)


def _frame(rng: np.random.Generator) -> tuple[int, int]:
    """Return width and height, 320 to 900 pixels, portrait as often as landscape."""
    aspect = rng.choice([1.0, 1.25, 4 / 3, 1.5, 16 / 9])
    short = int(rng.integers(320, int(900 / aspect) + 1))
    long = min(900, round(short * aspect))
    return (short, long) if rng.random() < 0.5 else (long, short)


def _ink(distance: NDArray[np.float64], pen: Pen, rng: np.random.Generator) -> Image.Image:
    """Return how much of the ink lies where, 0 to 255, with the pen's grain and pressure."""
    pressure = _cloud(distance.shape, 40, rng)
    half_width = rng.uniform(*pen.half_width) * (1 + 0.24 * (pressure - 0.5))
    alpha = _soft((half_width - distance) / pen.edge + 0.5)
    grain = 1 - pen.grain * _cloud(distance.shape, 3, rng)
    flow = 1 - 0.25 * _cloud(distance.shape, 60, rng)
    return Image.fromarray((alpha * grain * flow * 255 + 0.5).astype(np.uint8))


def _pose(
    size: tuple[int, int], box: tuple[int, int, int, int], rng: np.random.Generator
) -> Matrix:
    """Return the matrix that takes a pixel of the photograph to a pixel of the ink."""
    left, top, right, bottom = box
    angle = np.deg2rad(rng.uniform(-12, 12))
    tilt = rng.uniform(-0.12, 0.12, 2)
    scale = rng.uniform(0.45, 0.75) * min(size) / max(right - left, bottom - top)
    centred = _shift(-(left + right) / 2, -(top + bottom) / 2)
    turned = np.array(
        [
            [scale * np.cos(angle), -scale * np.sin(angle), 0],
            [scale * np.sin(angle), scale * np.cos(angle), 0],
            [0, 0, 1],
        ]
    )
    tilted = np.array([[1, 0, 0], [0, 1, 0], [*(tilt / min(size)), 1]])
    pose = tilted @ turned @ centred
    corners = pose @ np.array([[x, y, 1] for x in (left, right) for y in (top, bottom)]).T
    corners = corners[:2] / corners[2]
    margin = 0.03 * min(size)
    low = margin - corners.min(1)
    high = np.array(size) - margin - corners.max(1)
    return np.linalg.inv(_shift(*rng.uniform(low, high)) @ pose)


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])


def _lay(ink: Image.Image, to_sheet: Matrix, size: tuple[int, int]) -> Image.Image:
    """Return the ink as the camera sees it."""
    rows = (to_sheet / to_sheet[2, 2]).ravel()[:8].tolist()
    return ink.transform(
        size, Image.Transform.PERSPECTIVE, rows, resample=Image.Resampling.BICUBIC
    )


def _sheet(
    size: tuple[int, int],
    to_sheet: Matrix,
    box: tuple[int, int, int, int],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return the empty paper as the camera sees it: plain, ruled or squared; (H, W, 3) in 0..1."""
    width, height = size
    tint = np.float32(PAPERS[rng.integers(len(PAPERS))])
    fibre = 1 + 0.03 * (_cloud((height, width), 2, rng) - 0.5)
    blotch = 1 + 0.04 * (_cloud((height, width), 50, rng) - 0.5)
    paper = tint * (fibre * blotch)[..., None]
    kind = rng.choice(["plain", "ruled", "squared"])
    spacing = (box[3] - box[1]) / rng.uniform(1.2, 3.5)
    phase = rng.uniform(0, 1, 2)
    colour = np.float32(RULINGS[rng.integers(len(RULINGS))])
    thick = rng.uniform(0.7, 1.6)
    if kind == "plain":
        return paper
    x, y = _sheet_points(size, to_sheet)
    pixel = np.float32(to_sheet[0, 0])  # about how much of the sheet one pixel sees
    lines = _lines(y, spacing, phase[1], thick, pixel)
    if kind == "squared":
        lines = np.maximum(lines, _lines(x, spacing, phase[0], thick, pixel))
    return paper * (1 - lines[..., None] * (1 - colour))


def _sheet_points(size: tuple[int, int], to_sheet: Matrix) -> tuple[Plane, Plane]:
    """Return where on the sheet each pixel looks."""
    m = to_sheet.astype(np.float32)
    x = np.arange(size[0], dtype=np.float32)
    y = np.arange(size[1], dtype=np.float32)[:, None]
    depth = m[2, 0] * x + m[2, 1] * y + m[2, 2]
    return (
        (m[0, 0] * x + m[0, 1] * y + m[0, 2]) / depth,
        (m[1, 0] * x + m[1, 1] * y + m[1, 2]) / depth,
    )


def _lines(at: Plane, spacing: float, phase: float, thick: float, pixel: np.float32) -> Plane:
    """Return how much of each pixel a printed line covers; thick in pixels."""
    turns = at / np.float32(spacing) + np.float32(phase)
    away = np.abs(turns - np.floor(turns) - np.float32(0.5)) * np.float32(spacing) / pixel
    return np.clip(np.float32(thick / 2 + 0.5) - away, 0, 1) * np.float32(0.8)


def _light(size: tuple[int, int], rng: np.random.Generator) -> Plane:
    """Return uneven light: a slope, darker corners, and often somebody's soft shadow."""
    x = np.linspace(-1, 1, size[0], dtype=np.float32)
    y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    slope = rng.uniform(-0.16, 0.16, 2).astype(np.float32)
    level = np.float32(rng.uniform(0.78, 0.98))
    corners = np.float32(rng.uniform(0, 0.07))
    light = level * (1 + slope[0] * x + slope[1] * y) * (1 - corners * (x * x + y * y))
    normal = rng.uniform(-1, 1, 2)
    normal = (normal / np.hypot(*normal)).astype(np.float32)
    offset, soft, dark = rng.uniform([-0.6, 0.08, 0.12], [0.6, 0.5, 0.45]).astype(np.float32)
    if rng.random() < 0.5:
        light = light * (1 - dark * _soft((normal[0] * x + normal[1] * y - offset) / soft + 0.5))
    return light


def _warmth(rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the colour of the light, from window to bulb."""
    warm = rng.uniform(-0.06, 0.10)
    return np.float32([1 + warm / 2, 1, 1 - warm])


def _noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the image with a sensor's noise, alike in all colours and a little apart in each."""
    pixels = np.asarray(image, np.float32)
    strength = np.float32(rng.uniform(1, 5))
    grey = rng.standard_normal((*pixels.shape[:2], 1), dtype=np.float32)
    return _to_image((pixels + strength * grey) / 255)


def _cloud(shape: tuple[int, ...], grain: int, rng: np.random.Generator) -> Plane:
    """Return smooth noise in 0..1 with spots of about `grain` pixels."""
    height, width = (side // grain + 2 for side in shape)
    coarse = Image.fromarray(rng.integers(0, 256, (height, width), dtype=np.uint8))
    smooth = coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float32) / 255


def _soft(x: NDArray) -> NDArray:
    """Return a smooth step from 0 at x = 0 to 1 at x = 1."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _to_image(scene: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.clip(scene * 255 + np.float32(0.5), 0, 255).astype(np.uint8))
