"""The page of any past commit or experiment again, without training and without touching the files.

Run: python -m stages.tools.past_page REV. Where DVC's cache has the page, it is that; otherwise
interpret draws it in a temporary checkout, from the cached results of the stages before it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stages.base.errors import UserError, run_command
from stages.base.files import write_bytes
from stages.compare.dvc_cache import DvcCache
from stages.compare.dvc_lock import Lock, outputs, read_lock
from stages.compare.git import WORKSPACE, GitHistory, Revision
from stages.tools.compare import FILES, TARGET, cache_folder

PAGE = "reports/index.html"
STAGE = "interpret"


def main() -> None:
    """Write the page of the revision asked for, and say where."""
    parser = argparse.ArgumentParser(prog="python -m stages.tools.past_page")
    parser.add_argument("revision", metavar="REV", help="a git revision or a DVC experiment")
    name = parser.parse_args().revision
    root = Path.cwd()
    history, folder = GitHistory(root), cache_folder(root)
    revision, *more = history.resolve(name)
    lock = read_lock(history.read(revision, FILES.lock))
    if more or revision.name == WORKSPACE or not lock or PAGE not in outputs(lock):
        raise UserError(f"{name} names no single past run with a {PAGE}; see: git log -- dvc.lock")
    kept = DvcCache(folder).file(outputs(lock)[PAGE])
    content = kept.read_bytes() if kept else drawn(history, revision, lock, folder)
    target = TARGET / f"{revision.short}.html"
    write_bytes(target, content)
    print(f"The page of {name}: {target}")


def drawn(history: GitHistory, revision: Revision, lock: Lock, cache: Path) -> bytes:
    """Draw the page in a temporary checkout that shares git's and DVC's objects."""
    needed = inputs(history, revision, lock, DvcCache(cache))
    with tempfile.TemporaryDirectory() as scratch:
        _call("git", "clone", "-q", "--shared", "--no-checkout", history.top, scratch)
        _call("git", "-C", scratch, "checkout", "-q", "--detach", revision.commit)
        clone = Path(scratch, history.prefix)
        _call("dvc", "cache", "dir", "-q", "--local", cache, cwd=clone)
        # Links rather than copies: the presized photos may be gigabytes, and are only read.
        _call("dvc", "config", "--local", "cache.type", "reflink,symlink,copy", cwd=clone)
        _call("dvc", "checkout", "-q", *needed, cwd=clone)
        _call("dvc", "repro", "-q", "--single-item", STAGE, cwd=clone)
        return (clone / PAGE).read_bytes()


def inputs(history: GitHistory, revision: Revision, lock: Lock, cache: DvcCache) -> list[str]:
    """Return what the page is drawn from and DVC keeps; UserError names what the cache lacks."""
    outs = outputs(lock)
    used = {
        out
        for path in lock[STAGE].data
        for out in outs
        if path == out or path.startswith(f"{out}/")
    }
    kept = sorted(out for out in used if history.read(revision, out) is None)
    missing = [out for out in kept if not cache.has(outs[out])]
    if missing:
        raise UserError(
            f"DVC's cache lacks {', '.join(missing)} of {revision.name}; "
            "dvc fetch --all-commits brings what a remote has"
        )
    return kept


def _call(*words: str | Path, cwd: Path | None = None) -> None:
    """Run git or DVC beside this Python; a failure is a UserError with its last line."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, "PATH": places},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        said = done.stdout.strip().splitlines() or ["nothing"]
        raise UserError(f"{words[0]} {words[1]} failed: {said[-1]}")


if __name__ == "__main__":
    run_command(main)
