"""Equally good models are seldom called better or worse: benchmarks/null.py, smaller."""

import numpy as np
import pytest

from benchmarks.null import chances, right, verdict
from stages.stats.holm import holm
from stages.stats.seeds import compare_seeds

PAIRS = 400
# 5 % of 400 is 20; by chance alone more than 33 come one time in a thousand.
MOST = 33


@pytest.mark.parametrize("error", [0.02, 0.055, 0.15])
def test_equal_models_get_a_verdict_at_most_one_time_in_twenty(error: float) -> None:
    """On 1,478 images with shared difficulty, 400 pairs give few verdicts, but some."""
    draw = np.random.default_rng(1)
    wrong = chances(error, 1.5, draw)
    assert wrong.mean() == pytest.approx(error, abs=1e-6)
    told = sum(verdict(*(right(wrong, 1, 0, draw) for _ in range(2))) for _ in range(PAIRS))
    assert 2 < told <= MOST


def test_five_equal_models_together_keep_the_level() -> None:
    """Holm's p keeps the chance of any false verdict among five at one in twenty."""
    draw = np.random.default_rng(2)
    wrong = chances(0.055, 1.5, draw)
    told = 0
    for _ in range(PAIRS):
        base = right(wrong, 1, 0, draw)
        values = [compare_seeds(right(wrong, 1, 0, draw), base).p for _ in range(5)]
        told += min(holm(values)) < 0.05
    assert told <= MOST


def test_a_difference_of_three_points_is_mostly_told() -> None:
    """5.5 against 2.5 % error on 1,478 images: nineteen times out of twenty or more."""
    draw = np.random.default_rng(3)
    worse, better = chances(0.055, 1.5, draw), chances(0.025, 1.5, draw)
    told = [
        compare_seeds(right(better, 1, 0, draw), right(worse, 1, 0, draw)).verdict
        for _ in range(100)
    ]
    assert told.count("better") >= 95
    assert "worse" not in told
