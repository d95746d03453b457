"""Power and sample size of the exact McNemar test, against simulated pairs."""

import numpy as np
import pytest

from stages.stats.mcnemar import mcnemar
from stages.stats.power import images_to_tell, power


def simulated(images: int, gained: float, lost: float, pairs: int = 4000) -> float:
    """Return the share of simulated pairs for which the test is significant."""
    rng = np.random.default_rng(1)
    counts = rng.multinomial(images, [gained, lost, 1 - gained - lost], size=pairs)
    p_values = [mcnemar(int(only_first), int(only_second)) for only_first, only_second, _ in counts]
    return float(np.mean(np.array(p_values) < 0.05))


@pytest.mark.parametrize(
    ("images", "gained", "lost"), [(200, 0.02, 0.08), (1478, 0.03, 0.045), (1478, 0.03, 0.03)]
)
def test_power_is_how_often_the_test_is_significant(
    images: int, gained: float, lost: float
) -> None:
    """The formula agrees with pairs that are drawn and tested one by one."""
    assert power(images, gained, lost) == pytest.approx(simulated(images, gained, lost), abs=0.02)


def test_equal_models_are_significant_at_most_one_time_in_twenty() -> None:
    """Under the null the exact test keeps its level at any number of images."""
    for images in (10, 100, 1000, 100_000):
        assert power(images, 0.04, 0.04) <= 0.05
    assert power(1000, 0, 0) == 0


@pytest.mark.parametrize(("gained", "lost"), [(0.01, 0.03), (0.05, 0.06), (0.2, 0.0)])
def test_the_sample_size_has_the_power_and_half_of_it_has_not(gained: float, lost: float) -> None:
    """The answer has the power aimed at, and is not far above what is needed."""
    images = images_to_tell(gained, lost)
    assert images is not None
    assert power(images, gained, lost) >= 0.78
    assert power(images // 2, gained, lost) < 0.8
    assert len(str(images).rstrip("0")) <= 2


def test_a_stricter_test_needs_more_images() -> None:
    """At the level of one test among 36 more than 500 images are needed, at 5 % fewer."""
    gained, lost, level = 24 / 500, 6 / 500, 0.05 / 36
    images = images_to_tell(gained, lost, level)
    assert images is not None
    assert images > 500 > (images_to_tell(gained, lost) or 0)
    assert power(images, gained, lost, level) >= 0.78


def test_equal_models_have_no_sample_size() -> None:
    """Without a difference, or with one that ten million images would not show, there is none."""
    assert images_to_tell(0.02, 0.02) is None
    assert images_to_tell(0.0, 0.0) is None
    assert images_to_tell(0.02, 0.020001) is None


def test_larger_differences_need_fewer_images() -> None:
    """The number falls as the difference grows."""
    numbers = [images_to_tell(0.03, 0.03 + more) for more in (0.005, 0.01, 0.02, 0.05)]
    assert numbers == sorted(numbers, key=lambda n: n or 0, reverse=True)
