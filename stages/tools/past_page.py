"""The page of any past commit or experiment again, without training and without touching the files.

Run: python -m stages.tools.past_page REV. Where DVC's cache has the page, it is that; otherwise
interpret draws it in a temporary checkout, from the cached results of the stages before it.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
from pathlib import Path

from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.files import write_bytes
from stages.base.terminal import say
from stages.compare.dvc_cache import DvcCache, open_dvc_cache
from stages.compare.dvc_lock import output_hashes, read_lock
from stages.compare.git import WORKSPACE, GitHistory
from stages.compare.redraw_page import redraw_page
from stages.tools.compare import COMPARE_FOLDER
from stages.tools.project_files import PROJECT_FILES


def main() -> None:
    """Write the page of the revision that the user named, and print where."""
    parser = argparse.ArgumentParser(prog="python -m stages.tools.past_page")
    parser.add_argument("revision", metavar="REV", help="a git revision or a DVC experiment")
    name = parser.parse_args().revision
    root = Path.cwd()
    page = PROJECT_FILES.page
    history = GitHistory(root)
    cache = open_dvc_cache(root)
    revision, *others = history.resolve(name)
    lock_name = f"{PROJECT_FILES.lock} of {revision.name}"
    lock = read_lock(history.read(revision, PROJECT_FILES.lock), lock_name)
    if others or revision.name == WORKSPACE or not lock or page not in output_hashes(lock):
        raise UserError(f"{name} names no single past run with a {page}; see: git log -- dvc.lock")
    content = _cached_page(cache, output_hashes(lock)[page])
    if content is None:
        content = redraw_page(history, revision, lock, cache, page)
    target = COMPARE_FOLDER / f"{revision.short}.html"
    write_bytes(target, content)
    say(f"The page of {name}: {target}")


def _cached_page(cache: DvcCache, md5: str) -> bytes | None:
    """Return the page in DVC's cache; None where it is not there, or damaged."""
    if cache.file(md5) is None:
        return None
    try:
        return cache.read(md5)
    except UserError as error:
        say(str(error), "The page is drawn again.")
        return None


if __name__ == "__main__":
    run_command(main)
