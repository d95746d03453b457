"""What the system refuses is named, with the remedy."""

import os
import re
from errno import (
    EACCES,
    EDQUOT,
    EFBIG,
    EIO,
    EMFILE,
    ENOMEM,
    ENOSPC,
    ENOTDIR,
    EROFS,
    ESTALE,
    ETXTBSY,
)
from pathlib import Path

import pytest
import torch

from stages.base.system_errors import system_error_line, unreadable, unwritable, wants_memory
from stages.cluster.facts import SOURCE


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (ENOSPC, "free some space"),
        (EDQUOT, "free some space"),
        (EROFS, "allow writing there"),
        (EACCES, "allow writing there"),
        (EFBIG, "allow larger files (ulimit -f)"),
        (EMFILE, "allow more open files (ulimit -n 4096)"),
        (ENOTDIR, "a file is in the place of a folder"),
        (ENOMEM, "FINETRACK_WORKERS=1"),
        (ESTALE, "look after the disk or the network folder"),
    ],
)
def test_a_known_reason_comes_with_its_remedy(code: int, remedy: str) -> None:
    """A full disk, a quota, a limit and a read-only place each come with a remedy."""
    error = unwritable("data/presized", OSError(code, os.strerror(code)))
    assert str(error).startswith(f"data/presized cannot be written: {os.strerror(code)}; {remedy}")
    line = system_error_line(OSError(code, os.strerror(code), "a.jpg"))
    assert line.startswith(f"a.jpg: {os.strerror(code)}; {remedy}")


def test_a_file_that_has_become_unreadable_says_what_to_type() -> None:
    """Whoever began with make repro, or with another command, types the same again."""
    line = str(unreadable("a", OSError(EIO, "I/O error")))
    assert line == "a cannot be read: I/O error; run `make repro` or your command again"


def test_no_message_says_run_it_again() -> None:
    """All messages name what a person types, in one wording."""
    vague = re.compile(r"run (it|this|the stage) again")
    sources = [
        file for file in (SOURCE / "stages").rglob("*.py") if vague.search(file.read_text("utf-8"))
    ]
    assert sources == []


def test_an_unknown_reason_stands_alone() -> None:
    """An error without a known remedy is the path and the reason."""
    assert str(unwritable("a", OSError(ETXTBSY, "busy"))) == "a cannot be written: busy"
    assert system_error_line(OSError(ETXTBSY, "busy", "a")) == "a: busy"


def test_a_full_disk_without_a_file_says_where_to_look() -> None:
    """The system names no file when writing fails: the line names the folder of the run."""
    for code, remedy in ((ENOSPC, "free some space"), (EFBIG, "allow larger files (ulimit -f)")):
        line = system_error_line(OSError(code, os.strerror(code)))
        where = f"a file below {Path.cwd()}, or a temporary one: {os.strerror(code)}"
        assert line == f"{where}; {remedy} and run `make repro` or your command again"
    assert system_error_line(OSError(EIO, "I/O error")).startswith("OSError: I/O error; look")
    assert system_error_line(OSError("odd")) == "OSError: odd"


def test_a_copy_that_does_not_fit_names_the_copy() -> None:
    """The system names both files, of which the second cannot be written."""
    line = system_error_line(OSError(ENOSPC, os.strerror(ENOSPC), "original", None, "copy"))
    assert line.startswith("copy: No space left on device; free some space")
    line = system_error_line(OSError(EIO, "I/O error", "original", None, "copy"))
    assert line.startswith("original: I/O error")


def test_want_of_memory_is_known_by_class_or_message() -> None:
    """On a GPU torch has a class for it, on a processor a message; numpy has Python's class."""
    with pytest.raises(RuntimeError) as on_processor:
        torch.empty(2**60, dtype=torch.uint8)
    assert wants_memory(on_processor.value)
    assert wants_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert wants_memory(MemoryError())
    assert not wants_memory(RuntimeError("shapes do not fit"))
