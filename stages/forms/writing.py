"""Writing the forms of a model into a folder, each compared with Finetrack from its file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.base.bucket import PhotoFolder, opened
from stages.base.files import write_bytes
from stages.forms.card import Form
from stages.forms.int8 import to_int8
from stages.forms.onnx_classifier import OnnxClassifier, OnnxFacts
from stages.forms.onnx_file import to_onnx
from stages.forms.parity import require_parity
from stages.forms.pixel_classifier import PixelClassifier
from stages.forms.reference import Answers, CheckedPhotos, PixelReader, answer_in_batches
from stages.forms.timm_folder import TimmClassifier, TimmFolder
from stages.model.classifier import Classifier
from stages.model.files import ModelCard
from stages.stats.confidence import Confidence
from stages.stats.mcnemar import PairedComparison, compare_paired
from stages.stats.predictions import Predictions

ONNX_FILE = "model.onnx"
INT8_FILE = "model.int8.onnx"
TIMM_FILES = ("config.json", "preprocessor_config.json", "model.safetensors")
CARD_FILE = "README.md"
# Of a probability. From the same pixels nine architectures differed by at most 4e-6.
_BOUND = 1e-4
_CALIBRATING = 128  # training photos that the ranges of 8 bits are taken from


@dataclass(frozen=True, kw_only=True)
class FinishedModel:
    """A model, and what its forms need beside it."""

    model: Classifier
    card: ModelCard
    confidence: Confidence
    photos: CheckedPhotos  # as the store has them
    originals: CheckedPhotos | None  # as they came; None where none could be read
    folder_of_photos: PhotoFolder
    weights_sha256: str
    card_sha256: str

    def classifier(self) -> PixelClassifier:
        """Return the model from pixels to calibrated probabilities."""
        return PixelClassifier(self.model, self.card.loss, self.confidence.temperature)

    def onnx_facts(self) -> OnnxFacts:
        """Return the metadata of an ONNX file."""
        return OnnxFacts(
            class_names=self.card.class_names,
            thresholds=self.confidence.thresholds,
            temperature=self.confidence.temperature,
            calibrated=self.confidence.calibrated,
            presize=self.card.presize,
            size=self.card.size,
            activation="sigmoid" if self.card.loss == "bce" else "softmax",
            weights_sha256=self.weights_sha256,
            card_sha256=self.card_sha256,
        )


def remove_forms(folder: Path) -> None:
    """Remove what an earlier run wrote; other files in the folder stay."""
    for name in (CARD_FILE, ONNX_FILE, INT8_FILE, *TIMM_FILES):
        (folder / name).unlink(missing_ok=True)


def write_onnx(folder: Path, source: FinishedModel) -> Form:
    """Write model.onnx; a UserError where it does not answer as Finetrack does."""
    path = folder / ONNX_FILE
    write_bytes(path, to_onnx(source.classifier(), source.card.size, source.onnx_facts()))
    classifier = OnnxClassifier(path)
    form = _compared(path, classifier, source.photos, source.originals)
    require_parity(path, form.presized, "set export.onnx to false, or choose another model.arch")
    return form


def write_int8(
    folder: Path, source: FinishedModel, predictions: Predictions
) -> tuple[Form | None, PairedComparison]:
    """Write model.int8.onnx unless it errs more than model.onnx on the validation photos."""
    path = folder / INT8_FILE
    pixels = source.photos.pixels
    training = evenly_spaced(predictions.train_paths.tolist(), _CALIBRATING)
    images = (pixels(name) for name in training)
    # Temperature and thresholds are of the confidence in 32 bits; in 8 it was seen to differ by .4.
    unknown = dict.fromkeys(source.confidence.thresholds)
    facts = source.onnx_facts().model_copy(update={"thresholds": unknown, "calibrated": False})
    write_bytes(path, to_int8(folder / ONNX_FILE, images, facts))
    classifier = OnnxClassifier(path)
    in_32_bits = OnnxClassifier(folder / ONNX_FILE)
    comparison = compare_paired(
        _right(classifier, pixels, predictions),
        _right(in_32_bits, pixels, predictions),
        predictions.groups,
    )
    if comparison.verdict == "worse":
        path.unlink()
        return None, comparison
    return _compared(path, classifier, source.photos, source.originals), comparison


def write_timm(folder: Path, form: TimmFolder, source: FinishedModel) -> Form:
    """Write timm's three files; a UserError where they do not answer as Finetrack does."""
    form.write(folder)
    path = folder / TIMM_FILES[-1]
    classifier = TimmClassifier(folder, source.card.loss)
    originals = source.photos.as_read_by(
        lambda name: classifier.pixels(opened(source.folder_of_photos / name))
    )
    written = _compared(path, classifier, source.photos, originals)
    require_parity(path, written.presized, "set model.head to fastai, of which timm has no form")
    return written


def _compared(
    path: Path, form: Answers, photos: CheckedPhotos, originals: CheckedPhotos | None
) -> Form:
    return Form(
        file=path.name,
        size=path.stat().st_size,
        presized=photos.parity(form, _BOUND),
        originals=None if originals is None else originals.parity(form, _BOUND),
    )


def _right(form: Answers, pixels: PixelReader, predictions: Predictions) -> np.ndarray:
    """Return which validation images (V,) bool a form has right."""
    answers = answer_in_batches(form, pixels, predictions.paths.tolist())
    right: np.ndarray = answers.argmax(axis=1) == predictions.targets
    return right


def evenly_spaced(paths: Sequence[str], count: int) -> list[str]:
    """Return so many of the paths, evenly spaced, or all of them.

    >>> evenly_spaced(["a", "b", "c", "d", "e"], 3), evenly_spaced(["a"], 3)
    (['a', 'c', 'e'], ['a'])
    """
    rows = np.linspace(0, len(paths) - 1, min(len(paths), count)).round().astype(int)
    return [paths[row] for row in rows]
