"""An ONNX file at work on the processor, and what its metadata say; it needs no torch."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from onnxruntime import InferenceSession, SessionOptions
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.base.environment import workers
from stages.base.errors import UserError
from stages.base.plural import count_noun

INPUT = "pixels"
OUTPUT = "probabilities"
_TEXTS = ("activation", "weights_sha256", "card_sha256")  # in the metadata, where the rest is JSON
_IMAGES_AT_ONCE = 32
_ERRORS_ONLY = 3  # severity of onnxruntime's log
_Side = Annotated[int, Field(ge=1, le=2**16)]
_Percent = Annotated[str, Field(pattern=r"^\d{1,2}(\.\d+)?$")]
_Share = Annotated[float, Field(ge=0, le=1)]


class OnnxFacts(BaseModel):
    """What stands in the file's metadata, so that it can be used without any other file."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    class_names: Annotated[list[str], Field(min_length=1)]
    thresholds: Mapping[_Percent, _Share | None]  # percent right -> confidence to accept from
    temperature: Annotated[float, Field(gt=0)]
    calibrated: bool  # whether the temperature was fitted, and to answers of this very file
    presize: _Side  # shorter side that a photo is reduced to first, pixels
    size: _Side  # side of the input, pixels
    activation: Literal["softmax", "sigmoid"]  # sigmoid: classes answer each by itself
    weights_sha256: str  # of data/model/model.safetensors
    card_sha256: str  # of data/model/model.json, which names the weights and the classes

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
        options.intra_op_num_threads = workers()
        # Threads that wait would spin, and take the cores from those that decode photos.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            line = " ".join(str(error).split())[:120]
            raise UserError(f"{path} is no ONNX file that can be run ({line})") from None
        self.facts = _read_facts(path, self._session.get_modelmeta().custom_metadata_map)
        self._refuse_other_shapes()

    def _refuse_other_shapes(self) -> None:
        """Raise UserError where the network is not of the size and the classes that are named."""
        side = self.facts.size
        shapes = [
            (part.name, part.shape[1:])
            for part in (*self._session.get_inputs(), *self._session.get_outputs())
        ]
        if shapes != [(INPUT, [side, side, 3]), (OUTPUT, [len(self.facts.class_names)])]:
            raise UserError(
                f"{self.path} was not written by export: its metadata name {side} pixels and "
                f"{count_noun(len(self.facts.class_names), 'class', 'classes')}, its network others"
            )

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
