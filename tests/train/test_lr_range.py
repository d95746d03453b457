"""The range test leaves everything as it was and stops where it should."""

from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.base.ranks import Rank
from stages.train.launch import launch
from stages.train.lr_find_params import LrFindParams
from stages.train.lr_range import SMOOTHING, SMOOTHING_STEPS, SweepPoint, sweep, sweep_lr
from stages.train.param_groups import freeze
from stages.train.step import Trainer, make_trainer
from tests.train import two_processes
from tests.train.tiny_training import CPU, tiny_batches, tiny_model

PARAMS = LrFindParams(steps=60, start=1e-7, end=10.0)


def frozen_trainer() -> Trainer:
    """Return a trainer of the head and the norm layers."""
    model = tiny_model()
    freeze(model, train_bn=True)
    return make_trainer(model, CPU, "cross_entropy", 0.0)


def sweep_of(trainer: Trainer, params: LrFindParams = PARAMS) -> list[SweepPoint]:
    """Return the points of a sweep."""
    return sweep(trainer, True, cycle(tiny_batches()), params, seed=1)


def test_model_optimizer_and_random_state_are_restored() -> None:
    """After the sweep weights, optimizer and random state are as before, so another is the same."""
    trainer = frozen_trainer()
    before: dict[str, Tensor] = {
        name: tensor.clone() for name, tensor in trainer.model.state_dict().items()
    }
    random_state = torch.get_rng_state()
    points = sweep_of(trainer)
    assert len(points) > 20
    assert torch.equal(torch.get_rng_state(), random_state)
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert not trainer.optimizer.state
    assert sweep_of(trainer) == points


def test_it_stops_where_the_loss_explodes() -> None:
    """The sweep ends early once the smoothed loss is four times its best, not before."""
    points = sweep_of(frozen_trainer(), LrFindParams(steps=200, start=1e-4, end=1000.0))
    best = np.minimum.accumulate([point.smoothed for point in points])
    exploded = [point.smoothed > 4 * least for point, least in zip(points, best, strict=True)]
    assert len(points) < 200
    assert exploded == [False] * (len(points) - 1) + [True]


def test_it_stops_before_a_loss_that_is_no_number() -> None:
    """A batch of NaN ends the sweep, and is no point of the curve."""
    batches = tiny_batches()
    nan_batch = replace(batches[0], images=batches[0].images * float("nan"))
    points = sweep(frozen_trainer(), True, [*batches[:3], nan_batch], PARAMS, seed=1)
    assert [point.step for point in points] == [0, 1, 2]


def test_smoothing_is_the_debiased_running_mean() -> None:
    """The smoothed loss is the exponentially weighted mean of all losses so far.

    A sweep of half as many steps as fastai's forgets twice as fast.
    """
    points = sweep_of(frozen_trainer())
    memory = SMOOTHING ** (SMOOTHING_STEPS / PARAMS.steps)
    losses = np.array([point.loss for point in points])
    for step in (0, 5, 20):
        weights = memory ** np.arange(step, -1, -1)
        expected = np.average(losses[: step + 1], weights=weights)
        assert points[step].smoothed == pytest.approx(expected)


def test_rates_rise_by_equal_factors() -> None:
    """From start to end each rate is the same factor above the one before."""
    lrs = [sweep_lr(PARAMS, step) for step in range(60)]
    assert lrs[0] == PARAMS.start
    assert lrs[-1] == pytest.approx(PARAMS.end)
    factors = [larger / smaller for smaller, larger in pairwise(lrs)]
    assert factors == pytest.approx([factors[0]] * 59)


@pytest.mark.slow
def test_a_sweep_of_two_processes_is_that_of_one(tmp_path: Path) -> None:
    """Each computes its share of every batch; all have the curve of one process, to its end."""
    two_processes.find_curve(tmp_path)
    launch(two_processes.find_curve, 2, "cpu", tmp_path)
    ranks = (Rank(0, 1), Rank(0, 2), Rank(1, 2))
    files = [np.load(two_processes.result_file(tmp_path, rank)) for rank in ranks]
    alone, first, second = (file["losses"] for file in files)
    assert 20 < len(alone) < 40  # it ended where the loss exploded
    assert np.array_equal(first, second)
    assert len(first) == len(alone)
    np.testing.assert_allclose(first[:20], alone[:20], rtol=1e-4)
