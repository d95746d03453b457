"""Shards: a copy of the presized photos, with label and split, for trainers that read WebDataset.

Reads   data/presized/, data/splits.csv, params.yaml, dvc.yaml
Writes  FOLDER/train-000000.tar, FOLDER/valid-000000.tar and others, FOLDER/dataset.json
Run     make shards OUT=folder, or python -m stages.tools.shards --out FOLDER [--size-mb 256]

Excluded images stay out, and so do those of the test set, whose labels are sealed.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import os
from contextlib import AbstractContextManager
from pathlib import Path
from socket import gethostname

from stages.base.bucket import photo_folder
from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.fingerprint import fingerprint
from stages.base.params import read_value
from stages.base.parts import PRIVATE_FOLDER
from stages.base.plural import count_noun
from stages.base.stage_lock import required_lock
from stages.base.terminal import say
from stages.dataset.split_files import list_class_names, read_splits
from stages.store.reader import Store
from stages.store.sample_shards import require_empty, write_sample_shards
from stages.tools.check_images import refuse_output

_STORE = Path("data/presized")
_SPLITS = Path("data/splits.csv")
_PRIVATE = PRIVATE_FOLDER / "shards"
_SIZE_MB = 256  # of some thousand photos, so that few files hold many and a shuffle mixes shards
_MOST_MB = 8192  # USTAR has room for 8 GiB in a file


def main() -> None:
    """Write the shards of every side that a trainer may see, and print what was written."""
    options = _options()
    folder = options.out
    _refuse_folder_of_photos(folder)
    refuse_output(folder)
    require_empty(folder)
    splits = read_splits(_SPLITS)
    store = Store(_STORE)
    samples = splits[splits["split"] != "excluded"].drop(columns="reason")
    class_names = list_class_names(splits)
    with _locked(folder):
        shards = write_sample_shards(store, samples, class_names, folder, options.size_mb * 10**6)

    photos = count_noun(len(samples), "photo")
    classes = count_noun(len(class_names), "class", "classes")
    say(f"{photos} of {classes} in {count_noun(len(shards), 'shard')}: {folder}")
    if left_out := len(store.index) - len(samples):
        say(f"Not in them: {left_out:,} of the test set, excluded or without a label")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.shards", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("--out", required=True, type=Path, metavar="FOLDER", help="new, or empty")
    add("--size-mb", type=int, default=_SIZE_MB, help="of a shard at most; default: %(default)s")
    options = parser.parse_args()
    if not 1 <= options.size_mb <= _MOST_MB:
        raise UserError(f"--size-mb {options.size_mb}: a shard has from 1 to {_MOST_MB:,} MB")
    return options


def _refuse_folder_of_photos(folder: Path) -> None:
    photos = photo_folder(read_value("ingest.images", str))
    if isinstance(photos, Path) and folder.resolve().is_relative_to(photos.resolve()):
        raise UserError(f"--out {folder} is in the folder of the photos; name another --out")


def _locked(folder: Path) -> AbstractContextManager[None]:
    """Return the lock of an --out, which a second run at the same time does not get."""
    lock = _PRIVATE / f"{fingerprint(str(folder.resolve()))}.lock"
    owner = f"process {os.getpid()} on {gethostname()}"
    return required_lock(lock, owner, lambda other: _at_work(folder, other))


def _at_work(folder: Path, other: str) -> UserError:
    return UserError(
        f"--out {folder} is being written by another make shards ({other or 'an unknown process'});"
        " wait for its end, or name another --out"
    )


if __name__ == "__main__":
    run_command(main)
