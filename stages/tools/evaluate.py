"""Evaluate: the fine-tuned model on new labelled photos, and whether they are like the old ones.

Reads   data/model/, data/export/model.onnx, reports/interpret/details.json, dvc.lock, params.yaml,
        the photos and labels named; and, to know what the model has seen, data/splits.csv,
        data/predictions.npz, data/manifest/images.csv, data/presized/
Writes  FOLDER/metrics.json, FOLDER/predictions.csv, FOLDER/index.html
Run     python -m stages.tools.evaluate PATH --out FOLDER

PATH is a folder of photos, or a .csv with columns of paths and labels. Exits with 1 when a labelled
photo could not be read.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from stages.base.entry_point import run_command
from stages.base.environment import workers
from stages.base.errors import UserError, error_list
from stages.base.fingerprint import fingerprint
from stages.base.params import read_section, read_seed
from stages.base.parts import PRIVATE_FOLDER
from stages.base.plural import count_noun
from stages.base.terminal import say
from stages.dataset.ingest_params import IngestParams
from stages.evaluate.judged_photo import JudgedFormat, JudgedPhoto, judge_photos, read_judged
from stages.evaluate.known_photos import RunFiles, find_known_photos, stored_quality
from stages.evaluate.labelled_photos import (
    LABEL_RULES,
    LabelledPhotos,
    LabelOptions,
    find_labelled_photos,
    require_known_class,
)
from stages.evaluate.measure_photo import MeasuredPhoto, PhotoMeasurer
from stages.evaluate.out_folder import PAGE, PREDICTIONS, check_out_folder, write_out_folder
from stages.evaluate.results import EvaluationLimits, evaluation_results
from stages.evaluate.words import evaluation_headline
from stages.evaluate.working_folder import photo_versions, working_folder
from stages.labels.labels import LabelParams
from stages.predict.opened_model import OpenedModel
from stages.predict.output_file import Conditions, open_output
from stages.predict.read_ahead import PhotoReaders, photo_readers
from stages.stats.interpret_params import InterpretParams
from stages.tools.model_options import (
    RESULTS,
    add_model_options,
    check_model_options,
    named_model,
)

_FILES = RunFiles(
    lock=RESULTS.lock,
    card=RESULTS.card,
    images="data/manifest/images.csv",
    splits="data/splits.csv",
    predictions="data/predictions.npz",
    groups="data/groups.csv",
    store="data/presized",
)
_PRIVATE = PRIVATE_FOLDER / "evaluate"
_TOP = 3  # classes that predictions.csv names


@dataclass(frozen=True, kw_only=True)
class _Params:
    """What is read of params.yaml, before anything else, so that no mistake in it comes late."""

    label: LabelParams
    limits: EvaluationLimits


def main() -> None:
    """Judge every labelled photo, then write numbers, table and page."""
    options = _options()
    check_out_folder(options.out, Path(options.path))
    params = _params()
    photos = find_labelled_photos(options.path, params.label, _label_options(options))
    measurer = PhotoMeasurer(stored_quality(_FILES.lock))
    with photo_readers(workers(), measurer) as readers, named_model(options) as model:
        require_known_class(photos, model.classifier.class_names)
        say(*filter(None, [photos.passed_over, *model.trust.lines]), file=sys.stderr)
        known = find_known_photos(_FILES, model.card_sha256)
        key = _key(options, photos, model, measurer)
        with working_folder(_PRIVATE, options.out, key) as working:
            judged = _judge(photos, readers, model, working, options.right)
            results = evaluation_results(photos, judged, model, known, params.limits)
            check_out_folder(options.out, Path(options.path))
            write_out_folder(options.out, results.metrics, results.table, results.page)
    say(f"{evaluation_headline(results.metrics)} {options.out / PAGE}")
    if unread := sum(bool(photo.problem) for photo in judged):
        raise UserError(
            f"{unread:,} of {count_noun(len(judged), 'labelled photo')} could not be read, and the "
            f"numbers are of the others; {options.out / PREDICTIONS} says why"
        )


def _options() -> argparse.Namespace:
    """Return what the user asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.evaluate", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("path", metavar="PATH", help="a folder of photos, or a .csv of their paths and labels")
    add("--out", type=Path, required=True, metavar="FOLDER", help="of metrics, table and page")
    add("--label-by", choices=LABEL_RULES, help="default: a table, or as ingest.label says")
    add("--labels", type=Path, metavar="FILE.csv", help="labels of the photos in a folder")
    add("--column", help="of the paths in a .csv; default: ingest.label.path_column")
    add("--label-column", help="of the labels in a .csv; default: ingest.label.label_column")
    add_model_options(parser)
    options = parser.parse_args()
    check_model_options(options)
    return options


def _params() -> _Params:
    return _Params(
        label=read_section("ingest", IngestParams).label,
        limits=EvaluationLimits(
            top=_TOP,
            mistakes=read_section("interpret", InterpretParams).top_losses,
            seed=read_seed(),
        ),
    )


def _label_options(options: argparse.Namespace) -> LabelOptions:
    return LabelOptions(
        by=options.label_by,
        table=options.labels,
        path_column=options.column,
        label_column=options.label_column,
    )


def _key(
    options: argparse.Namespace,
    photos: LabelledPhotos,
    model: OpenedModel,
    measurer: PhotoMeasurer,
) -> str:
    """Return the fingerprint of all that answers depend on: files, labels, model and measures."""
    return fingerprint(
        str(Path(options.path).absolute()),
        photo_versions(photos.sources),
        dict(photos.labels),
        asdict(_conditions(model, options.right)),
        asdict(measurer),
        model.classifier.presize,
    )


def _conditions(model: OpenedModel, right: float) -> Conditions:
    return Conditions(
        model=model.sha256,
        engine=model.classifier.engine,
        temperature=model.trust.temperature,
        threshold=model.trust.threshold,
        right=right,
        top=_TOP,
        crops="none",
    )


def _judge(
    photos: LabelledPhotos,
    readers: PhotoReaders[MeasuredPhoto],
    model: OpenedModel,
    working: Path,
    right: float,
) -> list[JudgedPhoto]:
    """Return every labelled photo with its answer, those of a run that was ended among them.

    What could not be read is not kept for the next run, which tries it again.
    """
    conditions = _conditions(model, right)
    total = len(photos.sources)
    unread: dict[str, JudgedPhoto] = {}
    file = working / "answers.jsonl"
    with open_output(file, JudgedFormat(), conditions, working) as output:
        done = set(output.done)
        left = (source for source in photos.sources if source.name not in done)
        measured = readers.read_ahead(left, model.classifier.presize)
        bar = tqdm(desc="evaluate", total=total, initial=len(done), unit=" photos", disable=None)
        with bar:
            for batch in judge_photos(measured, model, photos.labels, _TOP):
                output.write(photo for photo in batch if not photo.problem)
                unread |= {photo.path: photo for photo in batch if photo.problem}
                bar.update(len(batch))
    again = [f"{photo.path}: {photo.problem}" for photo in unread.values() if photo.again]
    if again:
        raise error_list(
            f"{len(again):,} of {count_noun(total, 'labelled photo')} could not be read for a fault"
            " that may pass, so nothing is written; run your command again: the other answers"
            " are kept",
            again,
            shown=5,
        )
    by_name = read_judged(file) | unread
    return [by_name[source.name] for source in photos.sources]


if __name__ == "__main__":
    run_command(main)
