"""The terminal: lines for people, in which no name of a file or a class can act on the terminal.

A file may be named with an escape sequence that retitles the window, with a newline that forges a
message, or with a bidirectional override that shows its letters in another order.
"""

import io
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, current_thread, main_thread
from types import FrameType, TracebackType
from typing import TextIO
from unicodedata import category

from stages.base.interruption import (
    end_at_once_next_time,
    interrupted_line,
    restore_hint,
    speaks_for_all,
)

# Controls, formats, surrogates (bytes of a name that are no UTF-8), unassigned, line separators.
_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
# The zero-width joiner and non-joiner are formats too. Behind a letter or a sign outside ASCII they
# are spelling: families of emoji, Persian, the scripts of India.
_JOINERS = "\u200c\u200d"


def printable(text: str | Path) -> str:
    r"""Return a name or a line with its control, format and unassigned characters escaped.

    Newlines are escaped too. What is escaped already stays as it is; other Unicode stays.

    >>> printable("cat\x1b[2J\n"), printable("Straße 猫.jpg")
    ('cat\\x1b[2J\\n', 'Straße 猫.jpg')
    """
    text = str(text)
    if text.isprintable():
        return text
    pairs = zip(" " + text, text, strict=False)
    return "".join(_escape(sign) if _acts(before, sign) else sign for before, sign in pairs)


def say(*lines: str, file: TextIO | None = None) -> None:
    """Print lines for people to stdout, or to `file`; a newline inside a line is escaped.

    It is the one way in which the stages and tools print.
    """
    print("\n".join(map(printable, lines)), file=file)  # the one print of all


def _say_all() -> None:
    """Print now what is said already, so that a full disk is an error of the command."""
    if sys.stdout:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError:
            _drop_stdout()
            raise


@contextmanager
def ended_when_unread(code: int = 1) -> Iterator[None]:
    """End this process with a code and no line, once the reader of stdout, such as head, has left.

    code: 0 only where lines are all that is made. What else a command does is not done by then.
    Whatever ends the block, Python prints no trace of what it cannot print when it exits.
    """
    try:
        yield
        _say_all()
    except BrokenPipeError:
        if _drop_stdout_unless_read():
            sys.exit(code)
        raise
    finally:
        _drop_stdout_unless_read()


def _drop_stdout_unless_read() -> bool:
    """Return whether the reader of stdout has left; what waits for it is dropped then."""
    if sys.platform != "win32":  # where nobody tells
        with suppress(OSError, AttributeError):  # where it is no file, or None
            poll = select.poll()
            poll.register(sys.stdout.fileno(), 0)
            # On macOS a terminal, which poll cannot watch there, has POLLNVAL.
            if any(state & (select.POLLERR | select.POLLHUP) for _, state in poll.poll(0)):
                _drop_stdout()
                return True
    return False


def _drop_stdout() -> None:
    # Or Python tries to print it when it exits, and shows a trace.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def leave_quietly_when_interrupted() -> None:
    """Let Ctrl-C end this process with a line, where no `run_command` is there yet to catch it.

    torch takes seconds to load, and numpy, interrupted while it is loaded, raises an ImportError.
    """
    interrupted = Event()

    def note(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.default_int_handler(number, frame)

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if interrupted.is_set():
            end_at_once_next_time()
            stage = os.environ.get("DVC_STAGE", "")
            hint = restore_hint(stage)
            lines = [f"finetrack: {interrupted_line(stage)}", *([hint] if hint else [])]
            if speaks_for_all():
                say("", *lines, file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, trace)

    # Another thread may set no handler, and where Ctrl-C is ignored, it stays so.
    if (
        current_thread() is main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):
        signal.signal(signal.SIGINT, note)
        sys.excepthook = show


def open_closed_streams() -> None:
    """Put the null device where a standard stream is closed, as `2>&-` and some services do.

    Python has None for such a stream, on which progress bars fail, and the next file to be opened
    gets its number, so that what a library in C says on standard error would go into that file.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if _is_closed(number):
            null = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(null, True)
            setattr(sys, name, os.fdopen(null, "w" if number else "r", encoding="utf-8"))


def _is_closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def never_fail_to_encode() -> None:
    """Let stdout and stderr escape what their encoding lacks, as under LANG=C, instead of failing.

    Progress bars, warnings and the lines of other packages pass through them as well.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _acts(before: str, sign: str) -> bool:
    if sign in _JOINERS:
        return before.isascii()
    return category(sign) in _ESCAPED_CATEGORIES


def _escape(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # how Python has a byte of a name that is not UTF-8
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode("ascii")
