"""The section `model` of params.yaml: which network, from which weights; known without torch."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stages.base.param_docs import OF_RECIPE, OTHERS
from stages.base.params import Section
from stages.model.weights_name import refuse_other_places

Cut = Literal["none", 4, 8, 16]
HeadName = Literal["linear", "fastai"]
# What the activations are trained with, which decides how they become probabilities.
LossName = Literal["cross_entropy", "bce"]


class ModelParams(Section):
    """The section `model` of params.yaml."""

    arch: str = Field(
        min_length=1,
        description="the network",
        json_schema_extra={
            **OF_RECIPE,
            OTHERS: "any classifier of timm or torchvision: resnet34, convnext_tiny, ...",
        },
    )
    weights: Annotated[str, AfterValidator(refuse_other_places)] = Field(
        min_length=1,
        description="package (installed with the requirements), hub (downloads), none, or the name"
        " of a .safetensors or .pth in data/weights/",
    )
    head: HeadName = Field(
        description="layers over the backbone",
        json_schema_extra={
            "linear": "one layer, which starts at zero",
            "fastai": "two layers, more dropout",
        },
    )
    cut: Cut = Field(
        description="end a backbone of timm where its map is so many times smaller than the image",
        json_schema_extra={**OF_RECIPE, "none": "all of it, and for torchvision"},
    )


def can_be_probe(params: ModelParams, loss: LossName) -> bool:
    """Return whether a classifier can answer as the probe, a softmax over one linear layer."""
    return params.head == "linear" and loss == "cross_entropy"
