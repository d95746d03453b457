"""Pack: photos into a few tars, so that a million of them are a hundred files for DVC.

Reads   the files of a folder, and the tars that are in OUT already
Writes  OUT/photos-000000.tar and others, whose numbers go on behind those that are there
Run     make pack PHOTOS=folder OUT=folder, or python -m stages.tools.pack FOLDER --out OUT

A path in a tar is that below the folder, so that labels, sides and results stay as they are. What
a tar has already is left out, so that a run that was ended is gone on with.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import shlex
from pathlib import Path

from stages.base.entry_point import run_command
from stages.base.plural import count_noun, join_names
from stages.base.terminal import say
from stages.dataset.pack import files_to_pack, finish_killed_run, pack_files
from stages.dataset.packed_folder import files_in
from stages.tools.check_images import refuse_output

_TABLES = (".csv", ".tsv")


def main() -> None:
    """Write the tars, and say what follows."""
    options = _options()
    photos = options.folder
    out = options.out
    refuse_output(out)
    tars = finish_killed_run(out)
    if tars:
        say(f"Names given to {count_noun(len(tars), 'tar')} of a make pack that was killed")
    new, there = files_to_pack(photos, out)
    written = {*files_in(tars, out), *new}
    if left_out := len(set(there) - written):
        say(f"{count_noun(left_out, 'file')} in tars of {out} already, the same bytes: left out")
    tars += pack_files(photos, new, out) if new else []
    say(f"{count_noun(len(written), 'file')} in {count_noun(len(tars), 'new tar')}: {out}")
    if tables := [path for path in sorted(written.union(there)) if path.lower().endswith(_TABLES)]:
        what = join_names(tables, count=3)
        say(f"Tables are read from files alone: keep a copy of {what} outside of {out}")
    say(
        f"Next: dvc add {shlex.quote(str(out))}, and ingest.images: {out} in params.yaml; no label"
        f" and no result changes. {photos} is as it was"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.pack", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="of photos, stays as it is")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="OUT", help="new, or with tars in it alone"
    )
    return parser.parse_args()


if __name__ == "__main__":
    run_command(main)
