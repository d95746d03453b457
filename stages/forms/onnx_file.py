"""The classifier as one ONNX file: the same bytes for the same model, nothing of the machine."""

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime import InferenceSession, SessionOptions
from onnxscript import optimizer
from torch import nn

from stages.base.errors import UserError
from stages.forms.pixel_classifier import PixelClassifier

OPSET = 20  # of the operators; onnxruntime knows it since version 1.17
INPUT = "pixels"
OUTPUT = "probabilities"
_MOST_BYTES = 2**31 - 1  # of one file, as protobuf has it
_IMAGES_AT_ONCE = 32
_ERRORS_ONLY = 3  # severity of onnxruntime's log
# Where the exporter writes lines of source with the folders of this machine, and its own version.
_NOTES = ("doc_string", "metadata_props")


@dataclass(frozen=True, kw_only=True)
class OnnxFacts:
    """What stands in the file's metadata, so that it can be used without any other file."""

    class_names: list[str]
    thresholds: Mapping[str, float | None]  # percent right -> confidence to accept from
    temperature: float
    presize: int  # shorter side that a photo is reduced to first, pixels
    size: int  # side of the input, pixels
    activation: str  # softmax, or sigmoid for classes that answer each by itself
    weights_sha256: str  # of data/model/model.safetensors

    def as_text(self) -> dict[str, str]:
        """Return the metadata by name; lists and mappings are JSON."""
        texts = {name: value for name, value in vars(self).items() if isinstance(value, str)}
        others = {name: value for name, value in vars(self).items() if name not in texts}
        return {**{name: json.dumps(value) for name, value in others.items()}, **texts}


def to_onnx(classifier: PixelClassifier, size: int, facts: OnnxFacts) -> bytes:
    """Return the ONNX file for any number of images (N, S, S, 3) float32, levels from 0 to 255.

    A network that the exporter cannot follow is a UserError.
    """
    _out_of_place(classifier)
    example = torch.zeros(2, size, size, 3)
    try:
        with warnings.catch_warnings(action="ignore"):
            program: Any = torch.onnx.export(
                classifier.eval(),
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim("images")},),
                optimize=False,
            )
            optimizer.optimize(program.model)
    except Exception as error:
        line = " ".join(str(error).split())[:120]
        raise UserError(
            f"model.arch: torch cannot write this network as ONNX ({line}); "
            "set export.onnx to false"
        ) from None
    return finished_file(program.model_proto, facts)


def _out_of_place(network: nn.Module) -> None:
    """Let activations make new tensors: in place, lite0 takes 11 s to export instead of 7."""
    layers: Iterable[Any] = network.modules()
    for layer in layers:
        if hasattr(layer, "inplace"):
            layer.inplace = False


def finished_file(model: onnx.ModelProto, facts: OnnxFacts) -> bytes:
    """Return the bytes of the model with these facts in its metadata, and no others."""
    _strip_notes(model)
    model.producer_name = "finetrack"
    model.ClearField("producer_version")
    for key, value in sorted(facts.as_text().items()):
        model.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(model)
    size = model.ByteSize()
    if size > _MOST_BYTES:
        raise UserError(
            f"model.arch: as ONNX it has {size:,} bytes, and one file holds {_MOST_BYTES:,}; "
            "set export.onnx to false"
        )
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _strip_notes(message: Any) -> None:
    """Remove the notes of the exporter from a protobuf message and all that lies inside it."""
    for field, value in message.ListFields():
        if field.name in _NOTES:
            message.ClearField(field.name)
        elif field.message_type is not None:
            for inner in [value] if hasattr(value, "ListFields") else value:
                _strip_notes(inner)


class OnnxClassifier:
    """An ONNX file at work on the processor, as onnxruntime runs it."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        self.path = path
        options = SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        self._session = InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def facts(self) -> dict[str, str]:
        """Return the metadata of the file."""
        metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        return metadata

    def answer(self, pixels: np.ndarray) -> np.ndarray:
        """Return probabilities (N, C) float32 for pixels (N, S, S, 3) float32."""
        parts = [
            self._session.run([OUTPUT], {INPUT: pixels[start : start + _IMAGES_AT_ONCE]})[0]
            for start in range(0, len(pixels), _IMAGES_AT_ONCE)
        ]
        return np.concatenate(parts)
