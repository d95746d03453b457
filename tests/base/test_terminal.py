"""What is printed never acts on the terminal, and never fails for want of a letter."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError, error_list
from stages.base.terminal import printable, say

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat\x1b[2J", r"cat\x1b[2J"),
        ("\x1b]8;;http://x\x07click\x1b]8;;\x07", r"\x1b]8;;http://x\x07click\x1b]8;;\x07"),
        ("a\nfinetrack: all is well", r"a\nfinetrack: all is well"),
        ("a\rb\tc\x00\x7f", r"a\rb\tc\x00\x7f"),
        ("\x9b31m\x85", r"\x9b31m\x85"),
        ("gpj.\u202etac", r"gpj.\u202etac"),
        ("\u2066a\u2069\u200f\ufeff\u00ad", r"\u2066a\u2069\u200f\ufeff\xad"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("cat\U000e0041\u200b", r"cat\U000e0041\u200b"),
        ("\u0378\udcff\udbff", r"\u0378\xff\udbff"),
        ("ca\u200dt", r"ca\u200dt"),
    ],
)
def test_what_acts_on_a_terminal_is_escaped(name: str, shown: str) -> None:
    """Controls, formats and unassigned characters are escaped, bytes that are not UTF-8 too."""
    assert printable(name) == shown
    assert printable(shown) == shown


@pytest.mark.parametrize(
    "name",
    [
        "a cat's (1).jpg",
        "Straße 猫 고양이 แมว बिल्ली",
        "e\u0301a\u0308",  # combining
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family: emoji with joiners
        "\u2764\ufe0f\U0001f3fd",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
        "a\u00a0b\u3000c",
        r"C:\new\x1b",
    ],
)
def test_ordinary_names_stay(name: str) -> None:
    """Letters of every script, combining marks, emoji and wide spaces are printed as they are."""
    assert printable(name) == name


def test_each_argument_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The lines that we build stay lines; a newline in one of them is part of a name."""
    say("1 photo:", "  a\nb.jpg", "done")
    assert capsys.readouterr() == ("1 photo:\n  a\\nb.jpg\ndone\n", "")


def test_a_name_in_an_error_makes_no_line() -> None:
    """Neither in an error of one line nor in a list of them, however often it is listed again."""
    assert str(UserError("a\nb is missing")) == r"a\nb is missing"
    inner = error_list("2 files:", ["a\n  b", "\x1b[1m"])
    assert str(inner) == "2 files:\n  a\\n  b\n  \\x1b[1m"
    assert str(error_list("all:", inner.lines)) == "all:\n  2 files:\n    a\\n  b\n    \\x1b[1m"


SCRIPT = r"""
from stages.base.environment import prepare_process
prepare_process()
from tqdm import tqdm
from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.terminal import say
def main():
    say("Stra\xdfe \u732b \udcff")
    for _ in tqdm(range(2), "\u732b"):
        tqdm.write("\u732b is written")
    raise UserError("no \u732b.jpg")
run_command(main)
"""


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1:strict"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=["ascii", "latin-1", "LC_ALL=C"],
)
def test_a_letter_outside_the_encoding_is_never_a_failure(variables: dict[str, str]) -> None:
    """A name that the terminal's encoding lacks is escaped in lines, errors and progress bars."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"\\u732b is written" in done.stdout
    assert b"\\xff" in done.stdout
    assert b"finetrack: no \\u732b.jpg" in done.stderr


# A shell lets what it runs in the background ignore the interruption: here it does not.
LOADING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from stages.base.environment import prepare_process
prepare_process()
import time
print("loading", flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    raise ERROR
"""


@pytest.mark.parametrize("error", ["", "ImportError('numpy') from None"])
def test_an_interruption_while_torch_is_loaded_is_a_line(error: str) -> None:
    """Ctrl-C in the seconds before a command begins is a line, whatever a package makes of it."""
    with subprocess.Popen(
        [sys.executable, "-c", LOADING.replace("ERROR", error)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert err == "\nfinetrack: Interrupted.\n"
    assert process.returncode in (1, -signal.SIGINT)


def test_a_stage_that_is_interrupted_while_torch_is_loaded_says_what_goes_on() -> None:
    """Under DVC the line names the stage and make repro, and the next one brings back its files."""
    with subprocess.Popen(
        [sys.executable, "-c", LOADING.replace("ERROR", "")],
        cwd=ROOT,
        env=os.environ | {"DVC_STAGE": "export"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert "make repro goes on with export." in err
    assert "dvc checkout -f export" in err


def test_other_failures_before_a_command_begins_have_their_trace() -> None:
    """A package that is missing is shown by Python as always."""
    code = (
        "from stages.base.environment import prepare_process\nprepare_process()\nimport nothing_x"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "ModuleNotFoundError: No module named 'nothing_x'" in done.stderr


CLOSED = """
from stages.base.environment import prepare_process
prepare_process()
from pathlib import Path
from tqdm import tqdm
from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.terminal import say
def main():
    with Path("opened").open("w") as file:
        say("said")
        list(tqdm(range(2), disable=None))
        file.write(str(file.fileno()))
    raise UserError("nobody reads this")
run_command(main)
"""


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_command(closed: str, tmp_path: Path) -> None:
    """Bars and lines go nowhere, and no file that is opened gets the number of a stream."""
    (tmp_path / "command.py").write_text(CLOSED, "utf-8")
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" command.py {closed}'],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "FINETRACK_DEBUG": "0"},
        check=False,
    )
    assert done.returncode == 1
    assert int((tmp_path / "opened").read_text()) > 2


@pytest.mark.skipif(sys.platform == "win32", reason="no reader that leaves is told of there")
@pytest.mark.parametrize(
    ("last", "code", "error"),
    [
        ("pass", 1, ""),
        ("raise SystemExit(7)", 7, ""),
        ("raise UserError('no photo')", 1, "\nfinetrack: no photo\n"),
    ],
)
def test_what_nobody_reads_leaves_no_trace(last: str, code: int, error: str) -> None:
    """A command whose reader has gone keeps its own failure, and adds no traceback to it."""
    script = (
        "from stages.base.entry_point import run_command\n"
        "from stages.base.errors import UserError\n"
        "def main():\n"
        "    print('some')\n"
        f"    {last}\n"
        "run_command(main)\n"
    )
    assert unread([sys.executable, "-c", script]) == (code, error)


@pytest.mark.skipif(sys.platform == "win32", reason="no reader that leaves is told of there")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_that_nobody_reads_leaves_no_trace(unbuffered: str) -> None:
    """Its lines are all that it makes, so it ends with code 0, of which make says nothing."""
    words = [sys.executable, "-S", "-m", "stages.tools.run"]
    assert unread(words, PYTHONUNBUFFERED=unbuffered) == (0, "")
    assert unread([*words, "help"], PYTHONUNBUFFERED=unbuffered) == (0, "")
    code, error = unread([*words, "hlep"], PYTHONUNBUFFERED=unbuffered)
    assert code == 1
    assert "hlep is no command" in error


@pytest.mark.skipif(sys.platform == "win32", reason="no reader that leaves is told of there")
def test_what_cannot_be_watched_is_not_dropped() -> None:
    """Only a reader that has left lets stdout go, and no descriptor that poll knows nothing of."""
    script = (
        "import os, sys\n"
        "from stages.base.terminal import ended_when_unread\n"
        "with ended_when_unread():\n"
        "    os.close(1)\n"
        "try:\n"
        "    sys.exit(os.fstat(1).st_mode)\n"
        "except OSError:\n"
        "    os._exit(7)\n"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], cwd=ROOT, check=False)
    assert done.returncode == 7


def unread(words: list[str], **variables: str) -> tuple[int, str]:
    """Run a program into a pipe that nobody reads, and return its exit code and stderr."""
    reader, writer = os.pipe()
    os.close(reader)
    env = {"PATH": os.environ["PATH"], **variables}
    with os.fdopen(writer, "wb") as pipe:
        done = subprocess.run(
            words, stdout=pipe, stderr=subprocess.PIPE, env=env, cwd=ROOT, check=False
        )
    return done.returncode, done.stderr.decode()
