"""An ONNX file is opened with what it says of itself, or refused in a line."""

import json
from pathlib import Path

import onnx
import pytest

from stages.base.errors import UserError
from stages.forms.onnx_classifier import OnnxClassifier, OnnxFacts
from stages.forms.onnx_file import to_onnx
from tests.forms.test_onnx_file import FACTS, example_classifier


@pytest.fixture(scope="module")
def content() -> bytes:
    """Return the ONNX file of the example."""
    return to_onnx(example_classifier(), 32, FACTS)


@pytest.mark.parametrize("sha256", ["ab" * 32, "12" * 32, "1e" + "3" * 62])
def test_facts_come_back_as_they_were_written(content: bytes, sha256: str, tmp_path: Path) -> None:
    """Also a checksum that looks like a number stays a text."""
    facts = FACTS.model_copy(update={"weights_sha256": sha256})
    model = onnx.load_from_string(content)
    for entry in model.metadata_props:
        entry.value = facts.as_text()[entry.key]
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    assert OnnxClassifier(tmp_path / "model.onnx").facts == facts


def test_what_is_no_onnx_is_named(tmp_path: Path) -> None:
    """A file of another kind, or none, is a line with its name."""
    (tmp_path / "page.onnx").write_text("<html>")
    for name in ("page.onnx", "absent.onnx"):
        with pytest.raises(UserError, match=rf"{name} is no ONNX file that can be run"):
            OnnxClassifier(tmp_path / name)


@pytest.mark.parametrize("key", sorted(OnnxFacts.model_fields))
def test_an_onnx_file_of_others_is_named(content: bytes, key: str, tmp_path: Path) -> None:
    """A file that lacks what export writes beside the network is refused by what it lacks."""
    model = onnx.load_from_string(content)
    kept = [entry for entry in model.metadata_props if entry.key != key]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=rf"was not written by export: {key} in its metadata"):
        OnnxClassifier(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    "change", [{"class_names": ["cat"]}, {"size": 64}, {"class_names": ["x"] * 5}]
)
def test_facts_of_another_network_are_refused(
    content: bytes, change: dict[str, object], tmp_path: Path
) -> None:
    """Names for more or fewer classes than it has, or another size, are not believed."""
    texts = FACTS.model_copy(update=change).as_text()
    model = onnx.load_from_string(content)
    for entry in model.metadata_props:
        entry.value = texts[entry.key]
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=r"its metadata name .*, its network others"):
        OnnxClassifier(tmp_path / "model.onnx")


def test_impossible_facts_are_named(content: bytes, tmp_path: Path) -> None:
    """A threshold above one is refused by its level."""
    model = onnx.load_from_string(content)
    for entry in model.metadata_props:
        if entry.key == "thresholds":
            entry.value = json.dumps({"95": 1.5})
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=r"thresholds\.95 in its metadata"):
        OnnxClassifier(tmp_path / "model.onnx")
