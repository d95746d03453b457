"""Opened model: what a user named, ready to be asked, with the trust in its confidence."""

from dataclasses import dataclass
from pathlib import Path

from stages.base.environment import device_name
from stages.base.errors import UserError
from stages.base.files import sha256_bytes, sha256_file
from stages.predict.crops import CropsName
from stages.predict.exported import exported_model, on_processor
from stages.predict.model_files import ModelFiles, ResultFiles
from stages.predict.onnx_photos import OnnxPhotos
from stages.predict.photo_classifier import PhotoClassifier
from stages.predict.trust import Trust, find_trust, trust_in_export, untested


@dataclass(frozen=True, kw_only=True)
class OpenedModel:
    """A model, and how far its confidence may be taken at its word."""

    classifier: PhotoClassifier
    trust: Trust
    sha256: str  # of the file that names all others
    card_sha256: str  # of the model card, of which an export knows too


def open_export(path: Path, right: float) -> OpenedModel:
    """Open an ONNX file that export wrote; right: the share of answers that are to be right."""
    if device_name() != "auto" and not on_processor():
        raise UserError(
            f"{path} computes on the processor, and FINETRACK_DEVICE={device_name()} asks for "
            "another device; name the model folder, or leave FINETRACK_DEVICE out"
        )
    photos = OnnxPhotos(path)
    return OpenedModel(
        classifier=photos,
        trust=trust_in_export(photos.facts, right),
        sha256=sha256_file(path),
        card_sha256=photos.facts.card_sha256,
    )


def open_model(
    files: ModelFiles, results: ResultFiles, right: float, crops: CropsName
) -> OpenedModel:
    """Open a model folder, or on a processor the export of that model."""
    trust = find_trust(files, results, right)
    exported = None
    if crops != "none":
        trust = untested(f"the report was made without --crops {crops}")
    elif on_processor():
        exported = exported_model(files, trust.temperature)
    card_sha256 = sha256_bytes(files.card or b"")
    return OpenedModel(
        classifier=exported or _in_torch(files.folder, trust.temperature, crops),
        trust=trust,
        sha256=card_sha256,
        card_sha256=card_sha256,
    )


def _in_torch(folder: Path, temperature: float, crops: CropsName) -> PhotoClassifier:
    # torch and timm take 3 s to import, which an exported model does not need.
    from stages.predict.torch_classifier import open_torch_classifier  # noqa: PLC0415

    return open_torch_classifier(folder, temperature, crops)
