"""The export of a model: on a processor its ONNX file answers alike, sooner and without torch."""

import ctypes
import platform
from pathlib import Path

from stages.base.environment import device_name
from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.predict.model_files import ModelFiles
from stages.predict.onnx_photos import OnnxPhotos

_FILE = Path("export") / "model.onnx"  # beside the folder of the model
_AMD = Path("/dev/kfd")  # the driver of AMD's GPUs


def exported_model(files: ModelFiles, temperature: float) -> OnnxPhotos | None:
    """Return the ONNX file of a model folder; None without one of this card and temperature.

    Export compared its answers with the model's. lite0 at 224 pixels: 60 images/s, and 45 by torch.
    """
    path = files.folder.parent / _FILE
    if files.card is None or not path.is_file():
        return None
    try:
        photos = OnnxPhotos(path)
    except UserError:
        return None
    same = photos.facts.card_sha256 == sha256_bytes(files.card)
    return photos if same and photos.facts.temperature == temperature else None


def on_processor() -> bool:
    """Return whether models compute on the processor, as far as can be said without torch."""
    name = device_name()
    if name != "auto":
        return name.startswith("cpu")
    drivers = any(map(_can_load, ("libcuda.so.1", "nvcuda"))) or _AMD.exists()
    return platform.system() != "Darwin" and not drivers


def _can_load(library: str) -> bool:
    """Return whether the driver of a GPU is installed."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
