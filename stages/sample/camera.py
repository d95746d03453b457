"""A photograph of a line of ink on a sheet of paper: frame, pose, light, blur and noise."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stages.sample.paper import Box, View, paper_sheet, stain
from stages.sample.pen import PENS, inked
from stages.sample.texture import Plane, soft_step

Matrix = NDArray[np.floating]  # (3, 3), moves points of a plane
Size = tuple[int, int]  # width, height


def photograph(distance: Plane, rng: np.random.Generator) -> Image.Image:
    """Return an RGB photograph of a written line; every draw comes from `rng`.

    distance: see line_distance. The line's longer side is 45 to 75 % of the frame's shorter side,
    and all of the line lies in the square at the frame's middle.
    """
    pen = PENS[rng.integers(len(PENS))]
    colour = pen.colours[rng.integers(len(pen.colours))]
    ink = inked(distance, pen, rng)
    box = ink_box(ink)
    size = frame_size(rng)
    to_sheet = np.linalg.inv(pose(size, box, rng))
    scene = paper_sheet(_view(size, to_sheet, box), rng)
    stain(scene, ink_coverage(ink, to_sheet, size), colour)
    scene *= _light(size, rng)
    warm = rng.uniform(-0.05, 0.08)  # from a window's light to a lamp's
    stain(scene, 1, (1 + warm / 2, 1, 1 - warm))
    sharp = _image(scene.transpose(1, 2, 0) * 255)
    return _noisy(sharp.filter(ImageFilter.BoxBlur(rng.uniform(0.2, 1.2))), rng)


def ink_box(ink: Image.Image) -> Box:
    """Return the smallest box around all of the ink that is visible."""
    box = ink.point([0] * 16 + [255] * 240).getbbox()
    if box is None:
        raise ValueError("the drawing is empty")
    return box


def frame_size(rng: np.random.Generator) -> Size:
    """Return a size whose sides are 320 to 900 pixels, portrait as often as landscape."""
    aspect = rng.choice([1, 5 / 4, 4 / 3, 3 / 2, 16 / 9])
    widest = min(900 / aspect, 640)
    short = round(320 + (widest - 320) * rng.random() ** 2)  # small ones are quicker to draw
    long = round(short * aspect)
    return (short, long) if rng.random() < 0.5 else (long, short)


def pose(size: Size, box: Box, rng: np.random.Generator) -> Matrix:
    """Return the matrix from the sheet to the photograph: turned, tilted, and well in the frame."""
    left, top, right, bottom = box
    angle = np.deg2rad(rng.uniform(-12, 12))
    tilt = rng.uniform(-0.12, 0.12, 2) / min(size)
    scale = rng.uniform(0.45, 0.75) * min(size) / max(right - left, bottom - top)
    cos = scale * np.cos(angle)
    sin = scale * np.sin(angle)
    turned = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    tilted = np.array([[1, 0, 0], [0, 1, 0], [*tilt, 1]])
    centred = tilted @ turned @ _shift(-(left + right) / 2, -(top + bottom) / 2)
    corners = centred @ np.array([[x, y, 1] for x in (left, right) for y in (top, bottom)]).T
    corners = corners[:2] / corners[2]
    # People put what they photograph near the middle, and validation sees the middle square.
    room = 0.47 * min(size)
    place = rng.uniform(-room - corners.min(1), room - corners.max(1))
    posed: Matrix = _shift(*(np.array(size) / 2 + place)) @ centred
    return posed


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])


def _view(size: Size, to_sheet: Matrix, box: Box) -> View:
    """Return the point on the sheet that each pixel shows."""
    m = to_sheet.tolist()
    x = np.arange(size[0], dtype=np.float32)
    y = np.arange(size[1], dtype=np.float32)[:, None]
    depth = m[2][0] * x + m[2][1] * y + m[2][2]
    left_right = (m[0][0] * x + m[0][1] * y + m[0][2]) / depth
    up_down = (m[1][0] * x + m[1][1] * y + m[1][2]) / depth
    return View(x=left_right, y=up_down, box=box)


def ink_coverage(ink: Image.Image, to_sheet: Matrix, size: Size) -> Plane:
    """Return how much of each pixel is covered by ink, 0 to 1."""
    rows = (to_sheet / to_sheet[2, 2]).ravel()[:8].tolist()
    cover = ink.transform(size, Image.Transform.PERSPECTIVE, rows, Image.Resampling.BILINEAR)
    return np.asarray(cover, np.float32) / np.float32(255)


def _light(size: Size, rng: np.random.Generator) -> Plane:
    """Return uneven light: a slope, darker corners, and in every other photograph a soft shadow."""
    x = np.linspace(-1, 1, size[0], dtype=np.float32)
    y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    level, right, down = rng.uniform([0.80, -0.16, -0.16], [1.02, 0.16, 0.16]).tolist()
    corners = rng.uniform(0, 0.08)
    light: Plane = level * (1 + right * x + down * y) * (1 - corners * (x * x + y * y))
    across, offset, width, dark = rng.uniform([-1, -0.7, 0.15, 0.1], [1, 0.7, 0.9, 0.4]).tolist()
    direction = float(rng.choice([-1, 1]))
    if rng.random() < 0.5:
        past = direction * (across * x + (1 - abs(across)) * y) - offset  # the shadow's middle
        light *= 1 - dark * soft_step(past / width + 0.5)
    return light


def _noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the image with a sensor's noise, of 1 to 5 grey levels."""
    pixels = np.asarray(image, np.float32)
    noise = rng.standard_normal(pixels.shape[:2], dtype=np.float32)
    noise *= rng.uniform(1, 5)
    return _image(pixels + np.repeat(noise, 3).reshape(pixels.shape))


def _image(pixels: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.clip(pixels + 0.5, 0, 255).astype(np.uint8))
