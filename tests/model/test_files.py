"""A model on disk: the same predictions, the same bytes, and model.json as others read it."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

from stages.base.errors import UserError
from stages.model.classifier import Classifier, build_classifier
from stages.model.files import ModelCard, load_model, save_model
from stages.model.model_params import Cut, ModelParams
from tests.mapped_files import mapped_files

CARD = ModelCard(
    params=ModelParams(arch="test_resnet", weights="none", head="fastai", cut="none"),
    class_names=["a", "b", "c", "d"],
    size=64,
    loss="cross_entropy",
    presize=160,
    base_lr=0.0032,
    seed=42,
    device="cpu",
    precision="float32",
    threads=2,
    processes=1,
    torch="2.15.0",
)


def model_of(card: ModelCard) -> Classifier:
    """Return a model of random weights, ready to predict."""
    return build_classifier(card.params, len(card.class_names), 0, card.size).eval()


def cut_card(cut: Cut) -> ModelCard:
    """Return the card of a model with its backbone cut."""
    return replace(CARD, params=CARD.params.model_copy(update={"cut": cut}))


@pytest.mark.parametrize("cut", ["none", 16])
def test_a_saved_model_predicts_the_same(tmp_path: Path, cut: Cut) -> None:
    """Saved and loaded again, a model gives the same activations bit for bit."""
    card = cut_card(cut)
    model = model_of(card)
    save_model(tmp_path, model, card)
    loaded, loaded_card = load_model(tmp_path)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(loaded(images), model(images))
    assert loaded_card == card
    assert loaded.mean == model.mean
    assert loaded.std == model.std
    assert not loaded.training


def test_a_loaded_model_maps_no_file(tmp_path: Path) -> None:
    """`make review` keeps a model in memory while the run that it starts replaces its files."""
    save_model(tmp_path, model_of(CARD), CARD)
    model, _ = load_model(tmp_path)
    assert mapped_files(tmp_path) == []
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 4)


def test_model_json_has_the_names_and_order_of_the_format(tmp_path: Path) -> None:
    """The keys of model.json and their order are what other programs read."""
    save_model(tmp_path, model_of(CARD), CARD)
    content = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert list(content) == [
        "format", "arch", "weights", "head", "cut", "vocab", "size", "loss", "presize", "base_lr",
        "seed", "device", "precision", "threads", "processes", "torch", "renderer", "kernels",
        "processor", "mean", "std", "tensors_sha256", "card_sha256",
    ]  # fmt: skip
    assert content["format"] == "finetrack model 3"
    tensors = (tmp_path / "model.safetensors").read_bytes()
    assert content["tensors_sha256"] == hashlib.sha256(tensors).hexdigest()
    assert content["vocab"] == CARD.class_names
    assert content["mean"] == list(model_of(CARD).mean)


def test_the_tensors_are_named_by_their_layers(tmp_path: Path) -> None:
    """The file has the tensors of the model's state, those of the backbone under body."""
    model = model_of(CARD)
    save_model(tmp_path, model, CARD)
    tensors = load_file(tmp_path / "model.safetensors")
    assert set(tensors) == set(model.state_dict())
    assert {name.split(".")[0] for name in tensors} == {"body", "head"}


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """The same model is the same files."""
    for name in ("first", "second"):
        save_model(tmp_path / name, model_of(CARD), CARD)
    for file in ("model.safetensors", "model.json"):
        first = (tmp_path / "first" / file).read_bytes()
        assert first == (tmp_path / "second" / file).read_bytes()


@pytest.mark.parametrize("weights", ["hub", "weights/absent.pth"])
def test_loading_needs_no_other_weights(tmp_path: Path, weights: str) -> None:
    """A model whose training began with weights of a hub or a file loads without them."""
    card = replace(CARD, params=CARD.params.model_copy(update={"weights": weights}))
    save_model(tmp_path, model_of(CARD), card)
    _, loaded_card = load_model(tmp_path)
    assert loaded_card.params.weights == weights


def test_a_missing_model_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """Loading from an empty folder says how to make a model."""
    with pytest.raises(UserError, match=r"there is no model in .*; make one: make repro"):
        load_model(tmp_path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a saved model, not to be changed."""
    folder = tmp_path_factory.mktemp("saved")
    save_model(folder, model_of(CARD), CARD)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder of a saved model, to change."""
    shutil.copytree(saved, tmp_path / "model")
    return tmp_path / "model"


def change(folder: Path, values: dict[str, object], checksum: bool) -> None:
    """Change values of a model.json, None removes one; checksum: make it fit again."""
    path = folder / "model.json"
    content = json.loads(path.read_text(encoding="utf-8")) | values
    content = {name: value for name, value in content.items() if value is not None}
    if checksum:
        del content["card_sha256"]
        text = json.dumps(content, sort_keys=True)
        content["card_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(content), encoding="utf-8")


def resave(folder: Path, content: bytes) -> None:
    """Write a file of tensors, with a model.json that fits it."""
    (folder / "model.safetensors").write_bytes(content)
    change(folder, {"tensors_sha256": hashlib.sha256(content).hexdigest()}, checksum=True)


@pytest.mark.parametrize("number", [2, 9])
def test_a_model_of_another_format_is_refused(folder: Path, number: int) -> None:
    """A model.json of another version is refused by name."""
    change(folder, {"format": f"finetrack model {number}"}, checksum=True)
    words = rf"model\.json is of another format \('finetrack model {number}'.* make .* anew: make"
    with pytest.raises(UserError, match=words):
        load_model(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\udcff"])
def test_a_model_json_of_something_else_is_refused(folder: Path, text: str) -> None:
    """What is no JSON of an object is refused by name."""
    (folder / "model.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"model\.json is (no JSON|of another format)"):
        load_model(folder)


@pytest.mark.parametrize(
    "values", [{"vocab": ["b", "a", "c", "d"]}, {"mean": [0.4, 0.5, 0.5]}, {"size": 96}]
)
def test_a_changed_model_json_is_refused(folder: Path, values: dict[str, object]) -> None:
    """Classes in another order would give every answer another name; so would other facts."""
    change(folder, values, checksum=False)
    with pytest.raises(UserError, match=r"model\.json was changed .*vocab.* card_sha256 differs"):
        load_model(folder)


def test_a_model_json_may_be_laid_out_otherwise(folder: Path) -> None:
    """Indentation and the order of the lines mean nothing."""
    content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    text = json.dumps(dict(reversed(content.items())), indent=7)
    (folder / "model.json").write_text(text, encoding="utf-8")
    assert load_model(folder)[1] == CARD


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"vocab": None}, r"vocab \(field required\)"),
        ({"vocab": []}, r"vocab \(list should have at least 1"),
        ({"vocab": ["a", "b", "c", 4]}, r"vocab\.3 \(input should be a valid string\)"),
        ({"mean": None, "std": None}, r"mean \(field required\); std \(field required\)"),
        ({"std": [0.5, 0.5]}, r"std\.2 \(field required\)"),
        ({"mean": [torch.nan, 0.5, 0.5]}, r"mean\.0 \(input should be a finite number\)"),
        ({"size": "64"}, r"size \(input should be a valid integer\)"),
        ({"size": 10**9}, r"size \(input should be less than"),
        ({"arch": None}, r"arch \(field required\)"),
        ({"loss": "hinge"}, r"loss \(input should be 'cross_entropy' or 'bce'\)"),
        ({"tensors_sha256": None}, r"tensors_sha256 \(field required\)"),
    ],
)
def test_missing_and_wrong_values_are_named(
    folder: Path, values: dict[str, object], words: str
) -> None:
    """A model.json of another maker, whose checksum fits, is refused by file and key."""
    change(folder, values, checksum=True)
    with pytest.raises(UserError, match=rf"model\.json says nothing usable of {words}.*make repro"):
        load_model(folder)


@pytest.mark.parametrize(
    "values", [{"arch": "test_vit"}, {"arch": "resnet_0"}, {"vocab": ["a"]}, {"weights": "package"}]
)
def test_a_network_that_does_not_fit_its_tensors_is_refused(
    folder: Path, values: dict[str, object]
) -> None:
    """Another architecture, one that is not installed and another number of classes are named."""
    change(folder, values, checksum=True)
    with pytest.raises(UserError, match=r"model\.json: the network .* cannot take the tensors"):
        load_model(folder)


@pytest.mark.parametrize("damage", ["cut", "bit", "gone", "other"])
def test_damaged_tensors_are_refused(folder: Path, damage: str) -> None:
    """Tensors that are cut short, that rotted, that are missing or another model's are named."""
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(
        {"cut": path.read_bytes()[:-9], "bit": bytes(content), "gone": b"", "other": save({})}[
            damage
        ]
    )
    if damage == "gone":
        path.unlink()
    words = r"model\.safetensors (is damaged or of another model|cannot be read).*make repro"
    with pytest.raises(UserError, match=words):
        load_model(folder)


def test_tensors_that_are_none_are_refused(folder: Path) -> None:
    """A file of something else, whose checksum fits, is named."""
    resave(folder, b"no tensors")
    with pytest.raises(UserError, match=r"model\.safetensors holds no tensors"):
        load_model(folder)


def test_a_model_of_no_numbers_is_refused(folder: Path) -> None:
    """A model whose training diverged would answer NaN; the error names a tensor."""
    tensors = load_file(folder / "model.safetensors")
    tensors["head.1.weight"][3] = torch.nan
    resave(folder, save(tensors))
    words = r"model\.safetensors holds NaN or infinity in 1 of \d+ tensors, such as head\.1\.weight"
    with pytest.raises(UserError, match=words):
        load_model(folder)
