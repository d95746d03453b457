"""Check all of params.yaml and every input at once, before DVC removes an output for a rerun.

Run: `make repro` does it first; by itself: `python -m stages.tools.check`.
"""

from stages.base.environment import prepare_process

prepare_process()

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from stages.base.entry_point import run_command
from stages.base.environment import device_name, gpus
from stages.base.errors import UserError, error_list
from stages.base.params import PARAMS, read_seed, read_yaml
from stages.dataset.corrections import CORRECTION_COLUMNS
from stages.dataset.label_csv import read_csv_rows
from stages.dataset.labels import LabelParams
from stages.model.backbones import make_backbone
from stages.tools.param_sections import ValidSections, validate_sections
from stages.train.device import open_device, refuse_missing

_SAMPLE = "data/sample"
_CORRECTIONS = Path("data/corrections.csv")


def error_message(check: Callable[..., object], *args: Any) -> Iterator[str]:
    """Yield the message of the UserError that a call raises, if it raises one."""
    try:
        check(*args)
    except UserError as error:
        yield str(error).removeprefix(f"{PARAMS}: ")


def images_mistakes(images: str, dataset: str, outputs: list[str]) -> Iterator[str]:
    """Yield what is wrong with the folder of photos."""
    folder = normal_path(images)
    overlap = [out for out in outputs if is_inside(folder, out) or is_inside(out, folder)]
    if folder == _SAMPLE:
        if dataset == "none":
            yield (
                f"ingest.images: {_SAMPLE} stays empty with fetch.dataset: none;"
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
        lines = list(error_message(read_csv_rows, Path(label.csv), label.delimiter, names, hint))
        if not lines and not read_csv_rows(Path(label.csv), label.delimiter, names, hint)[0]:
            lines = [f"{label.csv} has no rows; please list your photos in it"]
        yield from (f"ingest.label.csv: {line}" for line in lines)
    elif not Path(label.csv).is_file():
        yield f"ingest.label.csv: {label.csv} is missing; a file with only its header will do"


def cross_mistakes(sections: ValidSections, outputs: list[str]) -> Iterator[str]:
    """Yield what is wrong between sections, and with the files that right sections name."""
    needed = f"it needs {', '.join(CORRECTION_COLUMNS)}"
    yield from error_message(read_csv_rows, _CORRECTIONS, ",", CORRECTION_COLUMNS, needed)
    fetch = sections.fetch
    ingest = sections.ingest
    datablock = sections.datablock
    if ingest and fetch:
        yield from images_mistakes(ingest.images, fetch.dataset, outputs)
    if ingest:
        yield from table_mistakes(ingest.label)
    if ingest and datablock and datablock.split.by == "column" and not ingest.label.split_column:
        yield (
            "datablock.split.by: column needs ingest.label.split_column, the name of the column"
            f" of {ingest.label.csv} that says train or valid"
        )
    yield from model_mistakes(sections)


def model_mistakes(sections: ValidSections) -> Iterator[str]:
    """Yield why the backbone cannot be built, and why the device cannot be used."""
    model = sections.model
    augment = sections.augment
    if model:
        # The weights of a hub are fetched later; here the architecture is built without them.
        weights = "none" if model.weights == "hub" else model.weights
        size = augment.size if augment else 224
        yield from error_message(make_backbone, model.arch, weights, size, model.cut)
    if sections.fine_tune:
        yield from error_message(open_device, device_name(), sections.fine_tune.precision)
        yield from error_message(lambda: refuse_missing(gpus(), device_name()))


def advice(sections: ValidSections) -> Iterator[str]:
    """Yield what is allowed and yet good to know."""
    ingest = sections.ingest
    if ingest:
        yield from images_advice(ingest.images)
    augment = sections.augment
    presize = sections.presize
    if augment and presize and augment.size > presize.size:
        yield (
            f"augment.size: {augment.size} is larger than presize.size, {presize.size}:"
            " images are enlarged, which takes time and shows nothing new"
        )


def images_advice(images: str) -> Iterator[str]:
    """Yield whether clones and queued experiments will have the photos."""
    folder = PurePosixPath(normal_path(images))
    if folder.is_relative_to(".."):
        yield f"ingest.images: {images} lies outside the repository; queued runs will not see it"
    elif str(folder) != _SAMPLE and not any(
        Path(f"{parent}.dvc").is_file() for parent in (folder, *folder.parents)
    ):
        yield (
            f"ingest.images: `dvc add {images}` would keep your photos in DVC's cache, so that"
            " clones and queued experiments have them too"
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
    """Raise one error with every mistake by its dotted name, or print that there is none."""
    sections, lines = validate_sections(read_yaml(PARAMS))
    lines += error_message(read_seed)
    lines += cross_mistakes(sections, outputs_of(read_yaml(Path("dvc.yaml"))))
    if lines:
        raise error_list(f"{PARAMS} and the inputs: please mend", lines, 50)
    for note in advice(sections):
        print(f"note: {note}")
    print("Params and inputs are in order.")


if __name__ == "__main__":
    run_command(main)
