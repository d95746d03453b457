"""A killed process leaves nothing that git, DVC or the next run would take for a result."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from errno import EACCES, EXDEV
from pathlib import Path

import psutil
import pytest

from stages.base import parts
from stages.base.parts import PRIVATE_FOLDER, write_whole

ROOT = Path(__file__).parents[2]
PARTS = PRIVATE_FOLDER / "parts"
# A process that stops in the middle of writing: its content comes from a pipe that never ends.
WRITER = """
import os, sys, time
from pathlib import Path
from stages.base import parts
with parts._new_part(Path(sys.argv[1])) as file:
    file.write(b"half of it")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""


def start_writer(folder: Path) -> subprocess.Popen[str]:
    """Start a process that has written half of a part in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder.resolve())],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def kill(writer: subprocess.Popen[str]) -> None:
    """Kill a process as the system does for want of memory."""
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    if writer.stdout:
        writer.stdout.close()


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no file be moved out of the private folder, as the system says of another disk."""
    replace = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if self.parent == PARTS:
            raise OSError(EXDEV, os.strerror(EXDEV))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)


def names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def test_a_part_lies_in_the_private_folder(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a file is written, nothing stands beside it; afterwards no part is left anywhere."""
    replace = Path.replace
    moments = []

    def note(self: Path, target: Path) -> Path:
        moments.append((self.parent, self.read_bytes(), names(Path("reports"))))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", note)
    write_whole(Path("reports/a.json"), b"1")
    assert moments == [(PARTS, b"1", [])]
    assert names(Path("reports")) == ["a.json"]
    assert names(PARTS) == []


def test_what_a_killed_process_leaves_is_swept(workplace: Path) -> None:
    """A process killed in the middle of writing leaves a part, which the next one removes."""
    kill(start_writer(PARTS))
    assert len(names(PARTS)) == 1
    write_whole(Path("reports/a.json"), b"1")
    assert names(PARTS) == []
    assert names(Path("reports")) == ["a.json"]


def test_the_part_of_a_living_process_stays(workplace: Path) -> None:
    """What another process is writing at this moment is not swept, nor is anybody's other file."""
    writer = start_writer(PARTS)
    (PARTS / ".mine.part").touch()
    try:
        write_whole(Path("a.json"), b"1")
        assert len(names(PARTS)) == 2
    finally:
        kill(writer)


def test_on_another_disk_the_part_stands_beside_its_file(workplace: Path, other_disk: None) -> None:
    """Where nothing can be moved from the private folder, as to a mounted data/, it still works."""
    write_whole(Path("data/a.json"), b"1")
    write_whole(Path("data/a.json"), b"2")
    assert Path("data/a.json").read_bytes() == b"2"
    assert names(Path("data")) == ["a.json"]


def test_parts_beside_their_files_are_swept_too(workplace: Path, other_disk: None) -> None:
    """A part that a killed process left beside its file goes; hidden files of users stay."""
    kill(start_writer(Path("data/sample")))
    Path("data/sample/.download.part").write_bytes(b"a user's")
    write_whole(Path("data/sample/a.jpg"), b"1")
    assert names(Path("data/sample")) == [".download.part", "a.jpg"]


@pytest.mark.parametrize("obstacle", ["a file", "a broken link"])
def test_a_private_folder_that_cannot_be_made_is_no_failure(workplace: Path, obstacle: str) -> None:
    """Tools that only write their result do without the private folder."""
    if obstacle == "a file":
        PRIVATE_FOLDER.touch()
    else:
        PRIVATE_FOLDER.symlink_to("/nowhere/at/all")
    write_whole(Path("out/a.csv"), b"1")
    assert names(Path("out")) == ["a.csv"]


def test_a_name_of_255_bytes_is_written(workplace: Path) -> None:
    """The part's name does not grow with the file's."""
    name = "ä" * 125 + ".jpeg"
    assert len(name.encode()) == 255
    write_whole(Path("data") / name, b"1")
    assert names(Path("data")) == [name]


def test_git_sees_nothing_of_a_killed_run(workplace: Path) -> None:
    """With the project's .gitignore, nothing that a killed run leaves would be committed."""
    shutil.copy(ROOT / ".gitignore", workplace)
    for command in ("init -q", "add -A"):
        subprocess.run(["git", *command.split()], check=True)
    for folder in (PARTS, Path("reports"), Path("data/sample")):
        kill(start_writer(folder))
        (folder / ".index.html.123.part").touch()  # of an earlier version
    status = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], capture_output=True, text=True, check=True
    )
    assert status.stdout == "A  .gitignore\n"


def test_dvc_looks_at_no_part() -> None:
    """.dvcignore names the parts too, so that those in data/sample are no change of it."""
    paths = ["data/sample/.finetrack-0a.part", "data/sample/.a.jpg.123.part"]
    dvc = [sys.executable, "-m", "dvc", "check-ignore", *paths]
    done = subprocess.run(dvc, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == paths


def is_open(path: Path) -> bool:
    """Return whether this process or one that it started has a file open."""
    mine = [psutil.Process(), *psutil.Process().children()]
    return any(Path(file.path) == path.resolve() for one in mine for file in one.open_files())


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behave as Windows does: no file is moved, replaced or removed while it is open."""
    replace, unlink = Path.replace, Path.unlink

    def refuse(*paths: Path) -> None:
        for path in filter(is_open, paths):
            raise PermissionError(EACCES, os.strerror(EACCES), str(path))

    def replaced(self: Path, target: Path) -> Path:
        refuse(self, target)
        return replace(self, target)

    def unlinked(self: Path, missing_ok: bool = False) -> None:
        refuse(self)
        unlink(self, missing_ok)

    monkeypatch.setattr(parts, "_WINDOWS", True)
    monkeypatch.setattr(Path, "replace", replaced)
    monkeypatch.setattr(Path, "unlink", unlinked)


def test_windows_moves_a_part_once_it_is_closed(workplace: Path, windows: None) -> None:
    """Where no open file can be moved, a file is written whole, and no part is left."""
    for content in (b"1", b"2"):
        write_whole(Path("reports/a.json"), content, durable=True)
        assert Path("reports/a.json").read_bytes() == content
    assert names(Path("reports")) == ["a.json"]
    assert names(PARTS) == []


def test_windows_waits_for_a_reader(workplace: Path, windows: None) -> None:
    """A file that a virus scanner reads for a moment is replaced once it is closed."""
    Path("a.json").write_bytes(b"1")
    with Path("a.json").open("rb") as reader:
        timer = threading.Timer(0.1, reader.close)
        timer.start()
        write_whole(Path("a.json"), b"2")
    timer.join()
    assert Path("a.json").read_bytes() == b"2"


def test_windows_does_not_wait_for_ever(
    workplace: Path, windows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that a program keeps open is an error, stays as it is, and no part is left."""
    monkeypatch.setattr(parts, "_SECONDS_TO_WAIT", (0.01,))
    Path("a.json").write_bytes(b"1")
    with Path("a.json").open("rb"), pytest.raises(PermissionError):
        write_whole(Path("a.json"), b"2")
    assert Path("a.json").read_bytes() == b"1"
    assert [name for name in names(workplace) if name.endswith(".part")] == []
    assert names(PARTS) == []


def test_windows_sweeps_what_nobody_writes(workplace: Path, windows: None) -> None:
    """The part of a killed process goes, that of a living one stays."""
    kill(start_writer(PARTS))
    writer = start_writer(PARTS)
    try:
        write_whole(Path("a.json"), b"1")
        assert len(names(PARTS)) == 1
    finally:
        kill(writer)
