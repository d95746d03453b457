"""Tracked inputs: whether clones and queued experiments have what params.yaml names."""

import os
import posixpath
import shlex
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from stages.base.bucket import is_bucket_url


def tracking_note(key: str, path: str, outputs: Iterable[str]) -> str:
    """Return what is good to know where neither git nor DVC tracks an input, "" where one does.

    outputs: the paths that the pipeline makes, which DVC tracks.
    """
    if is_bucket_url(path):  # every clone sees the same
        return ""
    place = PurePosixPath(posixpath.normpath(path))
    real = normal_path(path)
    outside = real.startswith("../") or Path(real).is_absolute()
    if outside or place.parts[:1] == ("..",):
        return f"{key}: {path} lies outside the repository; queued runs will not see it"
    above = {place, *place.parents}
    made = not above.isdisjoint(map(PurePosixPath, outputs))
    if made or any(Path(f"{parent}.dvc").is_file() for parent in above) or _in_git(place):
        return ""
    add = f"`dvc add {shlex.quote(place.as_posix())}`"
    return (
        f"{key}: {path} is in neither git nor DVC; {add} keeps it in DVC's cache, so that clones"
        " and queued experiments have it too"
    )


def normal_path(path: str) -> str:
    """Return a path as dvc.yaml would spell it: relative to here, POSIX, links followed.

    One on another drive of Windows stays absolute.
    """
    real = os.path.realpath(path)
    with suppress(ValueError):
        real = os.path.relpath(real, os.path.realpath("."))
    return Path(real).as_posix()


def _in_git(place: PurePosixPath) -> bool:
    """Return whether git tracks a file, or a file in a folder."""
    command = ["git", "--literal-pathspecs", "ls-files", "--", place.as_posix()]
    try:
        listed = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return bool(listed.stdout)
