"""What a library in C writes to the terminal is caught, and nothing else is."""

import os
import subprocess
import sys

import pytest

from stages.images.native_output import native_output

SCRIPT = """
import os
from stages.images.native_output import native_output
os.write(2, b"before;")
with native_output() as lines:
    os.write(2, b"one\\ntwo\\n")
os.write(2, b"after;")
print(lines)
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )


def test_lines_are_caught_and_the_terminal_comes_back() -> None:
    """Only what is written within the block is missing on the terminal."""
    done = run(SCRIPT)
    assert done.stdout.strip() == "['one', 'two']"
    assert done.stderr == "before;after;"


def fail_in_the_block(lines_caught: list[str]) -> None:
    """Write a line and fail, within the block."""
    try:
        with native_output() as lines:
            os.write(2, b"caught\n")
            raise ZeroDivisionError
    finally:
        lines_caught += lines


def test_the_terminal_comes_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    """An error in the block leaves nothing redirected."""
    lines: list[str] = []
    with pytest.raises(ZeroDivisionError):
        fail_in_the_block(lines)
    os.write(2, b"shown\n")
    assert lines == ["caught"]
    assert capfd.readouterr().err == "shown\n"


def test_a_closed_terminal_is_no_error() -> None:
    """A service without stderr decodes all the same."""
    writes = "os.write(2"
    script = "\n".join(
        line.replace(line.strip(), "pass") if writes in line else line
        for line in SCRIPT.splitlines()
    )
    assert run("import os; os.close(2)\n" + script).stdout.strip() == "[]"
