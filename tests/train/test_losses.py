"""Losses and probabilities, against the book's worked example, scikit-learn and plain sums."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from stages.train.losses import label_margins, loss_per_image, to_pred_probs

RNG = np.random.default_rng(3)
ACTIVATIONS = torch.tensor(RNG.standard_normal((20, 5)) * 3, dtype=torch.float32)
TARGETS = torch.tensor(RNG.integers(0, 5, 20))


def test_worked_example() -> None:
    """Activations .6734 and .2576 are probabilities .6025 and .3975, losses .5067 and .9225."""
    activations = torch.tensor([[0.6734, 0.2576]])
    assert to_pred_probs(activations, "cross_entropy")[0].numpy() == pytest.approx(
        [0.6025, 0.3975], abs=1e-4
    )
    both = torch.cat([activations, activations])
    losses = loss_per_image(both, torch.tensor([0, 1]), "cross_entropy")
    assert losses.numpy() == pytest.approx([0.5067, 0.9225], abs=1e-4)


def test_cross_entropy_is_minus_log_of_softmax() -> None:
    """The mean loss equals scikit-learn's log loss of the probabilities."""
    pred_probs = to_pred_probs(ACTIVATIONS, "cross_entropy").numpy().astype(float)
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    expected = log_loss(TARGETS.numpy(), pred_probs, labels=range(5))
    assert float(loss_per_image(ACTIVATIONS, TARGETS, "cross_entropy").mean()) == pytest.approx(
        expected, rel=1e-5
    )


def test_guessing_costs_ln_classes() -> None:
    """Equal activations cost ln(C) by cross-entropy and ln(2) by bce."""
    equal = torch.zeros(1, 37)
    target = torch.tensor([0])
    assert float(loss_per_image(equal, target, "cross_entropy")) == pytest.approx(np.log(37))
    assert float(loss_per_image(equal, target, "bce")) == pytest.approx(np.log(2))


def test_smoothing_mixes_in_the_mean_over_classes() -> None:
    """Smoothing by s is 1 - s of the loss and s of the mean loss over all classes."""
    log_probs = torch.log_softmax(ACTIVATIONS, 1)
    of_label = -log_probs.gather(1, TARGETS[:, None])[:, 0]
    expected = 0.9 * of_label + 0.1 * -log_probs.mean(dim=1)
    losses = loss_per_image(ACTIVATIONS, TARGETS, "cross_entropy", smoothing=0.1)
    assert torch.allclose(losses, expected, atol=1e-6)


def test_smoothing_of_bce_moves_the_targets() -> None:
    """With bce, smoothing by s asks for 1 - s + s/C of the label and s/C of the other classes."""
    probs = 1 / (1 + np.exp(-ACTIVATIONS.numpy().astype(float)))
    smoothed = np.eye(5)[TARGETS.numpy()] * 0.9 + 0.1 / 5
    expected = -(smoothed * np.log(probs) + (1 - smoothed) * np.log(1 - probs)).mean(axis=1)
    losses = loss_per_image(ACTIVATIONS, TARGETS, "bce", smoothing=0.1)
    assert losses.numpy() == pytest.approx(expected, rel=1e-4)


def test_bce_asks_each_class_for_itself() -> None:
    """Binary cross-entropy is the mean over classes of a yes or no, by its plain formula."""
    probs = 1 / (1 + np.exp(-ACTIVATIONS.numpy().astype(float)))
    one_hot = np.eye(5)[TARGETS.numpy()]
    expected = -(one_hot * np.log(probs) + (1 - one_hot) * np.log(1 - probs)).mean(axis=1)
    assert loss_per_image(ACTIVATIONS, TARGETS, "bce").numpy() == pytest.approx(expected, rel=1e-4)


def test_sigmoid_may_refuse_all_classes() -> None:
    """With bce the probabilities of an image may all be small; softmax always sums to one."""
    all_low = torch.full((1, 4), -6.0)
    assert float(to_pred_probs(all_low, "bce").sum()) < 0.02
    assert float(to_pred_probs(all_low, "cross_entropy").sum()) == pytest.approx(1)


def test_half_precision_activations_lose_nothing_more() -> None:
    """Losses are computed in float32 whatever precision the activations come in."""
    half = ACTIVATIONS.bfloat16()
    assert loss_per_image(half, TARGETS, "cross_entropy").dtype == torch.float32
    assert torch.equal(to_pred_probs(half, "bce"), to_pred_probs(half.float(), "bce"))


def test_margin_is_the_label_minus_the_largest_other() -> None:
    """The margin is positive when right, negative when wrong, by the gap to the rival."""
    pred_probs = torch.tensor([[0.7, 0.2, 0.1]] * 3)
    margins = label_margins(pred_probs, torch.tensor([0, 1, 2])).numpy()
    assert margins == pytest.approx([0.5, -0.5, -0.6])


def test_margin_of_bce_may_have_no_rival() -> None:
    """A class alone in being likely has its own probability as margin, never more than one."""
    margins = label_margins(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    assert float(margins) == 1.0
