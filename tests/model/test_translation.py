"""Translation: files under the names of their own repositories, and for other image sizes."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from stages.model.translation import translate, unwrap

Make = Callable[..., Any]


def maker(arch: str, **options: Any) -> Make:
    """Return what creates a backbone of timm as make_backbone does."""
    return partial(timm.create_model, arch, num_classes=0, global_pool="", **options)


def classifier_state(arch: str) -> dict[str, Tensor]:
    """Return the tensors of a whole classifier, with random numbers in all of them."""
    generator = torch.Generator().manual_seed(1)
    state: Mapping[str, Tensor] = timm.create_model(arch, num_classes=10).state_dict()
    return {
        name: torch.rand(tensor.shape, generator=generator)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in state.items()
    }


def convnext_name(name: str) -> str:
    """Return the name that facebookresearch/ConvNeXt has for a tensor of timm's ConvNeXt."""
    name = re.sub(r"^stem\.", "downsample_layers.0.", name)
    name = re.sub(r"^stages\.(\d+)\.downsample", r"downsample_layers.\1", name)
    name = re.sub(r"^stages\.(\d+)\.blocks", r"stages.\1", name)
    name = name.replace("conv_dw", "dwconv").replace("mlp.fc", "pwconv")
    return name.replace("head.norm", "norm").replace("head.fc", "head")


@pytest.mark.parametrize("wrapper", ["", "model.", "model.module."])
def test_names_of_another_repository_become_timms(wrapper: str) -> None:
    """A checkpoint of facebookresearch/ConvNeXt fills timm's network, wrapped or not."""
    state = classifier_state("test_convnext")
    original = {wrapper + convnext_name(name): tensor for name, tensor in state.items()}
    assert f"{wrapper}downsample_layers.0.0.weight" in original
    loaded = translate(maker("test_convnext"), "head.fc", original)
    needed = maker("test_convnext")().state_dict()
    assert loaded.keys() == needed.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.items())


def test_position_embeddings_are_resampled() -> None:
    """A ViT's file for 160 px fills one for 96: a map of positions shrinks, its mean stays."""
    state = classifier_state("test_vit")
    state["pos_embed"] = torch.full_like(state["pos_embed"], 0.25)
    loaded = translate(maker("test_vit", img_size=96), "head", state)
    assert loaded["pos_embed"].shape == (1, 1 + (96 // 16) ** 2, 64)
    assert torch.allclose(loaded["pos_embed"], torch.tensor(0.25), atol=1e-3)
    assert torch.equal(loaded["blocks.0.attn.qkv.weight"], state["blocks.0.attn.qkv.weight"])


def test_what_the_file_lacks_is_left_out() -> None:
    """Timm draws what a file does not hold; here it is missing, so that it can be refused."""
    state = classifier_state("test_vit")
    lacking = {name: tensor for name, tensor in state.items() if "blocks.1.mlp" not in name}
    loaded = translate(maker("test_vit", img_size=96), "head", lacking)
    needed = maker("test_vit", img_size=96)().state_dict()
    missing = [name for name in needed if name not in loaded]
    assert missing == [name for name in needed if "blocks.1.mlp" in name]


@pytest.mark.parametrize("arch", ["test_convnext", "test_vit"])
def test_files_of_another_network_cannot_be_translated(arch: str) -> None:
    """However timm's translator fails, it is a ValueError, or nothing is filled."""
    try:
        loaded = translate(maker(arch), "head", classifier_state("test_resnet"))
    except ValueError:
        return
    assert loaded == {}


@pytest.mark.parametrize(
    ("names", "inside"),
    [
        (["fc.bias"], ["fc.bias"]),
        (["state_dict.fc.bias", "state_dict_ema.fc.weight"], ["fc.weight"]),
        (["state_dict.model.fc.bias", "optimizer.state.0.step"], ["fc.bias"]),
        (["_orig_mod.module.fc.bias"], ["fc.bias"]),
        (["visual.proj", "transformer.bias"], ["visual.proj", "transformer.bias"]),
    ],
)
def test_wrappers_are_taken_off(names: list[str], inside: list[str]) -> None:
    """What training scripts put around the weights goes, nested too; averaged weights first."""
    assert list(unwrap({name: torch.ones(1) for name in names})) == inside
