"""The classifier as one ONNX file: the same bytes for the same model, nothing of the machine."""

import warnings
from typing import Any

import onnx
import torch
from onnxscript import optimizer
from torch import nn

from stages.base.errors import UserError
from stages.forms.onnx_classifier import INPUT, OUTPUT, OnnxFacts
from stages.forms.pixel_classifier import PixelClassifier

OPSET = 20  # of the operators; onnxruntime knows it since version 1.17
_MOST_BYTES = 2**31 - 1  # of one file, as protobuf has it
# Where the exporter writes lines of source with the folders of this machine, and its own version.
_NOTES = ("doc_string", "metadata_props")


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
    layer: Any
    for layer in network.modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False


def finished_file(model: onnx.ModelProto, facts: OnnxFacts) -> bytes:
    """Return the bytes of the model with these facts in its metadata, and no others."""
    _strip_notes(model)
    model.producer_name = "finetrack"
    model.ClearField("producer_version")
    for key, value in sorted(facts.as_text().items()):
        model.metadata_props.add(key=key, value=value)
    size = model.ByteSize()
    if size > _MOST_BYTES:
        raise UserError(
            f"model.arch: as ONNX it has {size:,} bytes, and one file holds {_MOST_BYTES:,}; "
            "set export.onnx to false"
        )
    onnx.checker.check_model(model)
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
