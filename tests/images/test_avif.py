"""Damage in an AVIF is refused by a decoder that checks where the data end."""

import numpy as np
import pytest
from PIL import Image

from stages.images.avif import check_avif
from stages.images.decode import Undecodable, decode
from tests.images.image_files import (
    damage_counts,
    file_of,
    grainy,
    pixels_by_pillow,
    pixels_of,
    smooth,
)


@pytest.mark.parametrize(
    ("quality", "sampling"), [(10, "4:2:0"), (60, "4:4:4"), (100, "4:2:2"), (50, "4:0:0")]
)
def test_whole_pictures_are_read(quality: int, sampling: str) -> None:
    """No quality or subsampling makes a whole AVIF look damaged: its pixels are Pillow's."""
    content = file_of(grainy(), "AVIF", quality=quality, subsampling=sampling, speed=10)
    assert np.array_equal(pixels_of(content), pixels_by_pillow(content))


def test_alpha_and_films_are_read() -> None:
    """Alpha is composited over white, and of a film the first frame is read."""
    clear = smooth(mode="RGBA")
    white = Image.new("RGBA", clear.size, "white")
    flat = np.asarray(Image.alpha_composite(white, clear).convert("RGB")).astype(int)
    content = file_of(clear, "AVIF", quality=100, subsampling="4:4:4", speed=10)
    assert abs(pixels_of(content) - flat).mean() < 3
    film = [smooth(seed=seed) for seed in range(3)]
    content = file_of(film[0], "AVIF", save_all=True, append_images=film[1:], speed=10)
    assert abs(pixels_of(content).astype(int) - np.asarray(film[0])).mean() < 8


def test_damage_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """Of 30 damaged copies none is accepted with a wrong picture, and no library prints a word."""
    refused, wrong = damage_counts(file_of(grainy(), "AVIF", quality=75), 30)
    assert refused >= 27
    assert wrong == 0
    assert capfd.readouterr().err == ""


def test_what_the_other_decoder_lacks_is_no_damage() -> None:
    """A file that libheif does not know is left to Pillow, which does not know it either."""
    content = b"\0\0\0\x18ftypabcd\0\0\0\0abcd"
    check_avif(content)  # raises where libheif finds damage
    with pytest.raises(Undecodable, match="no decoder knows it"):
        decode(content)
