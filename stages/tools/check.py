"""Check all of params.yaml and every input at once, before DVC removes an output for a rerun.

Run: `make repro` does it first; by itself: `python -m stages.tools.check`.
"""

from stages.base.environment import prepare_process

prepare_process()

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from stages.base.entry_point import run_command
from stages.base.environment import device_name, gpus, kernel_choice, tracker_names
from stages.base.errors import UserError, error_list
from stages.base.params import PARAMS, read_seed
from stages.base.ranks import this_rank
from stages.base.terminal import say
from stages.base.yaml_file import read_yaml
from stages.dataset.split_params import COLUMN
from stages.labels.corrections import read_corrections_table
from stages.model.model_params import ModelParams, can_be_probe
from stages.model.packages import packaged_weights
from stages.model.weights_name import WEIGHTS_FOLDER, is_file_name
from stages.tools.check_corrections import CORRECTIONS
from stages.tools.check_images import SAMPLE, images_mistakes, outputs_of
from stages.tools.check_labels import LabelCheck, check_labels
from stages.tools.checked_out import checkout_notes
from stages.tools.param_sections import ValidSections, validate_sections
from stages.tools.remote_plugins import plugin_notes
from stages.tools.tracked import normal_path, tracking_note
from stages.track.trackers import load_trackers
from stages.train.device_rules import (
    PrecisionName,
    may_be_refused,
    refuse_several_compiled,
)


def error_message(check: Callable[..., object], *args: Any) -> Iterator[str]:
    """Yield the lines of the UserError that a call raises, if it raises one."""
    try:
        check(*args)
    except UserError as error:
        yield from (line.removeprefix(f"{PARAMS}: ") for line in error.lines)


def cross_mistakes(sections: ValidSections, outputs: list[str]) -> LabelCheck:
    """Return what is wrong between sections and with the files that they name, and notes."""
    mistakes = list(error_message(read_corrections_table, CORRECTIONS))
    labels = LabelCheck()
    fetch = sections.fetch
    ingest = sections.ingest
    split = sections.datablock.split if sections.datablock else None
    if ingest and fetch:
        in_folder = list(images_mistakes(ingest.images, fetch.dataset, outputs))
        is_sample = normal_path(ingest.images) == SAMPLE
        labels = check_labels(
            ingest,
            split,
            listed=not in_folder and not is_sample,
            sample=fetch.dataset if is_sample and not in_folder else "",
        )
        mistakes += [*in_folder, *labels.mistakes]
    if ingest and split and split.by == "column" and not ingest.label.split_column:
        mistakes.append(
            "datablock.split.by: column needs ingest.label.split_column, the name of the column"
            f" of {ingest.label.csv} that says train or valid"
        )
    if ingest and split and split.group == COLUMN and not ingest.label.group_column:
        mistakes.append(
            "datablock.split.group: column needs ingest.label.group_column, the name of the column"
            f" of {ingest.label.csv} that says which object, person or scene it is"
        )
    return replace(labels, mistakes=[*mistakes, *model_mistakes(sections)])


def model_mistakes(sections: ValidSections) -> Iterator[str]:
    """Yield why the backbone cannot be built, and why device or trackers cannot be used."""
    model = sections.model
    augment = sections.augment
    if model:
        if not is_file_name(model.weights) and not (WEIGHTS_FOLDER / model.weights).exists():
            yield (
                f"model.weights: {WEIGHTS_FOLDER / model.weights} is missing, a small file on which"
                f" the stages depend; git checkout {WEIGHTS_FOLDER} brings it back"
            )
        yield from error_message(try_backbone, model, augment.size if augment else 224)
    if model and sections.fine_tune:
        impossible = not can_be_probe(model, sections.fine_tune.loss)
        if sections.fine_tune.start == "probe" and impossible:
            yield (
                "fine_tune.start: probe needs model.head: linear and fine_tune.loss: cross_entropy;"
                " set these, or auto"
            )
    if sections.fine_tune:
        yield from error_message(try_device, sections.fine_tune.precision)
        yield from error_message(try_gpus)
    yield from error_message(lambda: load_trackers(tracker_names()))


def try_backbone(model: ModelParams, size: int) -> None:
    """Build the backbone for images of that side; a UserError says why it cannot be built."""
    if model.weights == "package" and model.cut == "none":
        # What has a package can be built, whole, for every size, if its file is there.
        packaged_weights(model.arch).path()
        return
    # Torch and timm take four seconds to load, which the params as committed need not wait for.
    from stages.model.backbones import make_backbone  # noqa: PLC0415

    # The weights of a hub are fetched later; here the architecture is built without them.
    weights = "none" if model.weights == "hub" else model.weights
    make_backbone(model.arch, weights, size, model.cut)


def try_device(precision: PrecisionName) -> None:
    """Open the device that the environment names; a UserError says why it cannot be used."""
    kernels = kernel_choice()
    if may_be_refused(device_name(), precision, kernels):
        from stages.train.device import open_device  # noqa: PLC0415 (it loads torch)

        open_device(device_name(), precision, kernels=kernels)


def try_gpus() -> None:
    """Count the GPUs that the environment asks for; a UserError says that there are fewer."""
    if gpus() > 1:
        from stages.train.device import refuse_missing  # noqa: PLC0415 (it loads torch)

        refuse_missing(gpus(), device_name())
        refuse_several_compiled(kernel_choice(), gpus())


def advice(sections: ValidSections, outputs: list[str]) -> Iterator[str]:
    """Yield what is allowed and yet good to know."""
    ingest = sections.ingest
    inputs = {}
    if ingest:
        inputs["ingest.images"] = ingest.images
        if ingest.label.reads_csv:
            inputs["ingest.label.csv"] = ingest.label.csv
    if sections.model and is_file_name(sections.model.weights):
        inputs["model.weights"] = str(WEIGHTS_FOLDER / sections.model.weights)
    notes = [tracking_note(key, path, outputs) for key, path in inputs.items()]
    yield from filter(None, notes)
    yield from checkout_notes(inputs)
    augment = sections.augment
    presize = sections.presize
    if augment and presize and augment.size > presize.size:
        yield (
            f"augment.size: {augment.size} is larger than presize.size, {presize.size}:"
            " images are enlarged, which takes time and shows nothing new"
        )


def main() -> None:
    """Raise one error with every mistake by its dotted name, or print that there is none."""
    sections, lines = validate_sections(read_yaml(PARAMS))
    lines += error_message(read_seed)
    lines += error_message(this_rank)
    outputs = outputs_of(read_yaml(Path("dvc.yaml")))
    found = cross_mistakes(sections, outputs)
    lines += found.mistakes
    if lines:
        once = list(dict.fromkeys(lines))
        raise error_list(f"{PARAMS} and the inputs: please mend", once, 50)
    for note in [*found.notes, *advice(sections, outputs), *plugin_notes()]:
        say(f"note: {note}")
    # Last, and no mere notes, since what a person decided is not done.
    for line in found.corrections:
        say(f"warning: {line}")
    rest = ", but for corrections that will not be applied" if found.corrections else ""
    say(f"Params and inputs are in order{rest}.")


if __name__ == "__main__":
    run_command(main)
