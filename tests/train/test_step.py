"""One step of training, against Adam written out in numpy, and its errors."""

import sys

import numpy as np
import pytest
import torch

from stages.base.errors import UserError
from stages.model.classifier import Classifier
from stages.train.device import Compute
from stages.train.param_groups import train_mode, unfreeze
from stages.train.step import StepResult, make_trainer, refuse_nonfinite
from tests.train.tiny_training import CPU, layer, tiny_batches, tiny_model


def train(seed: int = 1, compute: Compute = CPU) -> tuple[Classifier, list[StepResult]]:
    """Return a model after three steps, and the results of the steps."""
    model = tiny_model()
    unfreeze(model, train_bn=True, frozen_share=0)
    train_mode(model, train_bn=True)
    trainer = make_trainer(model, compute, "cross_entropy", 0.0)
    results = [
        trainer.step(batch, [1e-3, 1e-2], 0.95, seed + number)
        for number, batch in enumerate(tiny_batches(3))
    ]
    return model, results


def test_same_seed_same_weights() -> None:
    """Two runs with the same seeds end in the same bytes."""
    first, _ = train()
    second, _ = train()
    second_state = second.state_dict()
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second_state[name]), name


def test_dropout_follows_the_seed() -> None:
    """Another seed drops other units, and so gives other weights."""
    first, _ = train(seed=1)
    second, _ = train(seed=100)
    assert not torch.equal(layer(first.head, 3).weight, layer(second.head, 3).weight)


def test_update_equals_adam_by_hand() -> None:
    """One parameter over three steps follows Adam with decoupled decay and changing momentum."""
    model = tiny_model()
    unfreeze(model, train_bn=True, frozen_share=0)
    model.eval()  # no dropout, fixed norms: the gradient can be computed apart from the step
    trainer = make_trainer(model, CPU, "cross_entropy", 0.0)
    weight = layer(model.head, 3).weight
    expected = weight.detach().numpy().astype(float).copy()
    mean = np.zeros_like(expected)
    mean_square = np.zeros_like(expected)
    for t, (batch, beta) in enumerate(zip(tiny_batches(3), [0.95, 0.9, 0.85], strict=True), 1):
        loss = torch.nn.functional.cross_entropy(model(batch.images), batch.targets)
        gradient = torch.autograd.grad(loss, weight)[0].numpy().astype(float)
        mean = beta * mean + (1 - beta) * gradient
        mean_square = 0.99 * mean_square + 0.01 * gradient**2
        expected *= 1 - 1e-2 * 0.01
        deviation = np.sqrt(mean_square / (1 - 0.99**t)) + 1e-5
        expected -= 1e-2 * (mean / (1 - beta**t)) / deviation
        trainer.step(batch, [1e-3, 1e-2], beta, seed=0)
    assert weight.detach().numpy() == pytest.approx(expected, abs=2e-5)


def test_the_loss_takes_classes_as_often_as_they_are_drawn() -> None:
    """The ratios are added for the loss alone; margins are those of the model as it answers."""
    model = tiny_model()
    unfreeze(model, train_bn=True, frozen_share=0)
    model.eval()
    batch = tiny_batches(1)[0]
    ratios = np.array([1.0, -0.5, 0.0])
    activations = model(batch.images).detach()
    expected = torch.nn.functional.cross_entropy(activations + torch.tensor(ratios), batch.targets)
    plain = make_trainer(model, CPU, "cross_entropy", 0.0).step(batch, [0.0, 0.0], 0.95, 0)
    trainer = make_trainer(model, CPU, "cross_entropy", 0.0, log_ratios=ratios)
    result = trainer.step(batch, [0.0, 0.0], 0.95, 0)
    assert result.loss == pytest.approx(float(expected), rel=1e-6)
    assert torch.equal(result.margins, plain.margins)


def test_step_reports_the_loss_before_it() -> None:
    """The loss and margins of a step are those of the model as it was."""
    model = tiny_model()
    unfreeze(model, train_bn=True, frozen_share=0)
    model.eval()
    batch = tiny_batches(1)[0]
    before = torch.nn.functional.cross_entropy(model(batch.images), batch.targets)
    result = make_trainer(model, CPU, "cross_entropy", 0.0).step(batch, [0.1, 0.1], 0.95, 0)
    assert result.loss == pytest.approx(float(before.detach()), rel=1e-6)
    assert result.margins.shape == (9,)
    assert (result.margins.abs() <= 1).all()


def test_bf16_stays_near_fp32() -> None:
    """Three steps in bf16 give losses within a tenth of those in float32, the first within 2 %."""
    _, exact = train()
    _, half = train(compute=Compute(torch.device("cpu"), torch.bfloat16))
    assert half[0].loss == pytest.approx(exact[0].loss, rel=0.02)
    for exact_step, half_step in zip(exact, half, strict=True):
        assert half_step.loss == pytest.approx(exact_step.loss, rel=0.1)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), -float("inf")])
def test_a_loss_that_is_no_number_stops(loss: float) -> None:
    """NaN and infinity end training with the step, the rates and the remedy."""
    with pytest.raises(UserError, match=r"at step 7, .*rates 0\.0003 to 0\.003; set.*base_lr"):
        refuse_nonfinite(loss, [0.0003, 0.003], "step 7", "")


def test_the_last_good_checkpoint_is_named() -> None:
    """Where there is a checkpoint, its place is named; a single rate is named once."""
    with pytest.raises(
        UserError, match=r"rates 0\.003; the last good checkpoint is that of step 5"
    ):
        refuse_nonfinite(float("nan"), [0.003], "step 7", "step 5")


def test_an_ordinary_loss_passes() -> None:
    """Zero and the largest floats are losses like others; the first number above is refused."""
    refuse_nonfinite(0.0, [1.0], "", "")
    refuse_nonfinite(sys.float_info.max, [1.0], "", "")
    with pytest.raises(UserError, match="the loss is inf"):
        refuse_nonfinite(2 * sys.float_info.max, [1.0], "", "")


def test_a_step_is_there_when_it_is_asked_for() -> None:
    """What begin_step returns gives the loss and the margins that step gives."""
    results = []
    for late in (False, True):
        model = tiny_model()
        unfreeze(model, train_bn=True, frozen_share=0)
        train_mode(model, train_bn=True)
        trainer = make_trainer(model, CPU, "cross_entropy", 0.0)
        first, second = tiny_batches(2)
        begun = trainer.begin_step(first, [1e-3, 1e-2], 0.95, 1)
        if late:
            trainer.begin_step(second, [1e-3, 1e-2], 0.95, 2)
        results.append(begun.result())
    assert results[0].loss == results[1].loss
    assert results[0].margins.tolist() == results[1].margins.tolist()
