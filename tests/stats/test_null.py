"""The level of the verdicts over simulated models: benchmarks/null.py, smaller."""

import numpy as np
import pytest

from benchmarks.null import chances, right, verdict
from stages.stats.holm import holm
from stages.stats.seeds import compare_seeds

PAIRS = 400
# 5 % of 400 is 20; by chance alone more than 33 occur one time in a thousand.
MOST_VERDICTS = 33


@pytest.mark.parametrize("error", [0.02, 0.055, 0.15])
def test_equal_models_get_a_verdict_at_most_one_time_in_twenty(error: float) -> None:
    """On 1,478 images with shared difficulty, 400 pairs give few verdicts, but some."""
    draw = np.random.default_rng(1)
    wrong = chances(error, 1.5, draw)
    assert wrong.mean() == pytest.approx(error, abs=1e-6)
    verdicts = 0
    for _ in range(PAIRS):
        verdicts += verdict(right(wrong, 1, 0, draw), right(wrong, 1, 0, draw))
    assert 2 < verdicts <= MOST_VERDICTS


def test_five_equal_models_together_keep_the_level() -> None:
    """Holm's p keeps the chance of any false verdict among five at one in twenty."""
    draw = np.random.default_rng(2)
    wrong = chances(0.055, 1.5, draw)
    rejections = 0
    for _ in range(PAIRS):
        base = right(wrong, 1, 0, draw)
        p_values = [compare_seeds(right(wrong, 1, 0, draw), base).p for _ in range(5)]
        rejections += min(holm(p_values)) < 0.05
    assert rejections <= MOST_VERDICTS


def test_a_difference_of_three_points_mostly_gets_a_verdict() -> None:
    """5.5 against 2.5 % error on 1,478 images: nineteen times out of twenty or more."""
    draw = np.random.default_rng(3)
    worse = chances(0.055, 1.5, draw)
    better = chances(0.025, 1.5, draw)
    verdicts = [
        compare_seeds(right(better, 1, 0, draw), right(worse, 1, 0, draw)).verdict
        for _ in range(100)
    ]
    assert verdicts.count("better") >= 95
    assert "worse" not in verdicts
