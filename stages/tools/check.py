"""Check all of params.yaml and every input at once, before DVC removes an output for a rerun.

Run: `make repro` does it first; by itself: `python -m stages.tools.check`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from stages.base.environment import device_name, gpus
from stages.base.errors import UserError, error_list, run_command
from stages.base.params import PARAMS, Section, dotted_keys, read_seed, read_yaml, validation_lines
from stages.batch.views import AugmentParams
from stages.dataset.corrections import CORRECTION_COLUMNS
from stages.dataset.label_csv import read_csv_rows
from stages.dataset.labels import IngestParams, LabelParams
from stages.dataset.splits import DatablockParams
from stages.fetch import FetchParams
from stages.images.resize import PresizeParams
from stages.model.backbones import make_backbone
from stages.model.classifier import ModelParams
from stages.stats.interpretation import InterpretParams
from stages.train.device import open_device, refuse_missing
from stages.train.lr_range import LrFindParams
from stages.train.plan import FineTuneParams

SECTIONS: dict[str, type[Section]] = {
    "fetch": FetchParams,
    "ingest": IngestParams,
    "presize": PresizeParams,
    "datablock": DatablockParams,
    "augment": AugmentParams,
    "model": ModelParams,
    "lr_find": LrFindParams,
    "fine_tune": FineTuneParams,
    "interpret": InterpretParams,
}
SAMPLE = "data/sample"
CORRECTIONS = Path("data/corrections.csv")


def section_mistakes(content: Mapping[str, Any], good: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong in single sections; those that are right are put into good."""
    for name in content:
        if name not in SECTIONS and name != "seed":
            yield f"{name}: no such section; there are seed, {', '.join(SECTIONS)}"
    for name, model in SECTIONS.items():
        try:
            good[name] = model.model_validate(content[name])
        except KeyError:
            yield f"{name}: the section is missing; it holds {', '.join(dotted_keys(model))}"
        except ValidationError as error:
            yield from validation_lines(error, model, name)
    yield from complaint(read_seed)


def complaint(check: Callable[..., object], *args: Any) -> Iterator[str]:
    """Yield what a call complains about, if it does."""
    try:
        check(*args)
    except UserError as error:
        yield str(error).removeprefix(f"{PARAMS}: ")


def images_mistakes(images: str, dataset: str, outputs: list[str]) -> Iterator[str]:
    """Yield what is wrong with the folder of photos."""
    folder = normal_path(images)
    overlap = [out for out in outputs if is_inside(folder, out) or is_inside(out, folder)]
    if folder == SAMPLE:
        if dataset == "none":
            yield (
                f"ingest.images: {SAMPLE} stays empty with fetch.dataset: none;"
                " please name the folder of your photos, such as data/photos"
            )
    elif overlap:
        yield (
            f"ingest.images: {images} overlaps {overlap[0]}, which the pipeline makes, and DVC"
            " deletes what it makes before each run; keep photos elsewhere, such as data/photos"
        )
    elif not Path(images).is_dir():
        what = "is no folder" if Path(images).exists() else "does not exist"
        yield f"ingest.images: {images} {what}; please name the folder that holds your photos"
    elif not any(files for _, _, files in os.walk(images, followlinks=True)):
        yield f"ingest.images: {images} holds no file; please put your photos there"


def table_mistakes(label: LabelParams) -> Iterator[str]:
    """Yield what is wrong with the CSV of labels, as far as it is used."""
    columns = [label.label_column] if label.by == "csv" else []
    columns += [label.split_column] if label.split_column else []
    hint = "see path_column, label_column, split_column and delimiter of ingest.label"
    if columns:
        names = [label.path_column, *columns]
        lines = list(complaint(read_csv_rows, Path(label.csv), label.delimiter, names, hint))
        if not lines and not read_csv_rows(Path(label.csv), label.delimiter, names, hint)[0]:
            lines = [f"{label.csv} has no rows; please list your photos in it"]
        yield from (f"ingest.label.csv: {line}" for line in lines)
    elif not Path(label.csv).is_file():
        yield f"ingest.label.csv: {label.csv} is missing; a file with only its header will do"


def cross_mistakes(good: Mapping[str, Any], outputs: list[str]) -> Iterator[str]:
    """Yield what is wrong between sections, and with the files that right sections name."""
    yield from complaint(
        read_csv_rows,
        CORRECTIONS,
        ",",
        CORRECTION_COLUMNS,
        f"it needs {', '.join(CORRECTION_COLUMNS)}",
    )
    ingest, datablock, model = (good.get(name) for name in ("ingest", "datablock", "model"))
    augment, fine_tune = good.get("augment"), good.get("fine_tune")
    if ingest and "fetch" in good:
        yield from images_mistakes(ingest.images, good["fetch"].dataset, outputs)
    if ingest:
        yield from table_mistakes(ingest.label)
    if ingest and datablock and datablock.split.by == "column" and not ingest.label.split_column:
        yield (
            "datablock.split.by: column needs ingest.label.split_column, the name of the column"
            f" of {ingest.label.csv} that says train or valid"
        )
    if model:
        # What a hub has is seen when its weights are fetched; the architecture is made without.
        weights = "none" if model.weights == "hub" else model.weights
        size = augment.size if augment else 224
        yield from complaint(make_backbone, model.arch, weights, size, model.cut)
    if fine_tune:
        yield from complaint(lambda: open_device(device_name(), fine_tune.precision))
        yield from complaint(lambda: refuse_missing(gpus(), device_name()))


def notes(good: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is allowed and yet worth knowing."""
    images, size, side = good["ingest"].images, good["augment"].size, good["presize"].size
    folder = PurePosixPath(normal_path(images))
    if folder.is_relative_to(".."):
        yield f"ingest.images: {images} lies outside the repository; queued runs will not see it"
    elif str(folder) != SAMPLE and not any(
        Path(f"{above}.dvc").is_file() for above in (folder, *folder.parents)
    ):
        yield (
            f"ingest.images: `dvc add {images}` would keep your photos in DVC's cache, so that"
            " clones and queued experiments have them too"
        )
    if size > side:
        yield (
            f"augment.size: {size} is larger than presize.size, {side}:"
            " images are enlarged, which takes time and shows nothing new"
        )


def outputs_of(pipeline: Mapping[str, Any]) -> list[str]:
    """Return the path of everything that the stages of a dvc.yaml write."""
    entries = [
        entry
        for stage in pipeline["stages"].values()
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, [])
    ]
    return [path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)]


def normal_path(path: str) -> str:
    """Return a path as dvc.yaml would spell it: relative to here, POSIX, links followed."""
    return PurePosixPath(os.path.relpath(os.path.realpath(path), os.path.realpath("."))).as_posix()


def is_inside(path: str, folder: str) -> bool:
    """Return whether a path is a folder or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)


def main() -> None:
    """Tell every mistake by its dotted name, or that there is none."""
    good: dict[str, Any] = {}
    lines = list(section_mistakes(read_yaml(PARAMS), good))
    lines += cross_mistakes(good, outputs_of(read_yaml(Path("dvc.yaml"))))
    if lines:
        raise error_list(f"{PARAMS} and the inputs: please mend", lines, 50)
    for note in notes(good):
        print(f"note: {note}")
    print("Params and inputs are in order.")


if __name__ == "__main__":
    run_command(main)
