"""Unhashable files: what in the folder of photos stops DVC, which hashes every file, hidden or not.

DVC names no remedy for a link that leads nowhere, no file for a name that is not UTF-8, and waits
for ever where a pipe has no writer.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stages.base.errors import error_list
from stages.base.file_names import refuse_locale, utf8_name
from stages.base.plural import count_noun


def unhashable_lines(key: str, folder: str) -> list[str]:
    """Return lines about the files and folders that DVC cannot hash, none where it can hash all."""
    lines = sorted(_unhashable(folder))
    if not lines:
        return []
    count = count_noun(len(lines), "file")
    head = f"{key}: {folder} holds {count} that DVC cannot read; remove or rename what is named:"
    return error_list(head, lines).lines


def _unhashable(folder: str) -> Iterator[str]:
    """Yield a line for each; folders behind links are left out, since DVC does not enter them."""
    for above, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            refuse_locale(name)
            path = Path(above, name).relative_to(folder).as_posix()
            if utf8_name(name) != name:
                likely = _likely_name(name)
                perhaps = f", perhaps to {likely}" if likely else ""
                yield f"{utf8_name(path)}: its name is not UTF-8; rename it{perhaps}"
            elif name in files and (what := _what_it_is(Path(above, name))):
                yield f"{path}: {what}"


def _likely_name(name: str) -> str:
    """Return a name as Windows had it, else as DOS; "" where it has a control sign then.

    Nobody can tell the encoding; of photos from old disks it is mostly one of these.
    """
    for encoding in ("cp1252", "cp437"):
        with suppress(UnicodeDecodeError):
            likely = os.fsencode(name).decode(encoding)
            return likely if likely.isprintable() else ""
    return ""


def _what_it_is(file: Path) -> str:
    """Return what a file is that is none to be read, or nothing."""
    try:
        mode = file.stat().st_mode
    except OSError as error:
        return f"a link that leads nowhere ({error.strerror})" if file.is_symlink() else ""
    return "" if stat.S_ISREG(mode) else "a pipe, a socket or a device"
