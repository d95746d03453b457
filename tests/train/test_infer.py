"""Inference: one pass over images, without learning."""

import numpy as np
import pytest
import torch

from stages.train import infer
from stages.train.infer import pooled_features, predict_batches
from stages.train.late_fetch import LateFetch
from tests.train.tiny_training import CPU, layer, tiny_batches, tiny_model


def test_predictions_come_in_order() -> None:
    """Rows are those of the batches, one after the other, and each sums to one."""
    model = tiny_model()
    batches = tiny_batches(3)
    pred_probs = predict_batches(model, batches, CPU, "cross_entropy").pred_probs
    by_batch = [
        predict_batches(model, [batch], CPU, "cross_entropy").pred_probs for batch in batches
    ]
    assert pred_probs == pytest.approx(np.concatenate(by_batch), abs=1e-6)
    assert pred_probs.dtype == np.float32
    assert pred_probs.sum(axis=1) == pytest.approx(np.ones(27), abs=1e-5)


def test_the_loss_is_the_mean_over_images() -> None:
    """Batches of different sizes weigh by their images."""
    batches = [*tiny_batches(1, size=9), *tiny_batches(1, size=2)]
    inference = predict_batches(tiny_model(), batches, CPU, "cross_entropy")
    targets = torch.cat([batch.targets for batch in batches]).numpy()
    expected = -np.log(inference.pred_probs[np.arange(11), targets]).mean()
    assert inference.loss == pytest.approx(expected, rel=1e-5)


def test_prediction_changes_nothing() -> None:
    """Predicting leaves the statistics of norm layers as they are."""
    model = tiny_model()
    norm = layer(model.body, 1)
    before = norm.running_mean.clone()
    predict_batches(model, tiny_batches(2), CPU, "bce")
    assert torch.equal(norm.running_mean, before)


def test_features_are_pooled_as_the_head_does() -> None:
    """Pooled features are each channel's largest and mean activation over height and width."""
    model = tiny_model().eval()
    batches = tiny_batches(2)
    with torch.no_grad():
        features = torch.cat([model.body(batch.images) for batch in batches])
    pooled = np.concatenate([*pooled_features(model, batches, CPU)])
    assert pooled[:, :8] == pytest.approx(features.amax((2, 3)).numpy(), abs=1e-6)
    assert pooled[:, 8:] == pytest.approx(features.mean((2, 3)).numpy(), abs=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_batches_that_a_gpu_is_behind_come_in_order(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are under way, results are in the order of the batches, and complete."""
    expected = predict_batches(tiny_model(), tiny_batches(count), CPU, "cross_entropy")
    log: list[str] = []

    class Late(LateFetch):
        def result(self) -> torch.Tensor:
            log.append("wait")
            return super().result()

    def fetch_later(values: torch.Tensor) -> LateFetch:
        log.append("begin")
        return Late(values, None)

    monkeypatch.setattr(infer, "fetch_later", fetch_later)
    late = predict_batches(tiny_model(), tiny_batches(count), CPU, "cross_entropy")
    assert late.pred_probs.tolist() == expected.pred_probs.tolist()
    assert late.loss == expected.loss
    ahead = min(2, count)
    # Two are begun before any is waited for, and two stay under way until the last is begun.
    assert log == ["begin"] * ahead + ["begin", "wait"] * (count - ahead) + ["wait"] * ahead
