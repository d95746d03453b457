"""Random draws: the numbers of an image's generator, in their order."""

import numpy as np

from stages.base.seed import derive
from stages.batch.random_draws import (
    DRAWS_PER_VIEW,
    RandomDraws,
    draw_numbers,
    view_names,
    view_numbers,
)

PATHS = ["a.jpg", "O'neil \\x.jpg", 'say "x".png', "ü/猫.jpg"]


def test_each_number_is_of_its_image() -> None:
    """The first draw takes the first number of every generator, the next one the second."""
    draws = RandomDraws(draw_numbers([derive(1, name) for name in "abc"]))
    one_by_one = [derive(1, name).random(2) for name in "abc"]
    assert draws.uniform(0, 1).tolist() == [first for first, _ in one_by_one]
    assert draws.uniform(-1, 1).tolist() == [-1 + 2 * second for _, second in one_by_one]


def test_what_happens_has_its_probability() -> None:
    """Of 4,000 images a quarter are touched at .25, none at 0 and all at 1."""
    numbers = np.random.default_rng(0).random((3, 4000))
    draws = RandomDraws(numbers)
    assert 0.22 < draws.happens(0.25).mean() < 0.28
    assert not draws.happens(0).any()
    assert draws.happens(1).all()


def test_numbers_for_many_images_are_those_of_each() -> None:
    """All at once, images have the numbers that the generator of their path and epoch gives."""
    generators = [derive(7, "view", 3, path) for path in PATHS]
    numbers = view_numbers(7, 3, PATHS)
    assert numbers.shape == (DRAWS_PER_VIEW, 4)
    assert numbers.tolist() == draw_numbers(generators).tolist()


def test_an_image_that_is_drawn_again_has_other_numbers() -> None:
    """The first time they are those of path and epoch, then the turn is a name more."""
    turns = [0, 1, 0, 2]
    names = [view_names(3, path, turn) for path, turn in zip(PATHS, turns, strict=True)]
    assert names[0] == ("view", 3, PATHS[0])
    assert names[1] == ("view", 3, PATHS[1], 1)
    expected = draw_numbers([derive(7, *name) for name in names])
    assert view_numbers(7, 3, PATHS, turns).tolist() == expected.tolist()
