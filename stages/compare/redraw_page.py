"""Draw the report page of a past revision again, in a temporary checkout and without training."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from stages.base.errors import UserError
from stages.compare.dvc_cache import FETCH_REMEDY, DvcCache
from stages.compare.dvc_lock import DvcLock, output_hashes, within
from stages.compare.git import GitHistory, Revision

_STAGE = "interpret"


def redraw_page(
    history: GitHistory, revision: Revision, lock: DvcLock, cache: DvcCache, page: str
) -> bytes:
    """Return the page that interpret draws of a revision from the results that DVC's cache has.

    The checkout shares git's and DVC's objects. UserError names what the cache lacks.
    """
    inputs = cached_inputs(history, revision, lock, cache)
    with tempfile.TemporaryDirectory() as scratch:
        _run("git", "clone", "-q", "--shared", "--no-checkout", history.top, scratch)
        _run("git", "-C", scratch, "checkout", "-q", "--detach", revision.commit)
        checkout = Path(scratch, history.prefix)
        _run("dvc", "cache", "dir", "-q", "--local", cache.folder, cwd=checkout)
        # Links rather than copies: the presized photos may be gigabytes, and are only read.
        links = ("config", "--local", "cache.type", "reflink,symlink,copy")
        _run("dvc", *links, cwd=checkout)
        _run("dvc", "checkout", "-q", "--", *inputs, cwd=checkout)
        _run("dvc", "repro", "-q", "--single-item", _STAGE, cwd=checkout)
        return (checkout / page).read_bytes()


def cached_inputs(
    history: GitHistory, revision: Revision, lock: DvcLock, cache: DvcCache
) -> list[str]:
    """Return the outputs that interpret reads and that are in DVC's cache, not in git.

    UserError names those that the cache lacks.
    """
    if _STAGE not in lock:
        raise UserError(f"dvc.lock of {revision.name} has no stage {_STAGE}, which draws the page")
    hashes = output_hashes(lock)
    used = {out for out in hashes for path in lock[_STAGE].data if within(path, [out])}
    inputs = sorted(out for out in used if history.read(revision, out) is None)
    missing = [out for out in inputs if not cache.has(hashes[out])]
    if missing:
        raise UserError(
            f"DVC's cache lacks {', '.join(missing)} of {revision.name}; {FETCH_REMEDY}"
        )
    return inputs


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run git, or the DVC beside this Python; a failure is a UserError with its last line."""
    search_path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": search_path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )
    if result.returncode:
        lines = result.stdout.strip().splitlines() or ["nothing"]
        raise UserError(f"{command[0]} {command[1]} failed: {lines[-1]}")
