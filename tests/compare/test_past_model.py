"""On which kind of machine a past model was made."""

import json
from pathlib import Path

import pytest

from stages.compare.past_model import processor_of_model
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
    assert processor_of_model(history.cache, name) == "A processor"
    endless = model_in_cache(history, json.dumps({"processor": "x" * 9999}).encode())
    assert len(processor_of_model(history.cache, endless)) == 100


@pytest.mark.parametrize("card", [b"{}", b"[]", b'{"processor": 1}', b"\xff", b"{"])
def test_a_card_that_does_not_say_is_unknown(history: ExampleHistory, card: bytes) -> None:
    """An older model, and a damaged one, name no processor, and stop nothing."""
    assert processor_of_model(history.cache, model_in_cache(history, card)) == ""


def test_what_the_cache_lacks_is_unknown(history: ExampleHistory) -> None:
    """Without a model, its listing or its card the answer is empty."""
    listing = history.put_folder_in_cache({"model.json": "0" * 32})
    other = history.put_folder_in_cache({"model.safetensors": history.put_in_cache(b"x")})
    for name in ("", "0" * 32 + ".dir", "no md5", listing, other):
        assert processor_of_model(history.cache, name) == ""
