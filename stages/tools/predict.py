"""Predict: the most probable classes of new photos, by the fine-tuned model.

Reads   data/model/, data/export/model.onnx, reports/interpret/details.json, dvc.lock,
        and the photos named
Run     python -m stages.tools.predict PATH [PATH ...] [--out FILE.csv|FILE.jsonl]

PATH is a photo, a folder, a pattern in quotes, a .csv with a column of paths, a .tar of photos, an
address on the web, or `-` for a list on stdin. Exits with 1 when a photo could not be read.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from stages.base.entry_point import run_command
from stages.base.environment import workers
from stages.base.errors import UserError
from stages.base.parts import PRIVATE_FOLDER
from stages.base.plural import count_noun
from stages.base.terminal import say
from stages.predict.answer import AnswerRule, PhotoAnswer, answer_photos
from stages.predict.find_sources import Found, find_sources
from stages.predict.missing_paths import refuse_missing_paths
from stages.predict.output_file import Conditions, OutputFile, open_output, row_format_of
from stages.predict.path_in_tar import TarPaths
from stages.predict.photo_source import PhotoSource
from stages.predict.read_ahead import photo_readers
from stages.predict.read_photo import read_photo
from stages.predict.rows import text_of
from stages.tools.model_options import add_model_options, check_model_options, named_model

_RECORDS = PRIVATE_FOLDER / "predict"


def main() -> None:
    """Answer every photo: by a row in a file, or by a line."""
    options = _options()
    tars = TarPaths()
    refuse_missing_paths(options.paths, tars)
    found = find_sources(options.paths, options.column, sys.stdin.buffer, tars)
    for line in (part.passed_over for part in found if part.passed_over):
        say(line, file=sys.stderr)
    with (
        photo_readers(workers(), read_photo) as readers,
        named_model(options, options.crops) as model,
    ):
        say(*model.trust.lines, file=sys.stderr)
        classifier = model.classifier
        top = min(options.top, len(classifier.class_names))
        rule = AnswerRule(threshold=model.trust.threshold, top=top)

        def answers(sources: Iterator[PhotoSource]) -> Iterator[list[PhotoAnswer]]:
            photos = readers.read_ahead(sources, classifier.presize)
            return answer_photos(photos, classifier, rule)

        sources = chain.from_iterable(part.sources for part in found)
        if options.out is None:
            _print(answers(sources))
            return
        conditions = Conditions(
            model=model.sha256,
            engine=classifier.engine,
            temperature=model.trust.temperature,
            threshold=model.trust.threshold,
            right=options.right,
            top=top,
            crops=options.crops,
        )
        row_format = row_format_of(options.out, top)
        with open_output(options.out, row_format, conditions, _RECORDS) as output:
            _write(answers(_first_of_a_name(sources, output.done)), output, _count(found))


def _options() -> argparse.Namespace:
    """Return what the user asked for; what cannot be done is refused before anything is loaded."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.predict", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("paths", nargs="+", metavar="PATH", help="photo, folder, 'pattern', .csv, .tar, http, -")
    add("--out", type=Path, metavar="FILE", help=".csv or .jsonl; goes on where a run was ended")
    add("--top", type=int, default=3, help="classes to name; default: %(default)s")
    add("--crops", choices=("none", "flip", "ten"), default="none", help="average over crops")
    add("--column", default="path", help="of the paths in a .csv; default: %(default)s")
    add_model_options(parser)
    options = parser.parse_args()
    if options.top < 1:
        raise UserError(f"--top {options.top}: name at least 1 class")
    check_model_options(options)
    if options.out is not None:
        row_format_of(options.out, options.top)
    return options


def _first_of_a_name(sources: Iterator[PhotoSource], done: set[str]) -> Iterator[PhotoSource]:
    """Yield the photos without a row, of several of a name the first; note their names in done."""
    for source in sources:
        if source.name not in done:
            done.add(source.name)
            yield source


def _count(found: Sequence[Found]) -> int | None:
    """Return how many photos there are, None where only reading them tells."""
    counts = [part.count for part in found if part.count is not None]
    return sum(counts) if len(counts) == len(found) else None


def _print(batches: Iterator[list[PhotoAnswer]]) -> None:
    """Print a line for each photo."""
    photos = 0
    unread = 0
    again = 0
    for answers in batches:
        say(*map(text_of, answers))
        photos += len(answers)
        unread += sum(bool(answer.problem) for answer in answers)
        again += sum(answer.again for answer in answers)
    _refuse_unread(unread, again, photos)


def _write(
    batches: Iterator[list[PhotoAnswer]], output: OutputFile[PhotoAnswer], total: int | None
) -> None:
    """Write a row for each photo, behind those that are there."""
    there = len(output.done)
    if there:
        say(f"{output.path} has {count_noun(there, 'photo')} already", file=sys.stderr)
    photos = there
    with tqdm(desc="predict", total=total, initial=there, unit=" photos", disable=None) as bar:
        for answers in batches:
            output.write(answers)
            for answer in answers:
                if answer.again:
                    say(text_of(answer), file=sys.stderr)
            photos += len(answers)
            bar.update(len(answers))
    say(f"{output.path}: {count_noun(photos - output.left, 'photo')}")
    _refuse_unread(output.unread + output.left, output.left, photos)


def _refuse_unread(unread: int, again: int, photos: int) -> None:
    """Raise the UserError that says how many photos have no answer; again: for a passing cause."""
    if not photos:
        raise UserError("no photo was named: the list or the table is empty")
    if unread:
        cause = (
            f", {again:,} of them for a fault that may pass: run your command again"
            if again
            else ""
        )
        raise UserError(f"{unread:,} of {count_noun(photos, 'photo')} could not be read{cause}")


if __name__ == "__main__":
    run_command(main)
