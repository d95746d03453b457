"""On which kind of machine a past model was made, and whether another is the same."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from stages.compare.past_model import PastModel, read_past_model
from stages.train.device import ComputeFacts
from tests.compare.example_history import ExampleHistory


def model_in_cache(history: ExampleHistory, card: bytes) -> str:
    """Put a model with this model.json into the cache; return the md5 of its folder."""
    return history.put_folder_in_cache({"model.json": history.put_in_cache(card)})


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with an empty cache."""
    return ExampleHistory(tmp_path / "repo")


def test_the_card_names_the_processor(history: ExampleHistory) -> None:
    """It is that of model.json in the folder that dvc.lock names, cut where it is very long."""
    name = model_in_cache(history, json.dumps({"processor": "A processor"}).encode())
    assert read_past_model(history.cache, name).processor == "A processor"
    endless = model_in_cache(history, json.dumps({"processor": "x" * 9999}).encode())
    assert len(read_past_model(history.cache, endless).processor) == 100


@pytest.mark.parametrize("card", [b"{}", b"[]", b'{"processor": 1}', b"\xff", b"{"])
def test_a_card_that_does_not_say_is_unknown(history: ExampleHistory, card: bytes) -> None:
    """An older model, and a damaged one, name no processor, and stop nothing."""
    name = model_in_cache(history, card)
    assert read_past_model(history.cache, name).processor == ""


def test_what_the_cache_lacks_is_unknown(history: ExampleHistory) -> None:
    """Without a model, its listing or its card the answer is empty."""
    listing = history.put_folder_in_cache({"model.json": "0" * 32})
    other = history.put_folder_in_cache({"model.safetensors": history.put_in_cache(b"x")})
    for name in ("", "0" * 32 + ".dir", "no md5", listing, other):
        assert read_past_model(history.cache, name).use == ""
        assert read_past_model(history.cache, name).processor == ""


def model_of(history: ExampleHistory, card: Mapping[str, Any], tensors: bytes) -> PastModel:
    """Return a model of a card and its tensors."""
    files = {"model.json": json.dumps(card).encode(), "model.safetensors": tensors}
    listing = {path: history.put_in_cache(content) for path, content in files.items()}
    return read_past_model(history.cache, history.put_folder_in_cache(listing))


def test_the_machine_alone_makes_no_other_model(history: ExampleHistory) -> None:
    """Equal weights and classes are one model, whatever its card says of where it was made."""
    card = {"vocab": ["cat", "dog"], "size": 96}
    machine = dict.fromkeys([*get_type_hints(ComputeFacts), "processor", "card_sha256"], "other")
    first = model_of(history, card, b"x")
    elsewhere = model_of(history, card | machine, b"x")
    renamed = model_of(history, card | {"vocab": ["a", "b"]}, b"x")
    assert first.folder != elsewhere.folder
    assert first.is_same(elsewhere)
    assert not first.is_same(renamed)
    assert first.has_weights_of(renamed)
    trained = model_of(history, card, b"y")
    assert not trained.has_weights_of(first)
    assert not trained.is_same(first)


def test_a_model_that_the_cache_lacks_is_known_by_its_folder() -> None:
    """The same md5 in dvc.lock is the same model; of none, and of others, nothing is known."""
    assert PastModel(folder="1.dir").is_same(PastModel(folder="1.dir"))
    assert not PastModel(folder="1.dir").is_same(PastModel(folder="2.dir"))
    assert not PastModel().is_same(PastModel())
    assert not PastModel().has_weights_of(PastModel())
