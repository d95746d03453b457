"""Names of files are UTF-8, and a locale that reads them otherwise is what is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.file_names import refuse_locale, utf8_name

ROOT = Path(__file__).parents[2]
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
LIST = """
import sys
from pathlib import Path
from stages.base.entry_point import run_command
from stages.base.terminal import say
from stages.dataset.folder_listing import list_files
from stages.tools.unhashable import unhashable_lines
run_command(lambda: say(*list_files(Path(sys.argv[1]))[0]))
run_command(lambda: say(*unhashable_lines("ingest.images", sys.argv[1])))
"""
REFUSE = """
from stages.base.entry_point import run_command
from stages.base.file_names import refuse_locale
run_command(lambda: refuse_locale("f\\xf6/labels.csv"))
"""


def run(script: str, *arguments: str) -> tuple[int, str]:
    """Run a script in a locale of ASCII; return its exit code and all that it says."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env=os.environ | ASCII,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_names_in_ascii_are_read_in_every_locale(tmp_path: Path) -> None:
    """A folder whose names are all ASCII is listed under LC_ALL=C."""
    (tmp_path / "cat.jpg").touch()
    assert run(LIST, str(tmp_path)) == (0, "cat.jpg\n\n")


def test_a_locale_that_cannot_read_a_name_is_refused(tmp_path: Path) -> None:
    """Under LC_ALL=C a photo with an accent is no fault of the photo: the line names the locale."""
    (tmp_path / "diéc_00.jpg").touch()
    code, text = run(LIST, str(tmp_path))
    assert code == 1
    assert "c_00.jpg: names are UTF-8, and the locale C of this shell reads them as ascii" in text
    assert text.endswith("; set PYTHONUTF8=1 and run `make repro` or your command again\n")


def test_a_name_in_params_is_refused_like_one_on_the_disk() -> None:
    """A name that the locale cannot write is one line too."""
    code, text = run(REFUSE)
    assert code == 1
    assert "finetrack: f\\xf6/labels.csv: names are UTF-8, and the locale C" in text


@pytest.mark.parametrize("name", ["cat.jpg", "diéc 猫.jpg"])
def test_a_name_of_utf8_stays(name: str) -> None:
    """In a locale of UTF-8 every letter is accepted, and a name is what it was."""
    refuse_locale(name)
    assert utf8_name(name) == name


def test_bytes_that_are_not_utf8_are_escaped() -> None:
    """A name in Latin-1 becomes text that a table can hold."""
    assert utf8_name(os.fsdecode(b"caf\xe9.jpg")) == "caf\\xe9.jpg"
