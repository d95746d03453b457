"""Names of files that act on a terminal pass through the stages and reach it as plain text."""

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import ingest, presize
from stages.base.entry_point import run_command
from stages.store.reader import Store

ROOT = Path(__file__).parents[1]
TITLE = "\x1b]0;mine\x07"  # retitles the window
FORGED = "\nfinetrack: all is well"
HOSTILE = (f"cat{TITLE}_1.png", f"dog{FORGED}_1.png", "dog\u202egpj_2.png", "cat\x9b2J_2.png")
ORDINARY = ("cat 100%_4.png", "dog #${seed}_4.png", "cat 猫_5.png", "dog ä'\"_5.png")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory: photos with such names, and files that are none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETRACK_WORKERS", "1")
    folder = Path("photos of 100 % ${me} #1 ü")
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (8, 48, 40, 3), dtype=np.uint8)
    for name, picture in zip(HOSTILE + ORDINARY, pixels, strict=True):
        Image.fromarray(picture).save(folder / name)
    (folder / f"bad{FORGED}{TITLE}_3.jpg").write_bytes(b"no image")
    Path("data").mkdir()
    for name in ("labels.csv", "corrections.csv"):
        shutil.copy(ROOT / "data" / name, Path("data") / name)
    text = (ROOT / "params.yaml").read_text("utf-8")
    text = text.replace("images: data/sample", f"images: '{folder}'").replace(
        "size: 320", "size: 32"
    )
    Path("params.yaml").write_text(text, "utf-8")
    return tmp_path


def printed(main: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> str:
    """Return all that a stage prints, whether it succeeds or fails."""
    with suppress(SystemExit):
        run_command(main)
    return "".join(capsys.readouterr())


def test_no_name_acts_on_the_terminal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What ingest and presize say of such files is escaped, and forges no line; all are used."""
    said = [printed(main, capsys) for main in (ingest.main, presize.main)]
    for text in said:
        assert all(line.isprintable() for line in text.split("\n"))
        assert not any(line.startswith("finetrack: all is well") for line in text.split("\n"))
        assert r"\nfinetrack: all is well" in text
    assert set(Store(Path("data/presized")).index["path"]) == {*HOSTILE, *ORDINARY}


def test_a_name_that_is_no_text_is_a_problem_of_its_own(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name of bytes that are no UTF-8, as from an old disk, stops neither stage."""
    folder = next(path for path in project.iterdir() if path.name.startswith("photos"))
    shutil.copy(folder / HOSTILE[0], folder / os.fsdecode(b"caf\xe9_9.png"))
    text = printed(ingest.main, capsys)
    assert r"caf\xe9_9.png: name not UTF-8" in text
    assert "Traceback" not in text + printed(presize.main, capsys)
