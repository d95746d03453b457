"""Files of weights: read without running code, whatever stands in them beside tensors."""

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file

from stages.base.errors import UserError
from stages.model.weights_file import read_tensors

STATE = {"fc.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.zeros(2)}
RAN: list[str] = []


def leave_trace(word: str) -> None:
    """Record that code of a file ran."""
    RAN.append(word)


class Loud:
    """An object that leaves a trace when a pickle of it is read as pickles are."""

    def __init__(self, call: Callable[..., object] = leave_trace) -> None:
        """Take what is to be called."""
        self.call = call

    def __reduce__(self) -> tuple[object, ...]:
        """Return a call for the reader to make."""
        return (self.call, ("true",))


class CfgNode(dict[str, object]):
    """A dictionary with attributes, as yacs' settings in Swin's checkpoints."""

    def __getstate__(self) -> dict[str, object]:
        """Return attributes for the pickle, of which one would hide a method of dict."""
        return {"frozen": True, "items": None}


class Names(list[str]):
    """A list of a class of its own."""


class TitledNames(list[str]):
    """A list with an attribute, which torch does not read."""

    def __init__(self, names: list[str]) -> None:
        """Take the names."""
        super().__init__(names)
        self.title = "breeds"


def saved(folder: Path, content: object) -> Path:
    """Save a checkpoint as torch does."""
    torch.save(content, folder / "w.pth")
    return folder / "w.pth"


@pytest.fixture
def fastcore(monkeypatch: pytest.MonkeyPatch) -> type:
    """Return a class L of a package that is then not installed, as fastai's checkpoints name it."""
    module = ModuleType("fastcore.foundation")
    listing = type("L", (), {"__module__": "fastcore.foundation"})
    monkeypatch.setattr(module, "L", listing, raising=False)
    monkeypatch.setitem(sys.modules, "fastcore", ModuleType("fastcore"))
    monkeypatch.setitem(sys.modules, "fastcore.foundation", module)
    return listing


@pytest.mark.parametrize(
    "beside",
    [
        argparse.Namespace(lr=0.1),  # timm, torchvision's references
        PurePosixPath("data"),  # Lightning's hyper parameters
        Decimal(3),
        {"nested": [Fraction(1, 3)]},
        CfgNode({"MODEL": CfgNode({"depth": 4, "name": "swin"})}),  # Swin
        defaultdict(list, {"loss": [1.0], "accuracy": [0.5]}),
        {"one": Names(["cat"]), "two": Names(["cat", "dog"]), "cfg": CfgNode({"a": 1})},
    ],
)
def test_objects_beside_the_tensors_do_no_harm(tmp_path: Path, beside: object) -> None:
    """Arguments, paths and the like in a training checkpoint are passed over."""
    tensors = read_tensors(saved(tmp_path, {"model": STATE, "args": beside, "epoch": 3}))
    assert list(tensors) == ["model.fc.weight", "model.fc.bias"]
    assert torch.equal(tensors["model.fc.weight"], STATE["fc.weight"])


def test_classes_that_are_not_installed_do_no_harm(tmp_path: Path, fastcore: type) -> None:
    """The optimizer's state in a checkpoint of fastai's learn.save names a class of fastcore."""
    hypers = fastcore()
    hypers.items = [{"lr": 0.1}]
    path = saved(tmp_path, {"model": STATE, "opt": {"state": [], "hypers": hypers}})
    assert list(read_tensors(path)) == ["model.fc.weight", "model.fc.bias"]


def test_no_code_of_a_file_runs(tmp_path: Path) -> None:
    """A pickle that asks for a call gets none, and its tensors are read."""
    path = saved(tmp_path, {"model": STATE, "loud": Loud()})
    assert list(read_tensors(path)) == ["model.fc.weight", "model.fc.bias"]
    assert RAN == []
    torch.load(path, weights_only=False)
    assert RAN == ["true"]


def test_a_dictionary_of_another_class_gives_its_tensors(tmp_path: Path) -> None:
    """The tensors in a subclass of dict are read, also where its attributes hide its methods."""
    settings = CfgNode({"model": CfgNode(dict(STATE))})
    assert list(read_tensors(saved(tmp_path, settings))) == ["model.fc.weight", "model.fc.bias"]


def test_a_list_with_attributes_is_refused_by_name(tmp_path: Path) -> None:
    """What torch cannot pass over is named, with what to save."""
    words = r"objects that cannot be passed over, \S*TitledNames; where it was made, save"
    with pytest.raises(UserError, match=words):
        read_tensors(saved(tmp_path, {"model": STATE, "names": TitledNames(["cat"])}))


@pytest.mark.parametrize(("protocol", "beside"), [(4, 1), (2, 1 << 4096)], ids=["new", "huge"])
def test_other_pickles_are_refused(tmp_path: Path, protocol: int, beside: int) -> None:
    """A newer protocol of pickle, or a huge integer, is not read; the error does not guess."""
    torch.save({"model": STATE, "seed": beside}, tmp_path / "w.pth", pickle_protocol=protocol)
    words = r"w\.pth .*: it is a pickle that is not read here, no checkpoint, or damaged; where"
    with pytest.raises(UserError, match=words):
        read_tensors(tmp_path / "w.pth")


def test_a_dictionary_inside_itself_is_read_once(tmp_path: Path) -> None:
    """A checkpoint that holds itself gives each tensor once."""
    content: dict[str, object] = {"model": STATE}
    content["self"] = content
    assert list(read_tensors(saved(tmp_path, content))) == ["model.fc.weight", "model.fc.bias"]


def test_a_dictionary_in_many_places_is_read_once(tmp_path: Path) -> None:
    """Sixteen levels of the same dictionary twice are no 65536 networks."""
    content: dict[str, object] = dict(STATE)
    for _ in range(16):
        content = {"a": content, "b": content}
    names = [f"{'a.' * 16}fc.{part}" for part in ("weight", "bias")]
    assert list(read_tensors(saved(tmp_path, content))) == names


def test_dictionaries_too_deep_are_refused_by_file(tmp_path: Path) -> None:
    """No checkpoint of a training is thirty levels deep; the error names the file."""
    content: dict[str, object] = dict(STATE)
    for _ in range(30):
        content = {"a": content}
    with pytest.raises(UserError, match=r"w\.pth holds dictionaries .* more than 20 levels deep"):
        read_tensors(saved(tmp_path, content))


@pytest.mark.parametrize("call", [os.system, RAN.append])
def test_what_cannot_be_passed_over_is_refused_by_name(
    tmp_path: Path, call: Callable[..., object]
) -> None:
    """A call of the system, or of what a call returned, is not made; the error names the code."""
    RAN.clear()
    with pytest.raises(UserError, match=r"passed over, (posix\.system|builtins\.getattr)"):
        read_tensors(saved(tmp_path, {"model": STATE, "loud": Loud(call)}))
    assert RAN == []


def test_a_pickle_of_a_whole_learner_is_refused_by_name(tmp_path: Path, fastcore: type) -> None:
    """What learn.export or torch.save(model) writes is code; the error says what to save."""
    words = r"w\.pth holds no tensor by name, but code, fastcore\.foundation\.L; .*learn\.model"
    with pytest.raises(UserError, match=words):
        read_tensors(saved(tmp_path, fastcore()))
    with pytest.raises(UserError, match=r"but code, .*Linear.*torch\.save\(model\.state_dict\(\)"):
        read_tensors(saved(tmp_path, torch.nn.Linear(2, 2)))


def test_a_list_of_tensors_is_refused(tmp_path: Path) -> None:
    """A list of tensors names none, so that nothing of it can be loaded."""
    with pytest.raises(UserError, match=r"w\.pth holds no tensor by name; where it was made"):
        read_tensors(saved(tmp_path, [torch.zeros(2)]))


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("damage", ["text", "cut"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, name: str, damage: str) -> None:
    """A text and a file that is cut short are refused by name."""
    path = tmp_path / name
    if name == "w.pth":
        torch.save(STATE, path)
    else:
        save_file(STATE, path)
    whole = path.read_bytes()
    path.write_bytes({"text": b"not weights", "cut": whole[:-20]}[damage])
    with pytest.raises(UserError, match=rf"{name} cannot be read as weights") as error:
        read_tensors(path)
    assert len(error.value.lines) == 1
    assert "weights_only" not in str(error.value)  # torch's own advice is to run the code


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_an_empty_file_is_said_to_be_empty(tmp_path: Path, name: str) -> None:
    """A file of no bytes, as a download that failed leaves it, is named as that."""
    (tmp_path / name).touch()
    with pytest.raises(UserError, match=rf"model\.weights: .*{name} is empty; download or copy it"):
        read_tensors(tmp_path / name)


def test_a_file_that_is_not_there_is_named_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says where weights belong and what lies there; a folder is no file."""
    folder = tmp_path / "data" / "weights"
    (folder / "sub").mkdir(parents=True)
    for name in ("package", "pets.pth", "pets.pth.dvc", ".gitignore", "sub/a.safetensors"):
        (folder / name).write_text("")
    monkeypatch.chdir(tmp_path)
    words = r"no file data/weights/x\.pth; put .* in data/weights, which holds pets\.pth, sub/a\.s"
    with pytest.raises(UserError, match=words):
        read_tensors(Path("data/weights/x.pth"))
    with pytest.raises(UserError, match="sub is a folder"):
        read_tensors(Path("data/weights/sub"))
