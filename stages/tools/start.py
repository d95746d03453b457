"""Start with your own photos: propose how they are labelled, and write params.yaml after a yes.

Reads   the names of the files in a folder, the tables in it and beside it, params.yaml
Writes  params.yaml, its comments kept; with --copy data/photos
Run     make start PHOTOS=data/photos [COPY=1] [TAKE=2] [YES=1], or python -m stages.tools.start

No photo is opened. A folder outside the repository is shown, and --copy brings it to data/photos.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from stages.base.bucket import is_bucket_url, photo_folder
from stages.base.entry_point import run_command
from stages.base.errors import UserError, error_list
from stages.base.files import write_text
from stages.base.params import PARAMS, read_section
from stages.base.plural import count_noun
from stages.base.terminal import say
from stages.base.yaml_file import read_yaml
from stages.dataset.ingest_params import IngestParams
from stages.dataset.split_params import DatablockParams
from stages.labels.label_guess import Guess, guess_labels, with_table_hints
from stages.labels.proposal import Proposal
from stages.tools.check_images import images_mistakes, outputs_of
from stages.tools.first_run import first_run_line
from stages.tools.start_folder import OWN_TABLE, look_at, read_near
from stages.tools.start_params import advise_sides, param_changes
from stages.tools.start_text import change_lines, guess_lines
from stages.tools.tracked import tracking_note
from stages.tools.unhashable import unhashable_lines
from stages.tools.yaml_text import with_values

_PHOTOS = "data/photos"


def main() -> None:
    """Show the proposal, ask, and write params.yaml."""
    options = _options()
    folder = _relative(options.folder)
    outside = folder.split("/")[0] == ".." or Path(folder).is_absolute()
    images = _PHOTOS if outside else folder
    outputs = outputs_of(read_yaml(Path("dvc.yaml")))
    mistakes = (
        unhashable_lines("PHOTOS", folder)
        if outside
        else list(images_mistakes(folder, "none", outputs))
    )
    if mistakes:  # of which a list within says itself how many more there are
        raise error_list(f"{folder} cannot be used:", mistakes, shown=len(mistakes))
    found = look_at(folder, OWN_TABLE)
    present = read_section("ingest", IngestParams).label
    guess = guess_labels(found.photos, found.tables, present)
    guess = Guess(proposals=guess.proposals, doubts=[*found.doubts, *guess.doubts])
    tables = count_noun(len(found.tables), "table")
    say(f"{folder}: {count_noun(len(found.photos), 'photo')}, {tables}")
    if not guess.proposals:
        raise _undecided(found.photos, guess)
    number = guess.number_of(present) if options.take is None else options.take
    proposal = _taken(guess, number)
    guess = with_table_hints(guess, number, found.tables)
    split = read_section("datablock", DatablockParams).split
    sides = advise_sides(proposal, split)
    by = sides.by if sides else split.by
    trainings = split.folds + 1 if by == "folds" and proposal.split == "hash" else 1
    say(*guess_lines(guess, number, folder, sides))
    say(first_run_line(len(proposal.labels.labels), trainings))
    if options.copy and not outside:
        say(f"{folder} lies in the repository and is used where it is, so COPY copies nothing.")
    if outside and not options.copy:
        raise _outside(folder, options.take)
    target = _copied(proposal, folder) if outside else proposal
    changes = param_changes(target, images, read_yaml(PARAMS), sides)
    say(*change_lines(changes))
    if outside:
        _refuse_full(target, proposal)
    elif not changes:
        return
    question = f"Copy to {_PHOTOS} and write {PARAMS}?" if outside else f"Write {PARAMS}?"
    if not options.yes and not _says_yes(question):
        say("Nothing is written.")
        return
    if outside:
        _copy(folder, proposal, target)
    text = PARAMS.read_text(encoding="utf-8")
    write_text(PARAMS, with_values(text, {change.key: change.after for change in changes}))
    note = tracking_note("ingest.images", images, outputs)
    # Before the run, since what DVC tracks only afterwards is hashed again.
    keep = f"dvc add {shlex.quote(images)} && git add {shlex.quote(images)}.dvc && " if note else ""
    say(f"{PARAMS} is written.", *([note] if note else []), f"Next: {keep}make repro")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.start", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="of photos, with subfolders or not")
    add("--take", type=int, metavar="N", help="the Nth way that is shown")
    add("--yes", action="store_true", help="write without asking")
    add("--copy", action="store_true", help=f"copy a folder from outside to {_PHOTOS}")
    return parser.parse_args()


def _relative(name: str) -> str:
    """Return a folder or URL as params.yaml names it; UserError where there is no folder."""
    if is_bucket_url(name):
        return str(photo_folder(name))
    if not Path(name).is_dir():
        what = "is no folder" if Path(name).exists() else "does not exist"
        raise UserError(f"{name} {what}; name the folder that holds your photos")
    folder = name
    with suppress(ValueError):  # on another drive of Windows it has no relative name
        folder = os.path.relpath(name)
    if folder == ".":
        raise UserError(f"{name} is the repository itself; put the photos into {_PHOTOS}")
    return Path(folder).as_posix()


def _taken(guess: Guess, number: int) -> Proposal:
    ways = len(guess.proposals)
    if not 1 <= number <= ways:
        raise UserError(f"TAKE={number}: there {'is' if ways == 1 else 'are'} 1 to {ways}")
    return guess.proposals[number - 1]


def _undecided(photos: Sequence[str], guess: Guess) -> UserError:
    shown = ", ".join(photos[:3])
    return error_list(
        f"neither names nor folders nor a table say the classes of the photos ({shown}):",
        [
            *guess.doubts,
            "make a folder for each class (ingest.label.by: folder), or",
            "write a table of path,label beside the photos (ingest.label.by: csv), or",
            "name the part of the file names that is the class (ingest.label.regex)",
        ],
    )


def _outside(folder: str, number: int | None) -> UserError:
    source = shlex.quote(folder)
    take = "" if number is None else f" TAKE={number}"
    return UserError(
        f"{folder} lies outside the repository, and photos go to {_PHOTOS}; nothing is written yet",
        f"  cp -r {source} {_PHOTOS} && make start PHOTOS={_PHOTOS}{take}",
        f"  or, which copies for you: make start PHOTOS={source} COPY=1{take}",
    )


def _copied(proposal: Proposal, folder: str) -> Proposal:
    """Return a proposal with its table where it lies once the photos are copied."""
    if proposal.rule.by != "csv":
        return proposal
    table = Path(proposal.rule.csv)
    target = OWN_TABLE
    with suppress(ValueError):  # it lies beside the folder
        target = Path(_PHOTOS) / table.relative_to(folder)
    rule = proposal.rule.model_copy(update={"csv": target.as_posix()})
    return replace(proposal, rule=rule)


def _refuse_full(target: Proposal, proposal: Proposal) -> None:
    """Refuse to copy over photos or labels that are there."""
    if any(Path(_PHOTOS).glob("*")):
        raise UserError(f"{_PHOTOS} holds files already; move them away, or copy by hand")
    moved = target.rule.csv != proposal.rule.csv and target.rule.csv == OWN_TABLE.as_posix()
    if moved and len(read_near(OWN_TABLE).records) > 1:
        raise UserError(f"{OWN_TABLE} has rows already; copy {proposal.rule.csv} by hand")


def _copy(folder: str, proposal: Proposal, target: Proposal) -> None:
    """Copy the photos, and a table that lies beside them."""
    shutil.copytree(folder, _PHOTOS, dirs_exist_ok=True)
    if target.rule.csv == OWN_TABLE.as_posix() != proposal.rule.csv:
        shutil.copyfile(proposal.rule.csv, OWN_TABLE)


def _says_yes(question: str) -> bool:
    """Return whether the answer is yes; UserError where nobody can be asked."""
    if not sys.stdin.isatty():
        what = question[0].lower() + question[1:].removesuffix("?")
        raise UserError(f"nothing is written, since nobody can be asked here: YES=1 lets it {what}")
    say(f"{question} [y/N]")
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


if __name__ == "__main__":
    run_command(main)
