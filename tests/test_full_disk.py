"""A disk that is full is one line with the file and the remedy, whoever writes what.

The system really refuses: no file may grow beyond a limit (RLIMIT_FSIZE), and /dev/full
answers as a full disk does.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages import ingest
from stages.base.csv_file import write_csv
from stages.base.errors import UserError
from stages.base.files import write_bytes, write_json, write_text
from stages.base.npz_file import write_npz
from stages.base.stage_lock import stage_lock
from stages.base.stored_array import rows_file
from stages.images.encode import Encoded
from stages.sample.owned_files import update_owned_files
from stages.store.encode_cache import EncodeCache
from tests.file_limit import no_file_larger_than

ROOT = Path(__file__).parents[1]
PHOTOS = 60
LIMIT = 4096  # bytes; each of the files below is larger


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with photos of two classes and the project's params."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETRACK_WORKERS", "1")
    Path("photos").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (PHOTOS, 48, 40, 3), dtype=np.uint8)
    for number, picture in enumerate(pixels):
        name = ("cat", "dog")[number % 2]
        Image.fromarray(picture).save(f"photos/{name}_{number}.png")
    Path("data").mkdir()
    Path("data/labels.csv").write_text("path,label\n")
    Path("data/corrections.csv").write_text("path,sha256,action,label,note\n")
    text = (ROOT / "params.yaml").read_text("utf-8")
    text = text.replace("images: data/sample", "images: photos").replace("size: 320", "size: 32")
    Path("params.yaml").write_text(text.replace("dataset: digits", "dataset: pets"), "utf-8")
    return tmp_path


CONTENT = np.random.default_rng(0).bytes(2 * LIMIT)
TABLE = pd.DataFrame({"path": [f"{number:0100d}.jpg" for number in range(90)]})
ENCODED = Encoded(content=CONTENT, width=1, height=1, phash="0" * 64, format="JPEG", traits=())


def update_sample() -> None:
    """Copy a large file into a folder that is shared with the user."""
    update_owned_files(Path("out"), {"file": Path("large")})


WRITERS: dict[str, Callable[[], object]] = {
    "bytes": lambda: write_bytes("out/file", CONTENT),
    "durable, as checkpoints": lambda: write_bytes("out/file", CONTENT, durable=True),
    "text": lambda: write_text("out/file", CONTENT.hex()),
    "json": lambda: write_json("out/file", CONTENT.hex()),
    "csv": lambda: write_csv("out/file", TABLE),
    "npz": lambda: write_npz("out/file", {"a": np.zeros(LIMIT)}),
    "sample": update_sample,
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_cannot_be_written_is_named_and_nothing_is_left(name: str, project: Path) -> None:
    """Each way to write a file names it and the remedy; the old file and no part of a new stay."""
    Path("out").mkdir()
    Path("out/file").write_bytes(b"old")
    Path("large").write_bytes(CONTENT)
    (project / "out" / ".made.json").write_text(
        '{"file": "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4"}\n'
    )
    words = r"out/file cannot be written: File too large; allow larger files \(ulimit -f\)"
    with no_file_larger_than(LIMIT), pytest.raises(UserError, match=words):
        WRITERS[name]()
    assert Path("out/file").read_bytes() == b"old"
    assert list(project.rglob("*.part")) == []


def test_rows_that_cannot_be_written_say_where_their_file_is(project: Path) -> None:
    """The temporary file of a stage has no name, so the error has its folder, small or large."""
    Path("scratch").mkdir()
    words = r"^the stage's temporary file in scratch cannot be written: File too large; allow"
    for rows in (1, 9):  # in the buffer of the file, or not
        block = np.zeros((rows, LIMIT // 8 // rows * 2))
        with (
            no_file_larger_than(LIMIT),
            pytest.raises(UserError, match=words),
            rows_file(Path("scratch")) as file,
        ):
            file.store([block])
    assert list(Path("scratch").iterdir()) == []


def test_a_cached_photo_that_cannot_be_written_is_named(project: Path) -> None:
    """The cache of presized photos names its file, and has no part of the photo afterwards."""
    cache = EncodeCache(Path("cache"))
    with no_file_larger_than(LIMIT), pytest.raises(UserError, match=r"cache/ab.* be written: File"):
        cache.save("ab" * 32, ENCODED)
    assert cache.load("ab" * 32) is None


def run_stage(name: str, limit: int) -> subprocess.CompletedProcess[str]:
    """Run a stage here as DVC does, where no file may be larger than the limit."""
    command = f"ulimit -f {limit // 1024}; exec {shlex.quote(sys.executable)} -m stages.{name}"
    return subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_stages_name_what_they_cannot_write(project: Path) -> None:
    """Ingest and presize end with file and remedy, and the processes of presize with one error."""
    reasons = "cannot be written: File too large; allow larger files (ulimit -f)"
    done = run_stage("ingest", LIMIT)
    assert done.returncode == 1
    assert f"finetrack: data/manifest/images.csv {reasons}" in done.stderr
    ingest.main()
    done = run_stage("presize", LIMIT)
    assert done.returncode == 1
    assert "finetrack: .finetrack/presize/run-" in done.stderr
    assert reasons in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2  # the other says how to bring outputs back


def test_the_lock_that_cannot_be_written_is_named(project: Path) -> None:
    """The lock, the first file that a stage writes, is an error like the others."""
    words = r"\.finetrack/lock cannot be written: File too large; allow larger files"
    lock = stage_lock(Path(".finetrack"), "ingest")
    with no_file_larger_than(0), pytest.raises(UserError, match=words), lock:
        pass
    with stage_lock(Path(".finetrack"), "ingest"):
        pass


SAYING = (
    "from stages.base.environment import prepare_process\n"
    "prepare_process()\n"
    "from stages.base.entry_point import run_command\n"
    "from stages.base.terminal import say\n"
    "run_command(lambda: say(*['x' * 100] * LINES))\n"
)


@pytest.mark.parametrize("lines", [1, 1000])
def test_output_to_a_full_disk_is_one_line(lines: int) -> None:
    """Whether the lines wait in a buffer or not, `> file` on a full disk is exit 1 and a line."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", SAYING.replace("LINES", str(lines))],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "No space left on device; free some space" in done.stderr


@pytest.mark.parametrize("lines", [1, 1000])
def test_a_reader_that_left_is_no_line(lines: int) -> None:
    """Into a closed pipe the command ends with exit 1 and without a word, however little it says.

    The variable lets Python buffer, as it does where nobody sets it.
    """
    command = f'"{sys.executable}" -c "{SAYING.replace("LINES", str(lines))}" | true'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode in (0, 1)  # 0 where the pipe was still open when the line was said
