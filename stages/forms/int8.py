"""The ONNX file in 8 bits, its ranges calibrated on training images."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import numpy as np
import onnx
from onnxruntime.quantization import quantize_static

from stages.base.system_errors import refuses_a_write, unwritable
from stages.forms.onnx_classifier import INPUT, OnnxFacts
from stages.forms.onnx_file import finished_file

# The layers with nearly all of the arithmetic; around others, numbers would only turn to and fro.
_LAYERS = ["Conv", "Gemm", "MatMul"]


class _Batches:
    """Images that the ranges are taken from, one by one, as onnxruntime asks for them."""

    def __init__(self, images: Iterator[np.ndarray]) -> None:
        self._images = images

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next image by the name of the input, None after the last."""
        image = next(self._images, None)
        return None if image is None else {INPUT: image[None]}


def to_int8(model: Path, images: Iterator[np.ndarray], facts: OnnxFacts) -> bytes:
    """Return the ONNX file with weights and activations of 8 bits; images (S, S, 3) float32."""
    with TemporaryDirectory() as folder, _errors_only():
        file = Path(folder) / "int8.onnx"
        try:
            # Of a path the quantiser writes another file beside it, and reads that even where a
            # full disk has cut it; of a model it has temporary files alone.
            quantize_static(
                onnx.load(model),
                file,
                _Batches(images),
                op_types_to_quantize=_LAYERS,
                per_channel=True,
            )
        except OSError as error:
            if error.filename is not None or not refuses_a_write(error):
                raise
            raise unwritable(f"a temporary file in {gettempdir()}", error) from None
        return finished_file(onnx.load(file), facts)


@contextmanager
def _errors_only() -> Iterator[None]:
    """Keep back advice about steps that the exporter has taken already."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
