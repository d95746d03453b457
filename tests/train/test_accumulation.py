"""Gradient accumulation: a batch in parts gives the step of the whole batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.batch.batches import Batch
from stages.model.classifier import Classifier
from stages.train.accumulation import exchange_gradients, split_batch
from stages.train.param_groups import train_mode, unfreeze
from stages.train.step import StepResult, make_trainer
from tests.train.tiny_training import CPU, tiny_batches, tiny_model

BATCH = tiny_batches(1)[0]


@pytest.mark.parametrize("parts", [1, 2, 4, 9, 50])
def test_parts_are_the_batch_in_order(parts: int) -> None:
    """No image is lost or doubled, no part is of one image, and sizes differ by one at most."""
    split = list(split_batch(BATCH, parts))
    assert len(split) == min(parts, 4)
    assert torch.equal(torch.cat([part.images for part in split]), BATCH.images)
    assert torch.equal(torch.cat([part.targets for part in split]), BATCH.targets)
    assert np.array_equal(np.concatenate([part.rows for part in split]), BATCH.rows)
    sizes = [len(part.rows) for part in split]
    assert 2 <= min(sizes) <= max(sizes) <= min(sizes) + 1


def test_a_batch_of_one_image_is_one_part() -> None:
    """The last batch of few images is not divided further than it can be."""
    one = Batch(images=BATCH.images[:1], targets=BATCH.targets[:1], rows=BATCH.rows[:1])
    assert [len(part.rows) for part in split_batch(one, 8)] == [1]


def test_a_model_of_one_process_exchanges_nothing() -> None:
    """A plain model has nobody to wait for, with the last part or before it."""
    model = tiny_model()
    for now in (False, True):
        with exchange_gradients(model, now):
            assert model(BATCH.images).shape == (9, 3)


def steps(accumulate: int, train_bn: bool = False) -> tuple[Classifier, list[StepResult]]:
    """Return a model after three steps in parts, in float64, its head without dropout or norms.

    Adam divides a gradient by its size, so that in float32 one that is nearly nothing, and of which
    the last digits are all, still moves its weight by as much as others.
    """
    model = tiny_model().double()
    unfreeze(model, train_bn, frozen_share=0)
    train_mode(model, train_bn)
    model.head.eval()
    trainer = make_trainer(model, CPU, "cross_entropy", 0.1, accumulate)
    batches = [replace(batch, images=batch.images.double()) for batch in tiny_batches(3)]
    return model, [trainer.step(batch, [1e-3, 1e-2], 0.95, 1) for batch in batches]


@pytest.mark.parametrize("accumulate", [2, 3, 4])
def test_parts_give_the_step_of_the_whole_batch(accumulate: int) -> None:
    """Where norms are still, weights, losses and margins agree to 1e-6, parts equal or not."""
    whole, results = steps(1)
    in_parts, part_results = steps(accumulate)
    for name, value in whole.state_dict().items():
        assert in_parts.state_dict()[name].numpy() == pytest.approx(value.numpy(), abs=1e-6), name
    for result, part_result in zip(results, part_results, strict=True):
        assert part_result.loss == pytest.approx(result.loss, abs=1e-6)
        assert part_result.margins.numpy() == pytest.approx(result.margins.numpy(), abs=1e-6)


def test_norm_layers_that_learn_see_a_part() -> None:
    """Norm layers that learn normalise each part by itself, so that the loss is another one."""
    _, [whole, *_] = steps(1, train_bn=True)
    _, [in_parts, *_] = steps(3, train_bn=True)
    assert abs(whole.loss - in_parts.loss) > 1e-4
