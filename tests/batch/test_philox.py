"""Philox for many keys at once, against numpy's generators one by one."""

import numpy as np
import pytest

from stages.base.seed import derive, key_of
from stages.batch.philox import philox_keys, philox_uniform

PATHS = ["a.jpg", "O'neil \\x.jpg", 'say "x".png', "猫/ü.jpg", "", "new\nline"]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 18, 40])
def test_numbers_are_those_of_each_generator(count: int) -> None:
    """For paths of any characters the numbers are those of the generator that derive returns."""
    keys = philox_keys([key_of(7, ("view", 3, path)) for path in PATHS])
    one_by_one = [derive(7, "view", 3, path).random(count) for path in PATHS]
    assert philox_uniform(keys, count).tolist() == np.stack(one_by_one, axis=1).tolist()


def test_any_key_gives_the_numbers_of_numpy() -> None:
    """Keys of all ones and of none, and a thousand at random, agree with numpy's Philox."""
    rng = np.random.default_rng(0)
    keys = [0, 2**128 - 1, 2**64, *(int.from_bytes(rng.bytes(16), "big") for _ in range(1000))]
    one_by_one = [np.random.Generator(np.random.Philox(key=key)).random(6) for key in keys]
    numbers = philox_uniform(philox_keys(keys), 6)
    assert np.array_equal(numbers, np.stack(one_by_one, axis=1))


def test_no_keys_give_no_numbers() -> None:
    """Without keys the array is empty, and has a row for each number."""
    assert philox_uniform(philox_keys([]), 18).shape == (18, 0)
