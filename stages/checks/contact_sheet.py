"""Contact sheets: small pictures in rows with captions, as a PNG."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stages.checks.resampling_loss import ResamplingLoss

# DejaVu comes with matplotlib and knows many scripts, so captions look the same on any machine.
_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
# In pixels: the side of a picture on the sheet, and the space around pictures.
MIN_PICTURE_SIDE = 96
MAX_PICTURE_SIDE = 160
SHEET_MARGIN = 20
GAP = 12
CAPTION_HEIGHT = 24
HEADING_HEIGHT = 44
_BACKGROUND = "#ffffff"
_HEADING_COLOUR = "#1f2328"
_CAPTION_COLOUR = "#59636e"
_OUTLINE = "#d1d9e0"


def batch_sheet(images: np.ndarray, labels: Sequence[str]) -> bytes:
    """Return a PNG of a batch (B, S, S, 3) uint8 as the model sees it, with its labels."""
    side = images.shape[1]
    return contact_sheet(
        images, labels, f"The first batch as the model sees it: {side} x {side} pixels", 8
    )


def epochs_sheet(images: np.ndarray, path: str, label: str) -> bytes:
    """Return a PNG of one image in its validation view, then in its views of epochs 1, 2, ..."""
    captions = ["validation view", *(f"epoch {number}" for number in range(1, len(images)))]
    return contact_sheet(images, captions, f"One image over the epochs: {path} ({label})", 6)


def presizing_sheet(losses: Sequence[ResamplingLoss]) -> bytes:
    """Return a PNG of photos rendered in three ways, two photos a row, with each way's loss."""
    captions = []
    for loss in losses:
        once = loss.one_resample
        stepwise = loss.one_per_operation
        captions += [
            "supersampled",
            f"once: {once.psnr:.0f} dB, {once.invented:.0%}",
            f"stepwise: {stepwise.psnr:.0f} dB, {stepwise.invented:.0%}",
        ]
    pictures = np.concatenate([loss.pictures for loss in losses])
    title = "Resampled once, or once per operation: dB from a supersampled view, pixels invented"
    return contact_sheet(pictures, captions, title, 6, min_side=MAX_PICTURE_SIDE)


def contact_sheet(
    images: np.ndarray,
    captions: Sequence[str],
    title: str,
    columns: int,
    min_side: int = MIN_PICTURE_SIDE,
) -> bytes:
    """Return a PNG of pictures in rows, each over its caption; the same input, the same bytes.

    images: (N, S, S, 3) uint8, drawn at least min_side and at most MAX_PICTURE_SIDE pixels wide.
    Captions that are too long end in dots.
    """
    side = int(np.clip(images.shape[1], min_side, MAX_PICTURE_SIDE))
    rows = -(-len(images) // columns)
    step_x = side + GAP
    step_y = side + CAPTION_HEIGHT + GAP
    width = 2 * SHEET_MARGIN + columns * step_x - GAP
    height = HEADING_HEIGHT + rows * step_y + SHEET_MARGIN - GAP
    sheet = Image.new("RGB", (width, height), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    bold = _font("DejaVuSans-Bold.ttf", 14)
    heading = _shorten(title, bold, width - 2 * SHEET_MARGIN)
    draw.text((SHEET_MARGIN, HEADING_HEIGHT / 2), heading, _HEADING_COLOUR, bold, anchor="lm")
    font = _font("DejaVuSans.ttf", 12)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(number, columns)
        x = SHEET_MARGIN + column * step_x
        y = HEADING_HEIGHT + row * step_y
        picture = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
        sheet.paste(picture, (x, y))
        draw.rectangle((x - 1, y - 1, x + side, y + side), outline=_OUTLINE)
        text = _shorten(caption, font, side)
        text_place = (x, y + side + CAPTION_HEIGHT / 2)
        draw.text(text_place, text, _CAPTION_COLOUR, font, anchor="lm")
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_FONTS / name, size, layout_engine=ImageFont.Layout.BASIC)


def _shorten(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Return one line that fits: without line ends, and cut with dots if need be."""
    text = " ".join(text.split())[:200]
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"
