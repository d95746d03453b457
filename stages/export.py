"""Export: the model as ONNX, for timm and transformers where that is exact, and its model card.

Reads   data/model/, data/predictions.npz, data/groups.csv, data/presized/, the photos and
        reports/interpret/details.json
Writes  data/export/
Run     python -m stages.export
"""

from stages.base.environment import prepare_process

prepare_process()

from collections.abc import Iterator
from pathlib import Path

from stages.base.entry_point import run_stage
from stages.base.files import sha256_bytes, write_text
from stages.base.params import read_section, read_value
from stages.base.terminal import say
from stages.dataset.inseparable import groups_by_path
from stages.dataset.packed_folder import open_photos
from stages.forms.card import Exported, render_card
from stages.forms.export_params import ExportParams
from stages.forms.onnx_classifier import OnnxClassifier
from stages.forms.reference import checked_photos, original_pixels
from stages.forms.timm_folder import NotExact, to_timm
from stages.forms.writing import (
    FinishedModel,
    evenly_spaced,
    remove_forms,
    write_int8,
    write_onnx,
    write_timm,
)
from stages.model.files import load_model
from stages.stats.confidence import find_confidence
from stages.stats.metrics_file import read_metrics
from stages.stats.predictions import Predictions, read_predictions
from stages.store.reader import Store

_MODEL = Path("data/model")
_FOLDER = Path("data/export")
_CHECKED = 64  # validation photos


def main() -> None:
    """Write each form, compare its answers from its files, and write the card last."""
    params = read_section("export", ExportParams)
    images = open_photos(read_value("ingest.images", str))
    group_of = groups_by_path(Path("data/groups.csv"))
    predictions = read_predictions("data/predictions.npz").with_groups(group_of)
    metrics = read_metrics(Path("reports/interpret/details.json"))
    model, card = load_model(_MODEL)
    confidence = find_confidence(metrics)
    paths = evenly_spaced(predictions.paths.tolist(), _CHECKED)
    store = Store(Path("data/presized"))
    photos = checked_photos(model, card, store, paths, confidence.temperature)
    source = FinishedModel(
        model=model,
        card=card,
        confidence=confidence,
        photos=photos,
        originals=photos.as_read_by(original_pixels(images, card)),
        folder_of_photos=images,
        weights_sha256=sha256_bytes((_MODEL / "model.safetensors").read_bytes()),
        card_sha256=sha256_bytes((_MODEL / "model.json").read_bytes()),
    )
    remove_forms(_FOLDER)
    exported = export(source, params, predictions)
    text = render_card(source.model, card, metrics, confidence, predictions, exported)
    write_text(_FOLDER / "README.md", text)
    say(*summary(exported, source))


def export(source: FinishedModel, params: ExportParams, predictions: Predictions) -> Exported:
    """Write the forms that the params ask for and that are exact."""
    onnx = write_onnx(_FOLDER, source) if params.onnx else None
    int8, int8_test = write_int8(_FOLDER, source, predictions) if params.int8 else (None, None)
    timm, not_timm = None, ""
    try:
        folder = to_timm(source.model, source.card, source.confidence.temperature)
        timm = write_timm(_FOLDER, folder, source)
    except NotExact as reason:
        not_timm = str(reason)
    return Exported(onnx=onnx, int8=int8, int8_test=int8_test, timm=timm, not_timm=not_timm)


def summary(exported: Exported, source: FinishedModel) -> Iterator[str]:
    """Yield a line for each form, with its speed on this processor, and one for what is missing."""
    rate = source.photos.speed(source.classifier())
    for form in exported.forms():
        line = f"{_FOLDER / form.file}: {form.size / 1e6:.1f} MB, {form.agreement()}"
        if form.file.endswith(".onnx"):
            own = source.photos.speed(OnnxClassifier(_FOLDER / form.file))
            line += f"; {own:,.0f} photos/s on this processor, and torch {rate:,.0f}"
        yield line
    if exported.int8_test and not exported.int8:
        yield f"No file in 8 bits: it errs more (p = {exported.int8_test.p:.2g})"
    if exported.not_timm:
        yield f"No folder for timm: {exported.not_timm}"
    yield f"The model card: {_FOLDER / 'README.md'}"


if __name__ == "__main__":
    run_stage(main)
