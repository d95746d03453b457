"""The listing of a folder: its files, and what in it cannot be one."""

import os
from errno import ELOOP, ENOENT
from pathlib import Path

from stages.base.file_names import refuse_locale, utf8_name
from stages.dataset.system_names import is_system_name
from stages.labels.problem import UNREADABLE, Problem

_LINK_PROBLEMS = {
    ELOOP: ("symlink loop", "it leads back to itself"),
    ENOENT: ("broken link", "what it leads to is not there"),
}


def list_files(root: Path) -> tuple[list[str], list[Problem], int]:
    """Return the files below a folder, sorted; a problem for what cannot be one; how many hidden.

    A link to a file inside is followed. A linked folder is not, since DVC does not enter one: what
    is listed there could change without a rerun.
    """
    paths = []
    problems = []
    hidden = 0
    real_root = os.path.realpath(root)
    folders = [""]  # still to be listed
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError as error:
            problems.append(Problem(folder, UNREADABLE, f"folder: {error.strerror}"))
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if is_system_name(entry.name.lower()):
                hidden += 1
            elif problem := _entry_problem(entry, path, real_root):
                problems.append(problem)
            elif entry.is_dir():
                folders.append(path)
            else:
                paths.append(path)
    return sorted(paths), problems, hidden


def _entry_problem(entry: os.DirEntry[str], path: str, real_root: str) -> Problem | None:
    """Return why an entry is neither a file nor a folder to be read, None when it is one."""
    if not entry.name.isascii():
        refuse_locale(entry.name)
        if utf8_name(entry.name) != entry.name:
            return Problem(utf8_name(path), "name not UTF-8", "rename it")
    try:
        if entry.is_symlink() and (problem := _link_problem(entry, path, real_root)):
            return problem
        if not entry.is_dir() and not entry.is_file():
            return Problem(path, "not a file", "a pipe, a socket or a device")
    except OSError as error:
        unreadable = (UNREADABLE, error.strerror or str(error))
        return Problem(path, *_LINK_PROBLEMS.get(error.errno or 0, unreadable))
    return None


def _link_problem(entry: os.DirEntry[str], path: str, real_root: str) -> Problem | None:
    """Return why a link is not followed, None when it is; an OSError when it leads nowhere."""
    inside = Path(os.path.realpath(entry.path, strict=True)).is_relative_to(real_root)
    if entry.is_dir():
        remedy = "remove it; the photos count where they lie" if inside else "put the folder here"
        return Problem(path, "linked folder", f"DVC does not enter it; {remedy}")
    return None if inside else Problem(path, "link out of the folder", "put the photo itself here")
