"""The correction for choosing, against a slow plain version, and over simulated runs."""

import numpy as np
import pytest

from benchmarks.choosing import draw_runs
from stages.stats.choosing import correct_for_choosing
from stages.stats.intervals import wilson, wilson_around


def example(runs: int, images: int, error: float = 0.2) -> np.ndarray:
    """Return which images each run has wrong, equally good runs."""
    return np.random.default_rng(5).random((runs, images)) < error


def plain_correction(wrong: np.ndarray, generator: np.random.Generator) -> tuple[float, float]:
    """Return error outside and optimism, image by image and winner by winner."""
    runs, images = wrong.shape
    outside, optimism = [], []
    for counts in generator.multinomial(images, np.full(images, 1 / images), size=500):
        drawn = [image for image in range(images) for _ in range(counts[image])]
        errors = [sum(wrong[run][image] for image in drawn) for run in range(runs)]
        winners = [run for run in range(runs) if errors[run] == min(errors)]
        left_out = [image for image in range(images) if counts[image] == 0]
        if left_out:
            rates = [np.mean([wrong[run][image] for image in left_out]) for run in winners]
            outside.append(np.mean(rates))
        on_all = np.mean([np.mean(wrong[run]) for run in winners])
        optimism.append(on_all - min(errors) / images)
    return float(np.mean(outside)), float(np.mean(optimism))


@pytest.mark.parametrize(("runs", "images"), [(2, 2), (3, 15), (8, 40)])
def test_the_correction_is_the_plain_one(runs: int, images: int) -> None:
    """Value and ends are those of a loop over resamples, winners and images."""
    wrong = example(runs, images)
    best = correct_for_choosing(wrong, np.random.default_rng(1))
    outside, optimism = plain_correction(wrong, np.random.default_rng(1))
    raw = wrong.mean(axis=1).min()
    assert best.row == wrong.mean(axis=1).argmin()
    assert best.raw == wilson(int(wrong[best.row].sum()), images)
    assert best.corrected.value == pytest.approx(max(outside, raw))
    centre = min(raw + max(optimism, 0), max(outside, raw))
    assert best.corrected.low == pytest.approx(wilson_around(centre, images).low)
    assert best.corrected.high == pytest.approx(wilson_around(max(outside, raw), images).high)


def test_a_single_run_costs_nothing() -> None:
    """Nothing was chosen, so the interval is Wilson's."""
    wrong = example(1, 50)
    best = correct_for_choosing(wrong, np.random.default_rng(1))
    assert best.corrected == best.raw == wilson(int(wrong.sum()), 50)


def test_equal_outcomes_cost_nothing() -> None:
    """Ten runs with the same mistakes were no choice: the corrected error is nearly the raw one."""
    wrong = np.repeat(example(1, 200), 10, axis=0)
    best = correct_for_choosing(wrong, np.random.default_rng(1))
    assert best.corrected.value == pytest.approx(best.raw.value, abs=0.003)


@pytest.mark.parametrize("images", [0, 1])
def test_too_few_images_have_no_corrected_error(images: int) -> None:
    """Without an image outside of a resample nothing is known of it."""
    best = correct_for_choosing(example(3, images), np.random.default_rng(1))
    assert (best.corrected.value, best.corrected.low, best.corrected.high) == (None, 0, 1)


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_runs_that_are_all_right_or_all_wrong(error: float) -> None:
    """At either end of the scale the corrected error is the raw one."""
    best = correct_for_choosing(np.full((4, 30), bool(error)), np.random.default_rng(1))
    assert best.corrected.value == error
    assert 0 <= best.corrected.low <= error <= best.corrected.high <= 1


def test_the_same_seed_gives_the_same_interval_for_any_block() -> None:
    """Many images are resampled in several blocks, and the answer depends on the seed alone."""
    wrong = example(3, 20_000, 0.05)
    first = correct_for_choosing(wrong, np.random.default_rng(2))
    assert first == correct_for_choosing(wrong, np.random.default_rng(2))
    assert first.corrected.low < 0.05 < first.corrected.high


def test_the_corrected_interval_holds_the_truth() -> None:
    """Of 20 equal runs on 212 images it holds the winner's true error nineteen times of twenty."""
    held, naive = 0, 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        drawn = draw_runs(20, 212, spread=0.0, scatter=0.0, draw=generator)
        best = correct_for_choosing(drawn.wrong, generator)
        truth = drawn.truth[best.row]
        held += best.corrected.low <= truth <= best.corrected.high
        naive += best.raw.low <= truth <= best.raw.high
    assert held >= 91  # of 95 expected, one time in twenty fewer
    assert naive < 85


def test_groups_that_go_together_widen_the_interval() -> None:
    """Runs whose mistakes come by groups are measured on these; one group gives no value."""
    wrong = np.repeat(example(5, 20), 10, axis=1)
    groups = np.repeat(np.arange(20), 10)
    plain = correct_for_choosing(wrong, np.random.default_rng(1))
    grouped = correct_for_choosing(wrong, np.random.default_rng(1), groups)
    assert grouped.raw.value == plain.raw.value
    assert grouped.corrected.high - grouped.corrected.low > 2 * (
        plain.corrected.high - plain.corrected.low
    )
    alone = correct_for_choosing(wrong, np.random.default_rng(1), np.zeros(200, int))
    assert alone.corrected.value is None
    own = correct_for_choosing(wrong, np.random.default_rng(1), np.arange(200))
    assert own == plain
