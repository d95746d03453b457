"""A WebP whose decoder leaves data unread is damaged; a whole one is not."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.base.seed import derive
from tests.images.image_files import (
    damage_counts,
    file_of,
    grainy,
    pixels_by_pillow,
    pixels_of,
    smooth,
)


@pytest.mark.parametrize("lossless", [False, True])
def test_whole_pictures_are_read(lossless: bool) -> None:
    """Whatever quality, method, size and content, a whole WebP gives the pixels of Pillow."""
    for number in range(24):
        draw = derive(number, "webp")
        width, height = draw.integers(16, 120, 2).tolist()
        plain = Image.new("RGB", (width, height), "red")
        image = smooth(width, height, "RGB", number) if number % 5 else plain
        options = {"quality": int(draw.integers(0, 101)), "method": int(draw.integers(0, 7))}
        content = file_of(image, "WEBP", lossless=lossless, **options)
        assert np.array_equal(pixels_of(content), pixels_by_pillow(content))


@pytest.mark.parametrize("lossless", [False, True])
def test_alpha_is_composited_over_white(lossless: bool) -> None:
    """A WebP with alpha is whole too, and shows white where it is clear."""
    for number in range(8):
        clear = smooth(40, 30, "RGBA", number)
        content = file_of(clear, "WEBP", lossless=lossless, quality=100, exact=True)
        saved = Image.open(io.BytesIO(content)).convert("RGBA")
        white = Image.new("RGBA", saved.size, "white")
        right = np.asarray(Image.alpha_composite(white, saved).convert("RGB"))
        assert np.array_equal(pixels_of(content), right)


def test_films_are_read_and_padding_is_no_damage() -> None:
    """The first frame of a film counts, and an encoder may fill up with zeros."""
    frames = [grainy(seed=seed) for seed in range(3)]
    film = file_of(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    assert np.array_equal(pixels_of(film), pixels_by_pillow(film))
    still = file_of(frames[0], "WEBP")
    length = len(still) - 20 + 12
    chunk = b"VP8 " + length.to_bytes(4, "little") + still[20:] + bytes(12)
    padded = b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk
    assert np.array_equal(pixels_of(padded), pixels_of(still))


def test_damage_in_a_lossy_picture_is_refused() -> None:
    """Of 30 damaged copies none is accepted with a wrong picture; libwebp takes most."""
    refused, wrong = damage_counts(file_of(grainy(), "WEBP", quality=85), 30)
    assert refused >= 25
    assert wrong == 0


def test_most_damage_in_a_lossless_picture_is_refused() -> None:
    """Zeroed bytes are always noticed, flipped bits in a third of the copies."""
    refused, _ = damage_counts(file_of(grainy(), "WEBP", lossless=True), 30)
    assert refused >= 20
