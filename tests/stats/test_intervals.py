"""Intervals, against published values, coverage and scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stages.base.seed import derive
from stages.stats.intervals import Interval, bootstrap, expanded_tail, wilson, wilson_f1

counts = st.integers(0, 2000)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0000),
    ],
)
def test_wilson_gives_the_published_values(hits: int, trials: int, low: float, high: float) -> None:
    """Wilson's interval agrees with the published ones to their four digits."""
    interval = wilson(hits, trials)
    assert interval.value == hits / trials
    assert [interval.low, interval.high] == pytest.approx([low, high], abs=6e-5)


@pytest.mark.parametrize("trials", [1, 2, 59, 1478, 1_000_000])
def test_wilson_is_scipys(trials: int) -> None:
    """Both ends are scipy's, of none, one, some and all of the trials."""
    for hits in sorted({0, 1, trials // 3, trials - 1, trials}):
        ends = stats.binomtest(hits, trials).proportion_ci(method="wilson")
        interval = wilson(hits, trials)
        assert [interval.low, interval.high] == pytest.approx([ends.low, ends.high], rel=1e-12)


@given(trials=st.integers(1, 2000), share=st.floats(0, 1))
def test_wilson_contains_its_value_and_stays_in_range(trials: int, share: float) -> None:
    """Low end, value and high end come in this order between 0 and 1."""
    interval = wilson(round(share * trials), trials)
    assert interval.value is not None
    assert 0 <= interval.low <= interval.value + 1e-12
    assert interval.value - 1e-12 <= interval.high <= 1


def test_without_trials_the_interval_is_everything() -> None:
    """Without trials there is no value, and the interval is 0 to 1."""
    assert wilson(0, 0) == Interval(None, 0.0, 1.0)
    assert wilson(0, 0).complement() == Interval(None, 0.0, 1.0)


def test_the_complement_of_accuracy_is_the_error_rate() -> None:
    """The complement of 190 right of 200 is the interval of 10 wrong of 200."""
    error = wilson(190, 200).complement()
    direct = wilson(10, 200)
    assert dict(error.as_dict()) == pytest.approx(dict(direct.as_dict()))
    assert list(error.as_dict()) == ["value", "low", "high"]


@given(right=st.integers(0, 300), missed=counts, wrongly=counts)
def test_f1_interval_contains_its_value(right: int, missed: int, wrongly: int) -> None:
    """The interval of F1 contains the F1 that scikit-learn's formula gives."""
    if right + missed + wrongly == 0:
        return
    interval = wilson_f1(right, right + missed, right + wrongly)
    expected = 2 * right / (2 * right + missed + wrongly)
    assert interval.value == pytest.approx(expected)
    assert interval.low - 1e-12 <= expected <= interval.high + 1e-12


def test_f1_interval_covers_the_truth() -> None:
    """Of 500 samples of 40 images, about 95 % of the intervals contain the true F1."""
    rng = np.random.default_rng(5)
    # P(right), P(missed), P(wrongly named), P(neither): F1 = .84 / .94.
    draws = rng.multinomial(40, [0.42, 0.05, 0.05, 0.48], size=500)
    intervals = [wilson_f1(right, right + miss, right + wrong) for right, miss, wrong, _ in draws]
    covered = np.mean([interval.low <= 0.84 / 0.94 <= interval.high for interval in intervals])
    assert 0.92 <= covered <= 0.99


def test_bootstrap_agrees_with_scipy() -> None:
    """The percentile interval of a mean is scipy's, up to the draws."""
    values = np.random.default_rng(0).exponential(size=150)
    interval = bootstrap(lambda drawn: drawn @ values / len(values), 150, derive(1, "test"), 4000)
    reference = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(2)
    ).confidence_interval
    assert interval.value == pytest.approx(values.mean())
    assert interval.low == pytest.approx(reference.low, abs=0.02)
    assert interval.high == pytest.approx(reference.high, abs=0.02)


def test_bootstrap_repeats() -> None:
    """The same seed gives the same interval, another seed another."""

    def mean(drawn: np.ndarray) -> np.ndarray:
        return drawn @ np.arange(30) / 30

    same = [bootstrap(mean, 30, derive(7, "a")) for _ in range(2)]
    assert same[0] == same[1]
    assert same[0] != bootstrap(mean, 30, derive(8, "a"))


def test_bootstrap_draws_as_many_images_as_there_are() -> None:
    """Every draw has as many images as the set, in blocks of any size."""
    blocks: list[np.ndarray] = []

    def record(drawn: np.ndarray) -> np.ndarray:
        blocks.append(drawn)
        return drawn[:, 0]

    bootstrap(record, 50_000, derive(1, "blocks"), draws=200)
    drawn = np.concatenate(blocks[1:])
    assert len(blocks) > 2
    assert drawn.shape == (200, 50_000)
    assert (drawn.sum(axis=1) == 50_000).all()


def test_bootstrap_draws_whole_groups() -> None:
    """Images of a group are drawn as often as each other, and one alone says nothing."""
    groups = np.array([5, 5, 2, 2, 2, 9])
    blocks: list[np.ndarray] = []

    def record(drawn: np.ndarray) -> np.ndarray:
        blocks.append(drawn)
        share: np.ndarray = drawn[:, 0] / drawn.sum(axis=1)
        return share

    bootstrap(record, 6, derive(1, "groups"), draws=100, groups=groups)
    drawn = blocks[1]
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, [0, 2, 5]].sum(axis=1) == 3).all()
    alone = bootstrap(record, 6, derive(1, "groups"), groups=np.zeros(6, int))
    assert (alone.low, alone.high) == (-np.inf, np.inf)


def test_few_groups_have_wider_tails_left_in() -> None:
    """The tail is Hesterberg's: that of Student's t, and of the variance over one group less."""
    expected = stats.norm.cdf(stats.t.ppf(0.025, 4) * np.sqrt(5 / 4))
    assert expanded_tail(5) == pytest.approx(expected)
    assert expanded_tail(100_000) == pytest.approx(0.025, abs=1e-4)
