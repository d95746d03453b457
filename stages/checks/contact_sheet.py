"""Contact sheets: small pictures in rows with captions, as a PNG."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from stages.checks.captions import CaptionFont
from stages.checks.resampling_loss import ResamplingLoss

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
    """Return a PNG of one image in its validation view, then in views as training draws them.

    Training draws a new one each epoch, of which there may be fewer than are shown.
    """
    captions = ["validation view", *(f"view {number}" for number in range(1, len(images)))]
    title = f"One image as training draws it, a new view each epoch: {path} ({label})"
    return contact_sheet(images, captions, title, 6)


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
    bold = CaptionFont(14, bold=True)
    heading = bold.shorten(title, width - 2 * SHEET_MARGIN)
    bold.draw(draw, (SHEET_MARGIN, HEADING_HEIGHT / 2), heading, _HEADING_COLOUR)
    font = CaptionFont(12)
    for number, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(number, columns)
        x = SHEET_MARGIN + column * step_x
        y = HEADING_HEIGHT + row * step_y
        picture = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
        sheet.paste(picture, (x, y))
        draw.rectangle((x - 1, y - 1, x + side, y + side), outline=_OUTLINE)
        text_place = (x, y + side + CAPTION_HEIGHT / 2)
        font.draw(draw, text_place, font.shorten(caption, side), _CAPTION_COLOUR)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()
