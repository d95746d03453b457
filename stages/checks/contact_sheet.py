"""Sheets of small pictures with captions: a batch, or one image under several augmentations."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# DejaVu comes with matplotlib and knows many scripts, so captions look the same on any machine.
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SMALL, LARGE = 96, 160  # side of a picture on the sheet, pixels
MARGIN, GAP, CAPTION, HEADING = 20, 12, 24, 44  # pixels
PAPER, INK, MUTED, EDGE = "#ffffff", "#1f2328", "#59636e", "#d1d9e0"


def batch_sheet(images: np.ndarray, labels: Sequence[str]) -> bytes:
    """Return a PNG of a batch (B, S, S, 3) uint8 as the model sees it, with its labels."""
    side = images.shape[1]
    return contact_sheet(
        images, labels, f"The first batch as the model sees it: {side} x {side} pixels", 8
    )


def epochs_sheet(images: np.ndarray, path: str, label: str) -> bytes:
    """Return a PNG of one image as validation sees it, and then as epochs 1, 2, 3, ... do."""
    captions = ["validation view", *(f"epoch {number}" for number in range(1, len(images)))]
    return contact_sheet(images, captions, f"One image over the epochs: {path} ({label})", 6)


def presizing_sheet(
    compared: Sequence[tuple[np.ndarray, Sequence[float], Sequence[float]]],
) -> bytes:
    """Return a PNG of photos seen three ways, two photos a row, with what each way loses.

    For each photo: pictures (3, S, S, 3) uint8, supersampled, one resample, one per operation; and
    of the last two the distance from the first in dB, and the share of pixels made up.
    """
    pictures: list[np.ndarray] = []
    captions: list[str] = []
    for three, psnr, invented in compared:
        ways = zip(("once", "stepwise"), psnr, invented, strict=True)
        pictures.extend(three)
        captions += ["supersampled", *(f"{name}: {db:.0f} dB, {own:.0%}" for name, db, own in ways)]
    title = "Resampled once, or once per operation: dB from a supersampled view, pixels invented"
    return contact_sheet(np.stack(pictures), captions, title, 6, least=LARGE)


def contact_sheet(
    images: np.ndarray, captions: Sequence[str], title: str, columns: int, least: int = SMALL
) -> bytes:
    """Return a PNG of pictures in rows, each over its caption; the same input, the same bytes.

    images: (N, S, S, 3) uint8, drawn at least so many pixels wide. Captions that are too long end
    in dots.
    """
    side = int(np.clip(images.shape[1], least, LARGE))
    rows = -(-len(images) // columns)
    step_x, step_y = side + GAP, side + CAPTION + GAP
    size = (2 * MARGIN + columns * step_x - GAP, HEADING + rows * step_y + MARGIN - GAP)
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    bold = _font("DejaVuSans-Bold.ttf", 14)
    heading = _shortened(title, bold, size[0] - 2 * MARGIN)
    draw.text((MARGIN, HEADING / 2), heading, INK, bold, anchor="lm")
    font = _font("DejaVuSans.ttf", 12)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = MARGIN + number % columns * step_x, HEADING + number // columns * step_y
        picture = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
        page.paste(picture, (x, y))
        draw.rectangle((x - 1, y - 1, x + side, y + side), outline=EDGE)
        text = _shortened(caption, font, side)
        draw.text((x, y + side + CAPTION / 2), text, MUTED, font, anchor="lm")
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / name, size, layout_engine=ImageFont.Layout.BASIC)


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Return one line that fits: without line ends, and cut with dots if need be."""
    text = " ".join(text.split())[:200]
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"
