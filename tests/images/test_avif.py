"""Damage in an AVIF is refused by a decoder that checks where the data end."""

import numpy as np
import pytest

from stages.images.avif import check_avif
from stages.images.decode import Undecodable, decode
from tests.images.image_files import damaged_copies, file_of, grainy, smooth, visibly_wrong


def test_whole_pictures_pass() -> None:
    """No quality, subsampling, alpha or film makes a whole AVIF look damaged."""
    for quality, sampling in ((10, "4:2:0"), (60, "4:4:4"), (100, "4:2:2"), (50, "4:0:0")):
        check_avif(file_of(grainy(), "AVIF", quality=quality, subsampling=sampling, speed=10))
    check_avif(file_of(smooth(mode="RGBA"), "AVIF", speed=10))
    film = [smooth(seed=seed) for seed in range(3)]
    check_avif(file_of(film[0], "AVIF", save_all=True, append_images=film[1:], speed=10))


def test_damage_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """Of 30 damaged copies none is accepted with a wrong picture, and no library prints a word."""
    content = file_of(grainy(), "AVIF", quality=75)
    right = np.asarray(decode(content).image)
    refused = 0
    for copy in damaged_copies(content, 30):
        try:
            assert not visibly_wrong(np.asarray(decode(copy).image), right)
        except Undecodable:
            refused += 1
    assert refused >= 27
    assert capfd.readouterr().err == ""


def test_what_the_other_decoder_lacks_is_no_damage() -> None:
    """A file that libheif does not know is left to Pillow."""
    check_avif(b"\0\0\0\x18ftypabcd\0\0\0\0abcd")
