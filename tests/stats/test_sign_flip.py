"""The sign-flip test, against all signs one by one, and against McNemar's test."""

from itertools import product

import numpy as np
import pytest

from stages.stats import sign_flip as module
from stages.stats.mcnemar import mcnemar
from stages.stats.sign_flip import net_differences, sign_flip


def by_enumeration(differences: np.ndarray) -> float:
    """Return the share of all choices of signs whose sum is as far from 0."""
    sums = [np.dot(signs, differences) for signs in product([1, -1], repeat=len(differences))]
    return float(np.mean(np.abs(sums) >= abs(differences.sum())))


@pytest.mark.parametrize("seed", range(20))
def test_p_is_that_of_all_signs(seed: int) -> None:
    """Of up to ten groups with any differences, zeros and common factors among them."""
    rng = np.random.default_rng(seed)
    differences = rng.integers(-6, 7, rng.integers(0, 11)) * rng.integers(1, 4)
    assert sign_flip(differences) == pytest.approx(by_enumeration(differences))


@pytest.mark.parametrize("discordant", [1, 2, 7, 60, 1001])
def test_with_every_image_its_own_group_it_is_mcnemars(discordant: int) -> None:
    """Differences of one image each give the exact McNemar test."""
    for ahead in sorted({0, 1, discordant // 3, discordant // 2, discordant}):
        differences = np.repeat([1, -1, 0], [ahead, discordant - ahead, 5])
        expected = mcnemar(ahead, discordant - ahead)
        assert sign_flip(differences) == pytest.approx(expected, rel=1e-9)


def test_few_groups_cannot_tell() -> None:
    """One group gives p = 1, five of one direction 1/16 and six 1/32, however many images."""
    assert sign_flip(np.array([1000])) == 1
    assert sign_flip(np.array([30, 20, 9, 8, 40])) == pytest.approx(1 / 16)
    assert sign_flip(np.array([30, 20, 9, 8, 40, 1])) == pytest.approx(1 / 32)
    assert sign_flip(np.zeros(4, int)) == sign_flip(np.zeros(0, int)) == 1


def test_the_normal_form_is_near_the_exact_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 500 groups within .0005 of p, which is what a large set gets."""
    sizes = np.random.default_rng(2).integers(1, 40, 500)
    for behind in (230, 215, 200):
        differences = np.where(np.arange(500) < behind, -sizes, sizes)
        exact = sign_flip(differences)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_MOST_STEPS", 0)
            assert sign_flip(differences) == pytest.approx(exact, abs=5e-4)


def test_net_differences_are_of_each_group() -> None:
    """What only the first has right counts up, what only the second has right down."""
    first = np.array([True, True, False, False, True])
    second = np.array([False, True, True, True, False])
    assert net_differences(first, second, np.array([7, 7, 3, 3, 3])).tolist() == [-1, 1]
