"""The same picture: copies are below the limit, other photos of the scene above it."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageOps

from stages.dataset.same_picture import photo_thumbnail, picture_difference
from tests.dataset.example_photos import (
    brightened,
    cut,
    exposed,
    painted,
    reduced,
    resaved,
    scene,
    shirt,
    solar_cell,
)

Change = Callable[[Image.Image], Image.Image]


def apart(a: Image.Image, b: Image.Image) -> float:
    """Return the difference of two pictures."""
    one, other = (photo_thumbnail(np.asarray(image)) for image in (a, b))
    difference = picture_difference(one, other)
    assert (difference <= 1) == (picture_difference(other, one) <= 1)
    return difference


def hue_turned(image: Image.Image) -> Image.Image:
    """Return a picture with its hue turned by 30 degrees."""
    hue, saturation, value = image.convert("HSV").split()
    turned = hue.point([(level + 21) % 256 for level in range(256)])
    return Image.merge("HSV", (turned, saturation, value)).convert("RGB")


def moved(image: Image.Image) -> Image.Image:
    """Return a picture as a hand that moved by 4 of 320 pixels takes it."""
    return exposed(image.crop((4, 4, 320, 240)).resize(image.size), 1)


COPIES: dict[str, Change] = {
    "the same": lambda image: image,
    "quality 90": lambda image: resaved(image, 90),
    "quality 50": lambda image: resaved(image, 50),
    "saved twice": lambda image: resaved(resaved(image, 60), 80),
    "half": lambda image: reduced(image, 2),
    "a third": lambda image: reduced(image, 3),
    "15 % brighter": lambda image: brightened(image, 1.15),
    "15 % darker": lambda image: brightened(image, 0.85),
    "exposed again": lambda image: exposed(image, 1),
}
OTHERS: dict[str, Change] = {
    "an object of 5 %": lambda image: painted(image, 0.05),
    "an object of 20 %": lambda image: painted(image, 0.2),
    "another hue": hue_turned,
    "red for blue": lambda image: Image.fromarray(np.asarray(image)[..., ::-1].copy()),
    "mirrored": ImageOps.mirror,
    "moved": moved,
    "cut by 2 %": lambda image: cut(image, 0.02),
    "cut by 5 %": lambda image: cut(image, 0.05),
    "another scene": lambda image: scene(99),
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_are_the_same(kind: str) -> None:
    """Saved again, at another size, brighter or exposed again, it is the same picture."""
    differences = [apart(scene(number), COPIES[kind](scene(number))) for number in range(10, 14)]
    assert max(differences) <= 1


@pytest.mark.parametrize("kind", OTHERS)
def test_others_are_not(kind: str) -> None:
    """With an object, in other colours, moved, cut or mirrored, it is another picture."""
    differences = [apart(scene(number), OTHERS[kind](scene(number))) for number in range(10, 14)]
    assert min(differences) > 1


def test_a_hairline_crack_makes_another_picture() -> None:
    """A sound and a cracked solar cell differ by a line of two pixels in 300, and are two."""
    cells = [solar_cell(number)[1] for number in range(8)]
    assert min(apart(cells[n], cells[n + 1]) for n in range(0, 8, 2)) > 1


def test_a_shirt_in_another_colour_is_another_picture() -> None:
    """Of one cut in three colours, no two colours are the same picture."""
    red, green, blue = (shirt(number)[1] for number in range(3))
    assert min(apart(red, green), apart(red, blue), apart(green, blue)) > 1


def test_tiny_pictures_are_compared_as_they_are() -> None:
    """Of 32 x 32 pixels, a copy is the same picture and a changed corner is not."""
    tiny = scene(5).resize((32, 32), Image.Resampling.BOX)
    corner = tiny.copy()
    corner.paste((255, 255, 255), (2, 2, 6, 6))
    assert apart(tiny, resaved(tiny, 95)) <= 1
    assert apart(tiny, corner) > 1


def test_another_shape_is_another_picture() -> None:
    """A change of the aspect ratio by more than 2 % is never the same picture."""
    assert apart(scene(1), scene(1).resize((320, 230))) == np.inf


def test_pictures_without_contrast_do_not_fail() -> None:
    """Plain pictures have a difference too, 0 for the same plain colour."""
    grey = Image.new("RGB", (64, 64), (128, 128, 128))
    assert apart(grey, grey) == 0
    assert apart(grey, Image.new("RGB", (64, 64), (128, 100, 150))) > 1
