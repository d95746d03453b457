"""Weights from files: what fits is loaded exactly, what does not is refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.model.weights import load_in_order, load_weights, not_finite


def small_network(seed: int, width: int = 4) -> nn.Sequential:
    """Return a network of a convolution and a batch norm, in layers with names."""
    torch.manual_seed(seed)
    network = nn.Sequential()
    network.add_module("conv1", nn.Conv2d(3, width, 3))
    network.add_module("act", nn.ReLU())
    network.add_module("layer1", nn.Sequential(nn.Conv2d(width, 4, 1), nn.BatchNorm2d(4)))
    return network


def state_of(seed: int) -> dict[str, Tensor]:
    """Return the tensors of a small network."""
    return dict(small_network(seed).state_dict())


def prefixed(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with something before each name."""
    return {prefix + name: tensor for name, tensor in state.items()}


def saved(folder: Path, content: object) -> Path:
    """Save a checkpoint as torch does."""
    torch.save(content, folder / "w.pth")
    return folder / "w.pth"


def assert_same(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Compare every tensor of a network with a state that has at least these."""
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_a_file_fills_the_network(tmp_path: Path, ending: str) -> None:
    """Tensors of the network's names are loaded; others in the file, as of a head, stay out."""
    state = state_of(1) | {"head.weight": torch.ones(2)}
    path = tmp_path / f"weights{ending}"
    if ending == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    network = small_network(2)
    load_weights(network, path)
    assert_same(network, state)


@pytest.mark.parametrize(
    "prefix",
    [
        "module.",  # DistributedDataParallel
        "_orig_mod.",  # torch.compile
        "model.",  # a network in a LightningModule
        "module._orig_mod.",
        "_orig_mod.module.",
        "model._orig_mod.backbone.",
        "student.backbone.",
        "0.model.",  # a network of timm in fastai
    ],
)
def test_prefixes_of_wrappers_are_found(tmp_path: Path, prefix: str) -> None:
    """Whatever a wrapper puts before all names, the tensors are those of the network."""
    state = state_of(1)
    others = {"criterion.weight": torch.ones(3), f"{prefix}head.weight": torch.ones(2)}
    network = small_network(2)
    load_weights(network, saved(tmp_path, prefixed(prefix, state) | others))
    assert_same(network, state)


@pytest.mark.parametrize("key", ["model", "state_dict", "model_state_dict", "net"])
@pytest.mark.parametrize("prefix", ["", "module.", "model."])
def test_checkpoints_of_training_scripts_are_understood(
    tmp_path: Path, key: str, prefix: str
) -> None:
    """Torchvision's references, timm, Lightning and fastai keep the weights under a key."""
    state = state_of(1)
    moments = {"state": {number: tensor + 1 for number, tensor in enumerate(state.values())}}
    content = {key: prefixed(prefix, state), "optimizer": moments, "epoch": 3}
    network = small_network(2)
    load_weights(network, saved(tmp_path, content))
    assert_same(network, state)


@pytest.mark.parametrize(
    ("plain", "averaged"),
    [("state_dict.", "state_dict_ema."), ("model.", "model_ema.module."), ("student.", "teacher.")],
)
def test_averaged_weights_come_first(tmp_path: Path, plain: str, averaged: str) -> None:
    """Where a file has the moving average of the weights too, it is taken, as timm does."""
    content = prefixed(plain, state_of(1)) | prefixed(averaged, state_of(3))
    network = small_network(2)
    load_weights(network, saved(tmp_path, content))
    assert_same(network, state_of(3))


@pytest.mark.parametrize("lacking", ["state_dict_ema.", "state_dict."])
def test_averaged_weights_come_first_without_counts(tmp_path: Path, lacking: str) -> None:
    """Averaged weights are taken also where only one side has the numbers of batches."""
    content = prefixed("state_dict.", state_of(1)) | prefixed("state_dict_ema.", state_of(3))
    del content[f"{lacking}layer1.1.num_batches_tracked"]
    network = small_network(2)
    load_weights(network, saved(tmp_path, content))
    assert torch.equal(network.state_dict()["conv1.weight"], state_of(3)["conv1.weight"])


def test_equal_networks_are_one_without_counts(tmp_path: Path) -> None:
    """Two of the same weights are one network also where one lacks the number of batches."""
    content = prefixed("q.", state_of(1)) | prefixed("net.", state_of(1))
    del content["q.layer1.1.num_batches_tracked"]
    network = small_network(2)
    load_weights(network, saved(tmp_path, content))
    assert_same(network, state_of(1))


def test_two_networks_in_one_file_are_refused(tmp_path: Path) -> None:
    """Which of two networks is meant cannot be known; two of the same weights are one."""
    query = prefixed("encoder_q.", state_of(1))
    words = "several networks that fit, encoder_q and encoder_k; save one of them by itself"
    with pytest.raises(UserError, match=words):
        load_weights(small_network(2), saved(tmp_path, query | prefixed("encoder_k.", state_of(3))))
    network = small_network(2)
    load_weights(network, saved(tmp_path, query | prefixed("encoder_k.", state_of(1))))
    assert_same(network, state_of(1))


@pytest.mark.parametrize("prefix", ["", "0.", "model.0."])
def test_the_numbers_of_fastai_are_understood(tmp_path: Path, prefix: str) -> None:
    """Fastai's vision_learner numbers the children of a network: layer1.0 is 2.0."""
    state = state_of(1)
    numbers = {"conv1": "0", "layer1": "2"}
    parts = {name: name.partition(".") for name in state}
    numbered = {f"{numbers[first]}.{rest}": state[name] for name, (first, _, rest) in parts.items()}
    head = prefixed("1.", {"2.weight": torch.ones(9)})
    network = small_network(2)
    load_weights(network, saved(tmp_path, prefixed(prefix, numbered) | head))
    assert_same(network, state)


def test_half_precision_files_become_float32(tmp_path: Path) -> None:
    """Tensors stored as float16 are used as float32."""
    state = state_of(1)
    half = {name: tensor.half() if tensor.ndim == 4 else tensor for name, tensor in state.items()}
    network = small_network(2)
    load_weights(network, saved(tmp_path, half))
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert torch.equal(network.state_dict()["conv1.weight"], half["conv1.weight"].float())


def test_the_count_of_batches_may_be_missing(tmp_path: Path) -> None:
    """Old files lack the number of batches that a norm layer has counted, and are still whole."""
    state = state_of(1)
    del state["layer1.1.num_batches_tracked"]
    network = small_network(2)
    load_weights(network, saved(tmp_path, state))
    assert torch.equal(network.state_dict()["conv1.weight"], state["conv1.weight"])


def test_missing_tensors_are_refused(tmp_path: Path) -> None:
    """Weights of another architecture are refused with the count and examples of both names."""
    words = (
        r"w\.pth does not fit model\.arch: of 9 tensors 8 are missing \(such as conv1\.weight; "
        r"the file has conv9\.weight, \.\.\.\) and 0 have another shape$"
    )
    with pytest.raises(UserError, match=words):
        load_weights(small_network(2), saved(tmp_path, {"conv9.weight": torch.zeros(1)}))


def test_tensors_of_another_width_are_refused_with_their_shapes(tmp_path: Path) -> None:
    """Weights of a wider network are refused with shapes, and the network stays as it was."""
    wide = small_network(1, width=8).state_dict()
    network = small_network(2)
    words = (
        r"of 9 tensors 0 are missing and 3 have another shape "
        r"\(such as conv1\.weight: 8x3x3x3 in the file, 4x3x3x3 in the network\)$"
    )
    with pytest.raises(UserError, match=words):
        load_weights(network, saved(tmp_path, wide))
    assert_same(network, state_of(2))


def test_whole_numbers_for_weights_are_refused(tmp_path: Path) -> None:
    """A quantised file would fill the network with nonsense."""
    state = state_of(1) | {"conv1.bias": torch.zeros(4, dtype=torch.int8)}
    with pytest.raises(UserError, match=r"conv1\.bias: 4 int8 in the file, 4 in the network"):
        load_weights(small_network(2), saved(tmp_path, state))


@pytest.mark.parametrize("prefixes", [("",), ("a.", "b.")])
@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.zeros(4, 3, 3, 3, device="meta"), r"4x3x3x3 without values \(meta\) in the file"),
        (torch.zeros(4, 3, 3, 3).to_sparse(), r"4x3x3x3 sparse_coo in the file"),
    ],
)
def test_tensors_without_plain_values_are_refused(
    tmp_path: Path, prefixes: tuple[str, ...], tensor: Tensor, words: str
) -> None:
    """Meta and sparse tensors do not fit, by name and layout, nor are they compared."""
    state = state_of(1) | {"conv1.weight": tensor}
    content = {name: t for prefix in prefixes for name, t in prefixed(prefix, state).items()}
    if len(prefixes) > 1:
        words = "several networks that fit, a and b"

    def translate(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {name: value for name, value in tensors.items() if value.isfinite().all()}

    with pytest.raises(UserError, match=words):
        load_weights(small_network(2), saved(tmp_path, content), translate)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path: Path, value: float) -> None:
    """One NaN or infinity makes every prediction NaN; the error names the tensor."""
    state = state_of(1)
    state["layer1.0.weight"][1, 0] = value
    words = r"holds NaN or infinity in 1 of 9 tensors, such as layer1\.0\.weight: .* diverged"
    with pytest.raises(UserError, match=words):
        load_weights(small_network(2), saved(tmp_path, state))
    assert not_finite(state) == ["layer1.0.weight"]


def test_a_head_of_no_numbers_stays_out(tmp_path: Path) -> None:
    """What is not loaded may be anything."""
    state = state_of(1) | {"fc.weight": torch.full((2,), torch.nan)}
    network = small_network(2)
    load_weights(network, saved(tmp_path, state))
    assert_same(network, state)


def test_other_names_go_through_the_translation(tmp_path: Path) -> None:
    """Tensors that do not fit as they are named are loaded as translated, if they then fit."""
    state = state_of(1)
    network = small_network(2)
    path = saved(tmp_path, prefixed("Y", state))
    load_weights(network, path, lambda tensors: {name[1:]: t for name, t in tensors.items()})
    assert_same(network, state)

    def unable(_tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        raise ValueError("other names")

    for translate in (unable, lambda tensors: tensors):
        with pytest.raises(UserError, match=r"8 are missing .*the file has Yconv1\.weight"):
            load_weights(small_network(2), path, translate)


def test_tensors_of_other_names_are_loaded_in_order() -> None:
    """Where only the names differ, each tensor goes to the place of the same order."""
    state = state_of(1)
    renamed = {f"layer{number}": tensor for number, tensor in enumerate(state.values())}
    network = small_network(2)
    load_in_order(network, renamed)
    assert_same(network, state)


def test_another_order_of_shapes_is_refused() -> None:
    """Tensors in another order, or one too few, do not fit the network."""
    state = state_of(1)
    swapped = dict(reversed(state.items()))
    shortened = dict(list(state.items())[:-1])
    for tensors in (swapped, shortened):
        with pytest.raises(UserError, match="the package does not fit"):
            load_in_order(small_network(2), tensors)
