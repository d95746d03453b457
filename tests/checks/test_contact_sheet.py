"""Sheets show every picture at its place with its caption, and repeat to the byte."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.checks.contact_sheet import (
    CAPTION_HEIGHT,
    GAP,
    HEADING_HEIGHT,
    MAX_PICTURE_SIDE,
    MIN_PICTURE_SIDE,
    SHEET_MARGIN,
    batch_sheet,
    contact_sheet,
    epochs_sheet,
    presizing_sheet,
)
from stages.checks.resampling_loss import MethodLoss, ResamplingLoss


def flat(count: int, side: int = 96) -> np.ndarray:
    """Return pictures of one colour each, all different."""
    colours = np.random.default_rng(3).permutation(256)[:count].astype(np.uint8)
    channels = np.stack([colours, 255 - colours, colours // 2], axis=-1)
    return np.broadcast_to(channels[:, None, None], (count, side, side, 3)).copy()


def opened(png: bytes) -> np.ndarray:
    """Return the pixels of a PNG."""
    return np.asarray(Image.open(io.BytesIO(png)))


def place(pixels: np.ndarray, number: int, columns: int, side: int) -> np.ndarray:
    """Return the pixels where a picture belongs."""
    x = SHEET_MARGIN + number % columns * (side + GAP)
    y = HEADING_HEIGHT + number // columns * (side + CAPTION_HEIGHT + GAP)
    return pixels[y : y + side, x : x + side]


@pytest.mark.parametrize(("count", "columns"), [(1, 8), (8, 8), (9, 8), (11, 6)])
def test_pictures_stand_in_rows(count: int, columns: int) -> None:
    """Every picture stands at its place, row by row, without a change."""
    images = flat(count)
    pixels = opened(contact_sheet(images, ["x"] * count, "title", columns))
    for number, image in enumerate(images):
        assert np.array_equal(place(pixels, number, columns, 96), image)


@pytest.mark.parametrize(
    ("side", "shown"), [(32, MIN_PICTURE_SIDE), (128, 128), (384, MAX_PICTURE_SIDE)]
)
def test_sizes_are_bounded(side: int, shown: int) -> None:
    """Small pictures are enlarged and large ones reduced, so that a sheet stays readable."""
    pixels = opened(contact_sheet(flat(3, side), ["a", "b", "c"], "title", 8))
    assert pixels.shape[:2] == (
        HEADING_HEIGHT + shown + CAPTION_HEIGHT + SHEET_MARGIN,
        2 * SHEET_MARGIN + 8 * shown + 7 * GAP,
    )
    assert np.array_equal(place(pixels, 1, 8, shown)[5, 5], flat(3)[1, 0, 0])


def test_captions_are_drawn_below_their_picture() -> None:
    """A caption leaves ink below its own picture and nowhere else."""
    images = flat(3)
    empty = opened(contact_sheet(images, ["", "", ""], "title", 8)).astype(int)
    pixels = opened(contact_sheet(images, ["", "eight", ""], "title", 8)).astype(int)
    rows, columns = np.nonzero(np.abs(pixels - empty).sum(axis=2))
    assert len(rows) > 50
    assert rows.min() >= HEADING_HEIGHT + 96
    assert rows.max() < HEADING_HEIGHT + 96 + CAPTION_HEIGHT
    assert columns.min() >= SHEET_MARGIN + 96 + GAP
    assert columns.max() < SHEET_MARGIN + 2 * 96 + GAP


@pytest.mark.parametrize("caption", ["a very long name of a very rare bird " * 9, "W" * 500])
def test_long_captions_end_within_their_column(caption: str) -> None:
    """A caption that is too long is cut, so it never runs under the next picture."""
    images = flat(2)
    empty = opened(contact_sheet(images, ["", ""], "title", 2)).astype(int)
    pixels = opened(contact_sheet(images, [caption, ""], "title", 2)).astype(int)
    columns = np.nonzero(np.abs(pixels - empty).sum(axis=(0, 2)))[0]
    assert 80 < np.ptp(columns) <= 96


@pytest.mark.parametrize("text", ["", "$x^2$", "a\nb\tc", "Ελληνικά", "猫", "<b>", "\\frac", "%s"])
def test_any_text_is_a_caption(text: str) -> None:
    """No text, however odd, changes the size of the sheet or fails."""
    plain = opened(contact_sheet(flat(1), ["x"], "title", 4))
    assert opened(contact_sheet(flat(1), [text], text, 4)).shape == plain.shape


def test_the_same_input_gives_the_same_bytes() -> None:
    """Sheets repeat to the byte and carry no text about time or program."""
    images = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    png = batch_sheet(images, list("abcdef"))
    assert png == batch_sheet(images, list("abcdef"))
    assert Image.open(io.BytesIO(png)).info == {}


def test_the_batch_shows_all_images_in_eight_columns() -> None:
    """A batch of 32 is a sheet of eight by four."""
    pixels = opened(batch_sheet(flat(32), ["label"] * 32))
    assert pixels.shape[1] == 2 * SHEET_MARGIN + 8 * 96 + 7 * GAP
    assert np.array_equal(place(pixels, 31, 8, 96), flat(32)[31])


def test_epochs_start_with_validation() -> None:
    """The sheet of one image takes any number of epochs after the view of validation."""
    pixels = opened(epochs_sheet(flat(12), "a/b.jpg", "three"))
    assert np.array_equal(place(pixels, 0, 6, 96), flat(12)[0])
    assert np.array_equal(place(pixels, 11, 6, 96), flat(12)[11])


def test_the_presizing_sheet_has_room_for_its_captions() -> None:
    """Small pictures are drawn large, two photos of three ways in a row."""
    loss = ResamplingLoss(
        pictures=np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8),
        one_resample=MethodLoss(psnr=41.2, invented=0.0),
        one_per_operation=MethodLoss(psnr=33.9, invented=0.12),
    )
    sheet = Image.open(io.BytesIO(presizing_sheet([loss] * 3)))
    assert sheet.width > 6 * MAX_PICTURE_SIDE
    assert sheet.height > 2 * MAX_PICTURE_SIDE
    assert presizing_sheet([loss] * 3) == presizing_sheet([loss] * 3)


def test_the_presizing_sheet_shows_the_loss_of_each_method() -> None:
    """Each photo's three pictures carry captions with the numbers of its own losses."""
    images = flat(6, MAX_PICTURE_SIDE)
    losses = [
        ResamplingLoss(
            pictures=images[first : first + 3],
            one_resample=MethodLoss(psnr=psnr, invented=0.0),
            one_per_operation=MethodLoss(psnr=30.4, invented=0.25),
        )
        for first, psnr in ((0, 41.2), (3, 99.0))
    ]
    captions = ["supersampled", "once: 41 dB, 0%", "stepwise: 30 dB, 25%"]
    captions += ["supersampled", "once: 99 dB, 0%", "stepwise: 30 dB, 25%"]
    title = "Resampled once, or once per operation: dB from a supersampled view, pixels invented"
    expected = contact_sheet(images, captions, title, 6, min_side=MAX_PICTURE_SIDE)
    assert presizing_sheet(losses) == expected
