"""Suggesting a learning rate: the five answers to a curve, against fastai 2.8.12 and by hand."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.train.lr_suggest import (
    FALLBACK,
    RULES,
    Suggestion,
    consensus,
    decrease,
    minimum,
    noise,
    read_suggestion,
    slide,
    steep,
    suggest,
    suggestion_from_params,
    two_digits,
    valley,
)

Rule = Callable[[np.ndarray, np.ndarray], float]
LRS = 1e-7 * (10 / 1e-7) ** (np.arange(85) / 84)


def curve(deviation: float = 0.02, seed: int = 7) -> np.ndarray:
    """Return losses that are flat, fall around 10^-2.6 and explode around 10^0.3, with noise."""
    decades = np.log10(LRS)
    fall = 1.6 / (1 + np.exp(-3 * (decades + 2.6)))
    explosion = 3 / (1 + np.exp(-5 * (decades - 0.3)))
    return 2.5 - fall + explosion + deviation * np.random.default_rng(seed).standard_normal(85)


# fastai.callback.schedule called with LRS and curve().
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (valley, 0.0012451970847350317),
        (slide, 0.000644946677103762),
        (steep, 0.0015505157798326253),
        (minimum, 0.009999999999999998),
    ],
)
def test_fastai_oracle(rule: Rule, expected: float) -> None:
    """Four of the rules give the answers that fastai's give to the same curve."""
    assert rule(LRS, curve()) == pytest.approx(expected, rel=1e-9)


def test_decrease_is_past_the_steepest_and_before_the_minimum() -> None:
    """The last clear decrease lies between the steepest point and the minimum."""
    smooth = curve(deviation=0)
    assert steep(LRS, smooth) < decrease(LRS, smooth) < LRS[smooth.argmin()]


def test_straight_fall_decreases_to_its_end() -> None:
    """Where the loss falls evenly to the last point, the last clear decrease is that point."""
    losses = np.linspace(3, 1, 85)
    assert decrease(LRS, losses) == LRS[-1]
    assert minimum(LRS, losses) == pytest.approx(LRS[-1] / 10)


def test_valley_of_a_single_fall() -> None:
    """On a curve that only falls, valley stands half way: a third and half a third along."""
    assert valley(LRS, np.linspace(3, 1, 85)) == LRS[-1 + 28 + 14]


def test_consensus_is_the_middle_of_the_answers() -> None:
    """The consensus is the mean, in decades, of the middle three, and the spread their range."""
    losses = np.concatenate([np.full(10, 2.5), curve(), np.full(5, 6.0)])
    lrs = np.concatenate([np.full(10, 1e-8), LRS, np.full(5, 20.0)])
    suggestion = suggest(lrs, losses, losses, steps=100)
    least, *middle, largest = sorted(suggestion.rules.values())
    assert suggestion.reason is None
    assert least < middle[0] <= suggestion.consensus <= middle[-1] < largest
    assert suggestion.consensus == two_digits(float(np.prod(middle)) ** (1 / 3))
    assert suggestion.spread == pytest.approx(np.log10(middle[-1] / middle[0]), abs=0.01)


@pytest.mark.parametrize("wrong", [1e-30, 1e-7, 0.001, 0.01, 0.1, 10, 1e30])
def test_one_wrong_answer_does_not_lead(wrong: float) -> None:
    """Whatever one rule says, the consensus stays among the other four."""
    others = [0.001, 0.004, 0.02, 0.1]
    lr, spread = consensus([*others, wrong])
    assert others[0] < lr < others[-1]
    assert spread <= 2


def test_consensus_survives_noise() -> None:
    """Over twenty noisy curves the consensus varies by less than a third of a decade."""
    curves = [curve(deviation=0.05, seed=seed) for seed in range(20)]
    lrs = [suggest(LRS, losses, losses, steps=85).consensus for losses in curves]
    assert np.std(np.log10(lrs)) < 1 / 3


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        (np.full(85, 2.3), "flat"),
        (np.linspace(2.3, 6, 85), "rises from the start"),
        (np.linspace(2.3, 1.0, 85)[:14], "too few steps"),
    ],
)
def test_useless_curves_are_refused(losses: np.ndarray, reason: str) -> None:
    """A curve without an answer is refused with the reason, and the fallback stands in."""
    suggestion = suggest(LRS[: len(losses)], losses, losses, steps=85)
    assert reason in (suggestion.reason or "")
    assert suggestion.consensus == FALLBACK
    assert set(suggestion.rules) == set(RULES)
    assert reason in str(suggestion)


def test_empty_curve_is_refused() -> None:
    """A sweep that broke off at once is refused, not an exception."""
    empty = np.array([])
    assert "too few steps (0 usable" in (suggest(empty, empty, empty, steps=60).reason or "")


def smoothed(raw: np.ndarray) -> np.ndarray:
    """Return the running mean that a sweep as long as raw has, debiased."""
    memory = 0.98 ** (100 / len(raw))
    mean = 0.0
    means = []
    for number, loss in enumerate(raw, start=1):
        mean = memory * mean + (1 - memory) * loss
        means.append(mean / (1 - memory**number))
    return np.array(means)


def learning(fall: float, deviation: float, steps: int, seed: int) -> np.ndarray:
    """Return raw losses that start at 2.3 and fall in the last third, with noise."""
    late = np.clip((np.arange(steps) - 0.6 * steps) / (0.3 * steps), 0, 1)
    noise_of_curve = deviation * np.random.default_rng(seed).standard_normal(steps)
    return np.asarray(2.3 - fall * late + noise_of_curve)


@pytest.mark.parametrize("steps", [20, 60, 100, 300])
@pytest.mark.parametrize("deviation", [0.2, 0.5, 1.0])
def test_noise_alone_is_refused(steps: int, deviation: float) -> None:
    """Of curves that learn nothing at most 2 in 100 are answered, however long and noisy."""
    lrs = np.geomspace(1e-7, 10, steps)
    reasons = []
    for seed in range(300):
        raw = learning(0.0, deviation, steps, seed)
        reasons.append(suggest(lrs, smoothed(raw), raw, steps).reason)
    assert sum(reason is None for reason in reasons) <= 6
    assert any("too noisy" in (reason or "") for reason in reasons)


def test_a_clear_fall_is_answered_in_spite_of_noise() -> None:
    """Curves that fall to a third are all answered, with as much noise as a batch of ten has."""
    lrs = np.geomspace(1e-7, 10, 60)
    curves = [learning(1.5, 0.15, 60, seed) for seed in range(100)]
    assert all(suggest(lrs, smoothed(raw), raw, 60).reason is None for raw in curves)


def test_noise_is_the_deviation_about_a_trend() -> None:
    """The noise of a falling curve is what was added, whatever it falls by and however it ends."""
    rng = np.random.default_rng(0)
    falling = np.linspace(3, 1, 4001) + 0.1 * rng.standard_normal(4001)
    assert noise(falling) == pytest.approx(0.1, rel=0.05)
    assert noise(np.append(falling, [5, 90, 4, 300])) == pytest.approx(0.1, rel=0.05)


def test_a_suggestion_is_read_back(tmp_path: Path) -> None:
    """What suggestion.json holds becomes the same suggestion, with and without a reason."""
    losses = curve()
    for suggestion in (
        suggest(LRS, losses, losses, steps=85),
        suggest(LRS[:9], losses[:9], losses[:9], steps=85),
        suggestion_from_params(0.0035),
    ):
        path = tmp_path / "suggestion.json"
        path.write_text(json.dumps(asdict(suggestion)), encoding="utf-8")
        assert read_suggestion(path) == suggestion


def test_the_sentence_of_a_suggestion_names_every_answer() -> None:
    """It gives the consensus, the answer of each rule, and how far they lie apart."""
    suggestion = Suggestion(consensus=0.002, spread=0.5, rules={"valley": 0.001, "steep": 0.01})
    assert str(suggestion) == ("Learning rate 0.002 (valley 0.001, steep 0.01; spread 0.5 decades)")


def test_a_rate_from_params_is_passed_on() -> None:
    """A learning rate named in params.yaml is taken as it is, by every rule, and named as such."""
    assert suggestion_from_params(0.0035).consensus == 0.0035
    assert "No sweep" in str(suggestion_from_params(0.0035))


def test_two_digits() -> None:
    """Rates are rounded to two significant digits at every size, and zero is refused."""
    assert two_digits(0.00149) == 0.0015
    assert two_digits(9.96) == 10.0
    assert two_digits(123.0) == 120.0
    with pytest.raises(UserError, match="above 0"):
        two_digits(0.0)


def test_slide_on_a_short_curve() -> None:
    """A curve shorter than slide's window still gets an answer from within it."""
    assert slide(LRS[:8], np.linspace(3, 2, 8)) in LRS[:8]
