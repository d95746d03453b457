"""Pillow alone reads a photo as Finetrack does, so that the model card's lines are the truth."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stages.batch.image_set import ImageSet
from stages.batch.loader import valid_batches
from stages.batch.render_spec import RenderSpec
from stages.forms.photo_pixels import photo_pixels


def noise(width: int, height: int) -> np.ndarray:
    """Return a picture of noise, in which every error of a pixel shows."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def rendered(picture: np.ndarray, size: int) -> np.ndarray:
    """Return the centre view as Finetrack renders it, levels from 0 to 255."""
    render = RenderSpec(size=size, mean=(0, 0, 0), std=(1, 1, 1), device=torch.device("cpu"))
    images = ImageSet([""], np.zeros(1, np.int64), lambda _: torch.tensor(picture))
    batch = next(iter(valid_batches(images, render, 1)))
    return 255 * batch.images[0].permute(1, 2, 0).numpy()


def as_png(picture: np.ndarray) -> BytesIO:
    """Return a picture as a file in memory."""
    file = BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(64, 48, 48), (160, 213, 96), (213, 160, 96), (613, 460, 224), (97, 203, 32), (30, 41, 64)],
)
def test_a_presized_photo_is_read_as_finetrack_renders_it(
    width: int, height: int, size: int
) -> None:
    """Crop, whole-factor average and bilinear sampling agree to a thousandth of a grey level."""
    picture = noise(width, height)
    pixels = photo_pixels(as_png(picture), presize=500, size=size)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, rendered(picture, size), atol=1e-3)


def test_a_large_photo_is_presized_first(tmp_path: Path) -> None:
    """The shorter side comes down to the presize by Lanczos, and only then is the square taken."""
    picture = noise(400, 300)
    presized = Image.fromarray(picture).resize((160, 120), Image.Resampling.LANCZOS)
    expected = rendered(np.asarray(presized), 96)
    np.testing.assert_allclose(photo_pixels(as_png(picture), 120, 96), expected, atol=1e-3)


def test_a_photo_on_its_side_is_turned(tmp_path: Path) -> None:
    """The EXIF orientation is obeyed before anything is measured."""
    upright = Image.fromarray(noise(80, 120)).resize((160, 240))
    exif = Image.Exif()
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "side.png", exif=exif)
    pixels = photo_pixels(tmp_path / "side.png", presize=500, size=64)
    np.testing.assert_allclose(pixels, rendered(np.asarray(upright), 64), atol=1e-3)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_other_modes_become_rgb(mode: str, tmp_path: Path) -> None:
    """Grey, palette, alpha and CMYK give three channels."""
    suffix = "tif" if mode == "CMYK" else "png"
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(noise(50, 40)).convert(mode).save(path)
    assert photo_pixels(path, 160, 32).shape == (32, 32, 3)
