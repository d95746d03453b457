"""A WebP whose decoder leaves data unread is damaged; a whole one is not."""

import numpy as np
import pytest
from PIL import Image

from stages.base.seed import derive
from stages.images.decode import Undecodable, decode
from stages.images.webp import check_webp
from tests.images.image_files import damaged_copies, file_of, grainy, smooth, visibly_wrong


@pytest.mark.parametrize("lossless", [False, True])
def test_whole_pictures_pass(lossless: bool) -> None:
    """No quality, method, size, alpha or content makes a whole WebP look damaged."""
    for number in range(24):
        draw = derive(number, "webp")
        width, height = draw.integers(16, 120, 2).tolist()
        mode = ("RGB", "RGBA", "RGB")[number % 3]
        image = (
            Image.new(mode, (width, height), "red")
            if number % 5 == 0
            else smooth(width, height, mode, number)
        )
        options = {"quality": int(draw.integers(0, 101)), "method": int(draw.integers(0, 7))}
        check_webp(file_of(image, "WEBP", lossless=lossless, **options))


def test_films_pass_and_padding_is_no_damage() -> None:
    """The first frame of a film counts, and an encoder may fill up with zeros."""
    film = [grainy(seed=seed) for seed in range(3)]
    check_webp(file_of(film[0], "WEBP", save_all=True, append_images=film[1:]))
    still = file_of(film[0], "WEBP")
    length = len(still) - 20 + 12
    chunk = b"VP8 " + length.to_bytes(4, "little") + still[20:] + bytes(12)
    check_webp(b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk)


def test_damage_in_a_lossy_picture_is_refused() -> None:
    """Of 30 damaged copies none is accepted with a wrong picture; libwebp takes most."""
    content = file_of(grainy(), "WEBP", quality=85)
    right = np.asarray(decode(content).image)
    refused = 0
    for copy in damaged_copies(content, 30):
        try:
            assert not visibly_wrong(np.asarray(decode(copy).image), right)
        except Undecodable:
            refused += 1
    assert refused >= 25


def test_most_damage_in_a_lossless_picture_is_refused() -> None:
    """Zeroed bytes are always noticed, flipped bits in a third of the copies."""
    content = file_of(grainy(), "WEBP", lossless=True)
    refused = 0
    for copy in list(damaged_copies(content, 30)):
        try:
            decode(copy)
        except Undecodable:
            refused += 1
    assert refused >= 20
