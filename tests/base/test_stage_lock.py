"""One process has a lock at a time, whatever becomes of it."""

import errno
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socket import gethostname

import pytest

from stages.base import stage_lock as stage_lock_module
from stages.base.errors import UserError
from stages.base.stage_lock import file_lock, stage_at_work, stage_lock

HOST = gethostname()
ROOT = Path(__file__).parents[2]
OTHER_PROCESS = """
import sys, time
from pathlib import Path
from stages.base.stage_lock import stage_lock
with stage_lock(Path(sys.argv[1]), "presize"):
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def other_process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return another process that has the lock of the folder."""
    command = [sys.executable, "-c", OTHER_PROCESS, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_the_error_names_the_stage_at_work(
    other_process: subprocess.Popen[str], tmp_path: Path
) -> None:
    """While one process has the lock another is refused, with stage, process and remedy."""
    words = rf"presize \(process {other_process.pid} on {HOST}\) is still at work.*end that process"
    with pytest.raises(UserError, match=words), stage_lock(tmp_path, "presize"):
        pass


def test_a_killed_process_leaves_no_lock(
    other_process: subprocess.Popen[str], tmp_path: Path
) -> None:
    """After kill -9 the lock is free, though the lock file still names the killed process."""
    other_process.send_signal(signal.SIGKILL)
    other_process.wait()
    assert (tmp_path / "lock").read_text() == f" presize (process {other_process.pid} on {HOST})"
    deadline = time.monotonic() + 5
    locked = False
    while not locked and time.monotonic() < deadline:
        with suppress(UserError), stage_lock(tmp_path, "fine_tune"):
            locked = True
        time.sleep(0.05)
    assert locked
    assert (tmp_path / "lock").read_text() == f" fine_tune (process {os.getpid()} on {HOST})"


def test_the_stage_at_work_is_known_to_others(
    other_process: subprocess.Popen[str], tmp_path: Path
) -> None:
    """While a stage runs its name is told; after its end, however that came, there is none."""
    assert stage_at_work(tmp_path) == f"presize (process {other_process.pid} on {HOST})"
    other_process.send_signal(signal.SIGKILL)
    other_process.wait()
    assert stage_at_work(tmp_path) == ""
    (tmp_path / "lock").write_text(f" presize (process {os.getpid()} on {HOST})")
    assert stage_at_work(tmp_path) == ""  # its number belongs to a process without the lock
    assert stage_at_work(tmp_path / "new") == ""
    with stage_lock(tmp_path, "fine_tune"):
        pass


def test_one_after_the_other(tmp_path: Path) -> None:
    """A stage that has ended leaves the folder to the next, after a failure too."""
    with pytest.raises(ZeroDivisionError), stage_lock(tmp_path, "presize"):
        raise ZeroDivisionError
    with stage_lock(tmp_path, "fine_tune"):
        assert stage_at_work(tmp_path).startswith("fine_tune (process ")


def test_a_stage_makes_its_folder(tmp_path: Path) -> None:
    """The folder of the lock need not exist."""
    with stage_lock(tmp_path / "a" / "b", "presize"):
        assert (tmp_path / "a" / "b" / "lock").is_file()


def test_the_refusal_is_the_callers_own(tmp_path: Path) -> None:
    """The error is made by the caller, from what the owner wrote; the owner's text stays."""
    file = tmp_path / "lock"
    with (
        file_lock(file, "the first", ValueError),
        pytest.raises(ValueError, match=r"^the first$"),
        file_lock(file, "the second", ValueError),
    ):
        pass
    assert file.read_text() == " the first"


def test_a_lock_file_that_cannot_be_opened_is_an_os_error(tmp_path: Path) -> None:
    """Without its folder the lock file is an OSError, not the refusal."""
    with (
        pytest.raises(FileNotFoundError),
        file_lock(tmp_path / "none" / "lock", "", ValueError),
    ):
        pass


def test_a_lock_that_cannot_be_opened_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    """A folder in the place of the lock, which not even root opens, is named with its command."""
    lock = tmp_path / "lock"
    lock.mkdir()
    with pytest.raises(UserError) as refused, stage_lock(tmp_path, "presize"):
        pass
    assert str(refused.value) == (
        f"{lock} cannot be locked: {os.strerror(errno.EISDIR)}; perhaps another user, or a run as"
        f" root, made it: remove it while nothing runs here (sudo rm -r {lock}), and"
        " run `make repro` or your command again"
    )
    lock.rmdir()
    with stage_lock(tmp_path, "presize"):
        pass


def test_the_remedy_on_windows_names_the_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no sudo, no command of it is advised."""
    monkeypatch.setattr(stage_lock_module, "_WINDOWS", True)
    (tmp_path / "lock").mkdir()
    with pytest.raises(UserError) as refused, stage_lock(tmp_path, "presize"):
        pass
    assert str(refused.value).startswith(f"{tmp_path / 'lock'} cannot be locked: ")
    assert str(refused.value).endswith(
        "remove it while nothing runs here, and run `make repro` or your command again"
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open all")
def test_the_lock_of_another_user_has_the_remedy(tmp_path: Path) -> None:
    """A file that may not be written is named with the command that removes it."""
    (tmp_path / "lock").touch(mode=0o400)
    words = r"lock cannot be locked: Permission denied; .*sudo rm -r .*lock\)"
    with pytest.raises(UserError, match=words), stage_lock(tmp_path, "presize"):
        pass


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    """A file in the place of the private folder is an error with the remedy."""
    (tmp_path / "private").touch()
    words = r"private/lock cannot be written: .*; a file is in the place of a folder; move it away"
    with pytest.raises(UserError, match=words), stage_lock(tmp_path / "private", "presize"):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="/sys is of Linux")
def test_a_folder_that_cannot_be_written_is_named() -> None:
    """A place where nobody may write, not even root, is an error with the remedy."""
    words = r"/sys/none/lock cannot be written: .*; allow writing there and run `make repro` "
    with pytest.raises(UserError, match=words), stage_lock(Path("/sys/none"), "presize"):
        pass


def test_what_the_stage_raises_is_no_error_of_the_lock(tmp_path: Path) -> None:
    """An error of the system in the stage itself passes through as it is."""
    with pytest.raises(OSError, match="a disk"), stage_lock(tmp_path, "presize"):
        raise OSError(5, "a disk")


def test_a_damaged_lock_file_is_no_failure(tmp_path: Path) -> None:
    """Whatever stands in the lock file, after a power cut perhaps, a free lock is taken."""
    (tmp_path / "lock").write_bytes(b"\xff\x00" * 100)
    with stage_lock(tmp_path, "presize"):
        assert (tmp_path / "lock").read_text().startswith(" presize (process ")


@pytest.mark.parametrize("code", ["EINVAL", "ENOLCK", "ENOSYS", "EOPNOTSUPP"])
def test_a_file_system_without_locks_is_used_without(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What such a file system answers is no error, and the owner is written all the same."""

    def refuse(*_: object, **__: object) -> bool:
        raise OSError(getattr(errno, code), "no locks here")

    monkeypatch.setattr(stage_lock_module, "lock_descriptor", refuse)
    with file_lock(tmp_path / "lock", "the first", ValueError):
        assert (tmp_path / "lock").read_text() == " the first"


def test_another_failure_to_lock_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails is not taken for a file system without locks."""

    def fail(*_: object, **__: object) -> bool:
        raise OSError(errno.EIO, "a disk")

    monkeypatch.setattr(stage_lock_module, "lock_descriptor", fail)
    with pytest.raises(OSError, match="a disk"), file_lock(tmp_path / "lock", "", ValueError):
        pass


def test_the_byte_that_is_locked_is_not_read(
    other_process: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner stands behind the first byte, which on Windows nobody else may read."""
    read: list[tuple[int, bytes]] = []

    class Noted(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            place = self.tell()
            read.append((place, super().read(size) or b""))
            return read[-1][1]

    def opened(self: Path, mode: str = "r", *_: object, **__: object) -> Noted:
        return Noted(self, mode)

    monkeypatch.setattr(Path, "open", opened)
    owner = f"presize (process {other_process.pid} on {HOST})"
    assert stage_at_work(tmp_path) == owner
    assert read == [(1, owner.encode())] * 2  # what is there, then the refusal
