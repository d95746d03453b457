"""One stage at a time in a folder, whatever becomes of it."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Never

import pytest

from stages.base.stage_lock import LockHeld, stage_lock

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from stages.base.stage_lock import alone
with alone(Path(sys.argv[1]), "presize"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Return another process that holds the lock."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_of_the_first(holder, tmp_path: Path) -> None:
    """While one process holds the folder another is refused, with stage, process and remedy."""
    words = rf"presize \(process {holder.pid}\) is still at work.*end it with kill"
    with pytest.raises(LockHeld, match=words), stage_lock(tmp_path, "presize"):
        pass


def test_a_killed_holder_holds_nothing(holder, tmp_path: Path) -> None:
    """After kill -9 of the holder the folder is free, though its note still lies there."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    deadline, freed = time.monotonic() + 5, False
    while not freed and time.monotonic() < deadline:
        with suppress(LockHeld), stage_lock(tmp_path, "fine_tune"):
            freed = True
        time.sleep(0.05)
    assert freed
    assert (tmp_path / "lock").read_text().startswith("fine_tune (process ")


def test_one_after_the_other(tmp_path: Path) -> Never:
    """Who has ended leaves the folder to the next, after a failure too."""
    with pytest.raises(ZeroDivisionError), stage_lock(tmp_path, "presize"):
        raise ZeroDivisionError
    with stage_lock(tmp_path, "fine_tune"):
        assert (tmp_path / "lock").read_text().startswith("fine_tune (process ")
