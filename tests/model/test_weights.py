"""Weights from files: what fits is loaded exactly, what does not is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.model.weights import load_in_order, load_weights, read_tensors


def small_network(seed: int) -> nn.Sequential:
    """Return a network of a convolution and a batch norm."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def assert_same(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Compare every tensor of a network with a state that has at least these."""
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name]), name


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_a_file_fills_the_network(tmp_path: Path, ending: str) -> None:
    """Tensors of the network's names are loaded; others in the file, as of a head, stay out."""
    state = small_network(1).state_dict() | {"head.weight": torch.ones(2)}
    path = tmp_path / f"weights{ending}"
    if ending == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    network = small_network(2)
    load_weights(network, str(path))
    assert_same(network, state)


def test_a_training_checkpoint_of_torch_is_understood(tmp_path: Path) -> None:
    """Where a .pth holds the weights under state_dict, as many training scripts write, it fits."""
    state = small_network(1).state_dict()
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "checkpoint.pth")
    network = small_network(2)
    load_weights(network, str(tmp_path / "checkpoint.pth"))
    assert_same(network, state)


def test_half_precision_files_become_float32(tmp_path: Path) -> None:
    """Tensors stored as float16 are used as float32."""
    state = small_network(1).state_dict()
    half = {name: tensor.half() if tensor.ndim == 4 else tensor for name, tensor in state.items()}
    save_file(half, tmp_path / "half.safetensors")
    network = small_network(2)
    load_weights(network, str(tmp_path / "half.safetensors"))
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert torch.equal(network.state_dict()["0.weight"], half["0.weight"].float())


def test_the_count_of_batches_may_be_missing(tmp_path: Path) -> None:
    """Old files lack the number of batches that a norm layer has counted, and are still whole."""
    state = small_network(1).state_dict()
    del state["1.num_batches_tracked"]
    save_file(state, tmp_path / "old.safetensors")
    network = small_network(2)
    load_weights(network, str(tmp_path / "old.safetensors"))
    assert torch.equal(network.state_dict()["0.weight"], state["0.weight"])


def test_missing_tensors_are_refused(tmp_path: Path) -> None:
    """Weights of another architecture are refused with the count and an example."""
    save_file({"conv9.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    words = r"does not fit model\.arch: 6 of 7 tensors missing and 0 of another shape, .* 0\.weight"
    with pytest.raises(UserError, match=words):
        load_weights(small_network(2), str(tmp_path / "other.safetensors"))


def test_tensors_of_another_shape_are_refused(tmp_path: Path) -> None:
    """Weights of a wider network are refused, and the network stays as it was."""
    state = small_network(1).state_dict() | {"0.bias": torch.zeros(9)}
    save_file(state, tmp_path / "wide.safetensors")
    network = small_network(2)
    with pytest.raises(UserError, match=r"0 of 7 tensors missing and 1 of another .* 0\.bias"):
        load_weights(network, str(tmp_path / "wide.safetensors"))
    assert_same(network, small_network(2).state_dict())


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    """A missing file, a text file and a pickle of code are refused in one line each."""
    (tmp_path / "text.pth").write_text("not weights", encoding="utf-8")
    (tmp_path / "text.safetensors").write_text("not weights", encoding="utf-8")
    torch.save({"x": Path("code")}, tmp_path / "code.pth")
    with pytest.raises(UserError, match="there is no file"):
        read_tensors(str(tmp_path / "absent.pth"))
    for name in ("text.pth", "text.safetensors", "code.pth"):
        with pytest.raises(UserError, match="cannot be read as weights"):
            read_tensors(str(tmp_path / name))


def test_a_file_without_names_has_no_tensors(tmp_path: Path) -> None:
    """A list of tensors names none, so that nothing of it can be loaded."""
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    assert read_tensors(str(tmp_path / "list.pth")) == {}


def test_tensors_of_other_names_are_loaded_in_order() -> None:
    """Where only the names differ, each tensor goes to the place of the same order."""
    state = small_network(1).state_dict()
    renamed = {f"layer{number}": tensor for number, tensor in enumerate(state.values())}
    network = small_network(2)
    load_in_order(network, renamed)
    assert_same(network, state)


def test_another_order_of_shapes_is_refused() -> None:
    """Tensors in another order, or one too few, do not fit the network."""
    state = small_network(1).state_dict()
    swapped = dict(reversed(state.items()))
    shortened = dict(list(state.items())[:-1])
    for tensors in (swapped, shortened):
        with pytest.raises(UserError, match="the package does not fit"):
            load_in_order(small_network(2), tensors)
