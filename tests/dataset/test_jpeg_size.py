"""The size of an ordinary JPEG is that which Pillow reads; of others there is none."""

import io
from contextlib import suppress

import pytest
from PIL import Image

from stages.base.seed import derive
from stages.dataset.jpeg_size import jpeg_size
from tests.images.image_files import JPEG_KINDS, file_of, smooth

PLAIN = file_of(smooth(), "JPEG")


@pytest.mark.parametrize("kind", JPEG_KINDS)
def test_the_size_is_in_the_header(kind: str) -> None:
    """Width and height are known without any pixel, with much metadata before them or none."""
    mode, options = JPEG_KINDS[kind]
    content = file_of(smooth(201, 151, mode), "JPEG", icc_profile=bytes(150_000), **options)
    assert jpeg_size(content[: len(content) // 2 + 80_000]) == (201, 151)


@pytest.mark.parametrize("content", [b"", b"text", PLAIN[:3], PLAIN[:20], b"\xff\xd8\xff" * 50])
def test_what_is_no_jpeg_has_no_size(content: bytes) -> None:
    """Other files, and headers cut short, are left to Pillow."""
    assert jpeg_size(content) is None


@pytest.mark.parametrize("kind", JPEG_KINDS)
def test_a_header_with_errors_has_the_size_that_pillow_reads(kind: str) -> None:
    """With bytes before the pixels changed at random, it has Pillow's size, or none."""
    mode, options = JPEG_KINDS[kind]
    content = file_of(smooth(201, 151, mode), "JPEG", **options)
    rng = derive(2, kind)
    known = 0
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(2, content.index(b"\xff\xda"), 2):
            damaged[place] = rng.choice([0, 8, 192, 217, 218, 255, damaged[place] ^ 1])
        size = jpeg_size(bytes(damaged))
        with suppress(Exception), Image.open(io.BytesIO(damaged), formats=("JPEG",)) as image:
            assert size in (None, image.size)
            known += size is not None
    assert known > 100


def test_a_frame_of_twelve_bits_is_left_to_pillow() -> None:
    """What no decoder here reads has no size."""
    frame = PLAIN.index(b"\xff\xc0")
    assert jpeg_size(PLAIN[: frame + 4] + b"\x0c" + PLAIN[frame + 5 :]) is None


def test_several_views_are_left_to_pillow() -> None:
    """Only Pillow tells a picture with further views from an ordinary JPEG."""
    content = file_of(smooth(), "MPO", save_all=True, append_images=[smooth()])
    assert jpeg_size(content) is None
