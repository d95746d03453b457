"""The one-cycle schedule, step for step as fastai 2.8.12 computes it."""

import numpy as np
import pytest

from stages.train.schedule import (
    FROZEN,
    UNFROZEN,
    Cycle,
    cosine,
    cycle_lr,
    cycle_momentum,
    frozen_peaks,
    geometric_lrs,
    one_cycle,
    unfrozen_peaks,
)

# fastai.callback.schedule.combined_cos, called with the arguments of fine_tune's two cycles.
# fastai has the position in float32, and so has this test.
PEAK = 2e-3
ORACLE = [  # position, unfrozen rate, frozen rate, unfrozen momentum, frozen momentum
    (0.0, 0.0004, 8e-05, 0.95, 0.95),
    (0.1, 0.0007999999567556543, 0.00012793172512728238, 0.9250000027027716, 0.947503555982954),
    (0.25, 0.0018928202980604144, 0.0003665840812727976, 0.8566987313712241, 0.9350737457670417),
    (0.3, 0.002, 0.0004831453889981533, 0.85, 0.9290028443230128),
    (0.31, 0.001998993078437119, 0.0005082367122325001, 0.8500503465816098, 0.9276960045712239),
    (0.5, 0.001623493608789065, 0.001055231250843329, 0.8688255078156248, 0.8992067056852433),
    (0.75, 0.0005661306238209617, 0.0017347846615443907, 0.9216941857508094, 0.8638132988778963),
    (0.95, 2.509185495476289e-05, 0.0019922766046867003, 0.9487463947162089, 0.8504022601725677),
    (0.99, 1.0269190688343838e-06, 0.002, 0.9499496535430937, 0.85),
    (0.999, 3.007052791622819e-08, 4.896186014320073e-05, 0.9499994964685688, 0.9475528825216651),
    (1.0, 1.9999999999881224e-08, 1.9999999999881224e-08, 0.95, 0.95),
]


@pytest.mark.parametrize(("position", "unfrozen", "frozen", "beta", "frozen_beta"), ORACLE)
def test_fastai_oracle(
    position: float, unfrozen: float, frozen: float, beta: float, frozen_beta: float
) -> None:
    """Rates and momentum of both cycles equal fastai's at the same position."""
    position = float(np.float32(position))
    assert cycle_lr(UNFROZEN, PEAK, position) == pytest.approx(unfrozen, rel=0, abs=1e-9)
    assert cycle_lr(FROZEN, PEAK, position) == pytest.approx(frozen, rel=0, abs=1e-9)
    # Momenta are near 1, where float32 has seven digits.
    assert cycle_momentum(UNFROZEN, position) == pytest.approx(beta, rel=0, abs=1e-7)
    assert cycle_momentum(FROZEN, position) == pytest.approx(frozen_beta, rel=0, abs=1e-7)


def test_past_the_ends() -> None:
    """Before its start and after its end a cycle stands still at its first and last rate."""
    for cycle in (FROZEN, UNFROZEN, Cycle()):
        first = cycle_lr(cycle, PEAK, 0)
        last = cycle_lr(cycle, PEAK, 1)
        assert first == pytest.approx(PEAK / cycle.div)
        assert last == pytest.approx(PEAK / 1e5)
        assert cycle_lr(cycle, PEAK, -1) == first
        assert cycle_lr(cycle, PEAK, 2) == last


def test_all_rise_and_no_fall() -> None:
    """A cycle whose rise takes all of it ends at its peak's end without dividing by zero."""
    assert cycle_lr(Cycle(pct_start=1.0), PEAK, 1.0) == pytest.approx(PEAK / 1e5)
    assert cycle_lr(Cycle(pct_start=1.0), PEAK, 0.999) == pytest.approx(PEAK, rel=1e-4)


def test_cosine_halfway_and_ends() -> None:
    """The cosine starts and ends flat and is at the mean halfway."""
    assert cosine(1, 3, 0) == 1
    assert cosine(1, 3, 0.5) == pytest.approx(2)
    assert cosine(1, 3, 1) == 3
    assert cosine(1, 3, 0.01) - 1 < 1e-3


def test_rates_rise_once_and_fall_once() -> None:
    """Along a cycle the rate rises to one peak and then only falls; momentum does the reverse."""
    positions = np.linspace(0, 1, 501)
    rates = np.array([cycle_lr(UNFROZEN, PEAK, p) for p in positions])
    betas = np.array([cycle_momentum(UNFROZEN, p) for p in positions])
    top = rates.argmax()
    assert positions[top] == pytest.approx(0.3)
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert betas.argmin() == top


def test_geometric_groups_equal_numpy() -> None:
    """Rates of the groups are evenly spaced in their logarithm, ends included."""
    assert geometric_lrs(1e-5, 1e-3, 3) == pytest.approx(np.geomspace(1e-5, 1e-3, 3))
    assert geometric_lrs(1e-5, 1e-3, 2) == pytest.approx([1e-5, 1e-3])
    assert geometric_lrs(1e-5, 1e-3, 1) == [1e-3]


def test_peaks_are_those_of_fine_tune() -> None:
    """Frozen: a tenth but for the head; unfrozen: half the rate, lr_mult less in the first."""
    assert frozen_peaks(2e-3, 3) == pytest.approx([2e-4, 2e-4, 2e-3])
    assert unfrozen_peaks(2e-3, 100, 3) == pytest.approx([1e-5, 1e-4, 1e-3])
    assert unfrozen_peaks(2e-3, 1, 2) == pytest.approx([1e-3, 1e-3])


def test_one_cycle_moves_all_groups_together() -> None:
    """At any position the groups keep the ratios of their peaks."""
    rates, beta = one_cycle(UNFROZEN, [1e-5, 1e-4, 1e-3], 0.4)
    assert rates[1] / rates[0] == pytest.approx(10)
    assert rates[2] == cycle_lr(UNFROZEN, 1e-3, 0.4)
    assert beta == cycle_momentum(UNFROZEN, 0.4)
