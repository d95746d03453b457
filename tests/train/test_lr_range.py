"""The range test leaves everything as it was and stops where it should."""

from itertools import cycle, pairwise

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from stages.train.lr_range import SMOOTHING, STEPS, LrFindParams, sweep, swept_rate
from stages.train.param_groups import freeze
from stages.train.step import make_trainer
from tests.train.tiny import CPU, tiny_batches, tiny_model

PARAMS = LrFindParams(steps=60, start=1e-7, end=10.0)


def swept(params: LrFindParams = PARAMS):
    """Return the points of a sweep, its model, and that model's state before."""
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    freeze(model, train_bn=True)
    trainer = make_trainer(model, CPU, "cross_entropy", 0.0)
    return sweep(trainer, True, cycle(tiny_batches()), params, seed=1), trainer, before


def test_model_optimiser_and_random_state_are_restored() -> None:
    """After the sweep nothing shows that it happened."""
    torch.manual_seed(5)
    expected = torch.rand(3)
    points, trainer, before = swept()
    torch.manual_seed(5)
    assert len(points) > 20
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not trainer.adam.state
    state = torch.get_rng_state()
    swept_again = sweep(trainer, True, cycle(tiny_batches()), PARAMS, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert swept_again == points
    assert torch.equal(torch.rand(3), expected)


def test_it_stops_where_the_loss_explodes() -> None:
    """The sweep ends early once the smoothed loss is four times its best, not before."""
    points, _, _ = swept(LrFindParams(steps=200, start=1e-4, end=1000.0))
    best = np.minimum.accumulate([point.smoothed for point in points])
    exploded = [p.smoothed > 4 * b for p, b in zip(points, best, strict=True)]
    assert len(points) < 200
    assert exploded == [False] * (len(points) - 1) + [True]


def test_smoothing_is_the_debiased_running_mean() -> None:
    """The smoothed loss is the exponentially weighted mean of all losses so far.

    A sweep of half as many steps as fastai's forgets twice as fast.
    """
    points, _, _ = swept()
    memory = SMOOTHING ** (STEPS / PARAMS.steps)
    for n in (0, 5, 20):
        weights = [memory ** (n - i) for i in range(n + 1)]
        mean = sum(w * p.loss for w, p in zip(weights, points, strict=False)) / sum(weights)
        assert points[n].smoothed == pytest.approx(mean)


def test_rates_rise_by_equal_factors() -> None:
    """From start to end each rate is the same factor above the one before."""
    rates = [swept_rate(PARAMS, step) for step in range(60)]
    assert rates[0] == PARAMS.start
    assert rates[-1] == pytest.approx(PARAMS.end)
    factors = [b / a for a, b in pairwise(rates)]
    assert factors == pytest.approx([factors[0]] * 59)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"end": 1e-6}, "100 times"),
        ({"steps": 10}, "greater than or equal to 20"),
        ({"start": 0.0}, "greater than 0"),
    ],
)
def test_impossible_sweeps_are_refused(changes: dict, words: str) -> None:
    """A sweep that cannot tell anything is refused with the reason."""
    with pytest.raises(ValidationError, match=words):
        LrFindParams(**{"steps": 60, "start": 1e-7, "end": 10.0, **changes})
