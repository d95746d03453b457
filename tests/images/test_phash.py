"""Hashes of pictures: near for copies, far for others, none for blanks."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from stages.base.seed import derive
from stages.dataset.hash_groups import NEAR_BITS
from stages.images.phash import COSINE_WAVES, FREQUENCIES, GREY_SIDE, phash


def picture(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """Return a picture with structure at several scales, as photos have."""
    draw = derive(seed, "picture")
    total = np.zeros((height, width, 3))
    for cells in (2, 4, 8, 16, 32):
        coarse = Image.fromarray(draw.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        total += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / cells
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def apart(a: Image.Image, b: Image.Image) -> int:
    """Return in how many bits two hashes differ."""
    return (int(phash(a), 16) ^ int(phash(b), 16)).bit_count()


def resaved(image: Image.Image, quality: int) -> Image.Image:
    """Return the picture saved as a JPEG and read back."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


@pytest.mark.parametrize("seed", range(5))
def test_copies_are_near(seed: int) -> None:
    """Saved again, reduced, brightened or without colour, a picture has nearly the same hash."""
    image = picture(seed)
    copies = [
        resaved(image, 50),
        image.resize((160, 120), Image.Resampling.LANCZOS),
        image.resize((300, 200), Image.Resampling.BICUBIC),
        image.point([min(255, int(level * 1.1)) for level in range(256)] * 3),
        image.convert("L"),
    ]
    assert [apart(image, copy) <= NEAR_BITS for copy in copies] == [True] * len(copies)


def test_others_are_far() -> None:
    """Of 20 different pictures no two come near, turned and mirrored ones included."""
    images = [picture(seed) for seed in range(20)]
    images += [images[0].transpose(turn) for turn in Image.Transpose]
    distances = [apart(a, b) for i, a in enumerate(images) for b in images[:i]]
    assert min(distances) > NEAR_BITS + 20


def test_a_hash_has_256_bits_half_of_them_set() -> None:
    """The median divides the frequencies evenly."""
    digits = phash(picture(1))
    assert len(digits) == 64
    assert int(digits, 16).bit_count() == 128


@pytest.mark.parametrize("seed", range(20))
def test_the_frequencies_are_those_of_the_cosine_transform(seed: int) -> None:
    """Computed in whole numbers, the hash is that of scipy's transform."""
    image = picture(seed).convert("L")
    grey = np.asarray(image.resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BOX), float)
    low = dctn(grey, norm="ortho")[:FREQUENCIES, :FREQUENCIES]
    assert phash(image) == np.packbits(low > np.median(low)).tobytes().hex()


def test_no_sum_is_rounded() -> None:
    """The largest that a sum can become is a whole number that a float holds exactly."""
    assert (np.rint(COSINE_WAVES) == COSINE_WAVES).all()
    assert 255 * abs(COSINE_WAVES).sum(axis=1).max() ** 2 < 2**53


@pytest.mark.parametrize("colour", ["black", "white", (120, 130, 140)])
def test_a_blank_has_no_hash(colour: str | tuple[int, int, int]) -> None:
    """A picture of one colour, noise of the encoder included, is like nothing else."""
    blank = Image.new("RGB", (200, 100), colour)
    assert phash(blank) == ""
    assert phash(resaved(blank, 30)) == ""


def test_a_dark_picture_is_not_blank() -> None:
    """A tenth of the contrast still gives the hash of the picture."""
    image = picture(3)
    dark = image.point([level // 4 for level in range(256)] * 3)
    assert apart(image, dark) <= NEAR_BITS
