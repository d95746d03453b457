"""One pass over images, and the device that makes it."""

import numpy as np
import pytest
import torch

from stages.base.errors import UserError
from stages.train.device import open_device
from stages.train.infer import pooled_features, predict_batches
from tests.train.tiny import CPU, tiny_batches, tiny_model


def test_predictions_come_in_order() -> None:
    """Rows are those of the batches, one after the other, and each sums to one."""
    model, batches = tiny_model(), tiny_batches(3)
    found = predict_batches(model, batches, CPU, "cross_entropy")
    one_by_one = [
        predict_batches(model, [batch], CPU, "cross_entropy").pred_probs for batch in batches
    ]
    assert found.pred_probs == pytest.approx(np.concatenate(one_by_one), abs=1e-6)
    assert found.pred_probs.dtype == np.float32
    assert found.pred_probs.sum(axis=1) == pytest.approx(np.ones(27), abs=1e-5)


def test_the_loss_is_the_mean_over_images() -> None:
    """Batches of different sizes weigh by their images."""
    model, (large,), (small,) = tiny_model(), tiny_batches(1, size=9), tiny_batches(1, size=2)
    both = predict_batches(model, [large, small], CPU, "cross_entropy")
    targets = torch.cat([large.targets, small.targets]).numpy()
    expected = -np.log(both.pred_probs[np.arange(11), targets]).mean()
    assert both.loss == pytest.approx(expected, rel=1e-5)


def test_prediction_changes_nothing() -> None:
    """Predicting leaves the statistics of norm layers as they are."""
    model = tiny_model()
    before = model.body[1].running_mean.clone()
    predict_batches(model, tiny_batches(2), CPU, "bce")
    assert torch.equal(model.body[1].running_mean, before)


def test_features_are_means_over_the_map() -> None:
    """Pooled features equal the mean over height and width of what the body gives."""
    model, batches = tiny_model().eval(), tiny_batches(2)
    with torch.no_grad():
        expected = torch.cat([model.body(b.images).mean((2, 3)) for b in batches]).numpy()
    assert pooled_features(model, batches, CPU) == pytest.approx(expected, abs=1e-6)


def test_auto_is_full_precision_on_a_processor() -> None:
    """Without a GPU, auto computes in float32 on the processor."""
    if torch.cuda.is_available():
        assert open_device("auto", "auto").dtype == torch.float16
    else:
        assert open_device("auto", "auto") == CPU


def test_a_missing_gpu_is_an_error() -> None:
    """A device that is asked for and missing is named, never replaced in silence."""
    with pytest.raises(UserError, match=r"FINETRACK_DEVICE=cuda:99 cannot be used"):
        open_device("cuda:99", "auto")
    with pytest.raises(UserError, match="FINETRACK_DEVICE=toaster"):
        open_device("toaster", "auto")


def test_fp16_needs_a_gpu() -> None:
    """fp16 on a processor is refused with what to choose instead."""
    with pytest.raises(UserError, match="choose auto or bf16"):
        open_device("cpu", "fp16")
    assert open_device("cpu", "bf16").dtype == torch.bfloat16
