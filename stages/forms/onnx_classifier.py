"""An ONNX file at work on the processor, and what its metadata say; it needs no torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from onnxruntime import InferenceSession, SessionOptions
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.base.errors import UserError

INPUT = "pixels"
OUTPUT = "probabilities"
_TEXTS = ("activation", "weights_sha256")  # in the metadata, where the rest is JSON
_IMAGES_AT_ONCE = 32
_ERRORS_ONLY = 3  # severity of onnxruntime's log
_Side = Annotated[int, Field(ge=1, le=2**16)]
_Share = Annotated[float, Field(ge=0, le=1)]


class OnnxFacts(BaseModel):
    """What stands in the file's metadata, so that it can be used without any other file."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    class_names: Annotated[list[str], Field(min_length=1)]
    thresholds: Mapping[str, _Share | None]  # percent right -> confidence to accept from
    temperature: Annotated[float, Field(gt=0)]
    presize: _Side  # shorter side that a photo is reduced to first, pixels
    size: _Side  # side of the input, pixels
    activation: Literal["softmax", "sigmoid"]  # sigmoid: classes answer each by itself
    weights_sha256: str  # of data/model/model.safetensors

    def as_text(self) -> dict[str, str]:
        """Return the metadata by name; lists and mappings are JSON."""
        values = self.model_dump().items()
        texts = {name: value for name, value in values if isinstance(value, str)}
        others = {name: json.dumps(value) for name, value in values if name not in texts}
        return {**others, **texts}


class OnnxClassifier:
    """An ONNX file as onnxruntime runs it."""

    def __init__(self, path: Path) -> None:
        """Open the file; a UserError where it is none, or was not written by export."""
        self.path = path
        options = SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            line = " ".join(str(error).split())[:120]
            raise UserError(f"{path} is no ONNX file that can be run ({line})") from None
        self.facts = _read_facts(path, self._session.get_modelmeta().custom_metadata_map)

    def answer(self, pixels: np.ndarray) -> np.ndarray:
        """Return probabilities (N, C) float32 for pixels (N, S, S, 3) float32."""
        parts = [
            self._session.run([OUTPUT], {INPUT: pixels[start : start + _IMAGES_AT_ONCE]})[0]
            for start in range(0, len(pixels), _IMAGES_AT_ONCE)
        ]
        return np.concatenate(parts)


def _read_facts(path: Path, texts: Mapping[str, str]) -> OnnxFacts:
    """Return the metadata of a file: JSON, but for the texts."""
    try:
        return OnnxFacts.model_validate({name: _value(name, texts[name]) for name in texts})
    except ValidationError as error:
        detail = error.errors()[0]
        name = ".".join(map(str, detail["loc"]))
        raise UserError(
            f"{path} was not written by export: {name} in its metadata ({detail['msg']})"
        ) from None


def _value(name: str, text: str) -> Any:
    if name in _TEXTS:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
