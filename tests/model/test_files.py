"""A model on disk: the same predictions, the same bytes, and model.json as others read it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stages.base.errors import UserError
from stages.model.backbones import Cut
from stages.model.classifier import Classifier, ModelParams, build_classifier
from stages.model.files import ModelCard, load_model, save_model

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


def test_model_json_has_the_names_and_order_of_the_format(tmp_path: Path) -> None:
    """The keys of model.json and their order are what other programs read."""
    save_model(tmp_path, model_of(CARD), CARD)
    content = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))
    assert list(content) == [
        "format", "arch", "weights", "head", "cut", "vocab", "size", "loss", "presize", "base_lr",
        "seed", "device", "precision", "threads", "processes", "torch", "mean", "std",
    ]  # fmt: skip
    assert content["format"] == "finetrack model 2"
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
    with pytest.raises(UserError, match=r"there is no model in .*; make one: dvc repro fine_tune"):
        load_model(tmp_path)


def test_a_model_of_another_format_is_refused(tmp_path: Path) -> None:
    """A model.json of another version is refused by name."""
    (tmp_path / "model.json").write_text('{"format": "finetrack model 9"}', encoding="utf-8")
    with pytest.raises(UserError, match=r"model\.json is of another format; make it anew"):
        load_model(tmp_path)
