"""`make pack` writes tars, says what follows, and refuses where DVC would delete them."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.dataset.packed_folder import open_photos
from stages.tools.pack import main
from tests.tar_files import write_folder
from tests.tiny_repo import ROOT

FILES = {"cat/1.jpg": b"one", "dog/1.jpg": b"two", "labels.csv": b"path,label\n"}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a project with photos."""
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    write_folder(tmp_path / "data" / "photos", FILES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the command."""
    monkeypatch.setattr(sys, "argv", ["pack", *arguments])
    main()


def test_what_follows_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files and tars are counted, tables are named, and so are the next steps."""
    run(monkeypatch, "data/photos", "--out", "data/packed")
    assert capsys.readouterr().out.splitlines() == [
        "3 files in 1 new tar: data/packed",
        "Tables are read from files alone: keep a copy of labels.csv outside of data/packed",
        "Next: dvc add data/packed, and ingest.images: data/packed in params.yaml; no label and no"
        " result changes. data/photos is as it was",
    ]
    packed = open_photos("data/packed")
    assert {path: (packed / path).read_bytes() for path in FILES} == FILES
    assert {path: Path("data/photos", path).read_bytes() for path in FILES} == FILES


def test_a_killed_run_is_gone_on_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command ends as if nothing had been: tars of the killed run stay, and count."""
    run(monkeypatch, "data/photos", "--out", "data/packed")
    said = capsys.readouterr().out.splitlines()
    tar = Path("data/packed/photos-000000.tar")
    before = tar.read_bytes()
    tar.rename(tar.with_name(".photos-000000.tar.part"))
    plan = {".photos-000000.tar.part": tar.name}
    tar.with_name(".photos-names.part").write_text(json.dumps(plan))
    run(monkeypatch, "data/photos", "--out", "data/packed")
    assert capsys.readouterr().out.splitlines() == [
        "Names given to 1 tar of a make pack that was killed",
        *said,
    ]
    assert tar.read_bytes() == before


def test_a_killed_run_is_gone_on_with_after_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is none and a photo that changed are mended, and the same command goes on."""
    run(monkeypatch, "data/photos", "--out", "data/packed")
    next_step = capsys.readouterr().out.splitlines()[1:]
    out = Path("data/packed")
    (out / "photos-000000.tar").rename(out / ".photos-000000.tar.part")
    plan = {".photos-000000.tar.part": "photos-000000.tar"}
    (out / ".photos-names.part").write_text(json.dumps(plan))
    with pytest.raises(UserError, match="data/photo does not exist"):
        run(monkeypatch, "data/photo", "--out", "data/packed")
    write_folder(Path("data/photos"), {"cat/1.jpg": b"eno", "owl/1.jpg": b"owl"})
    with pytest.raises(
        UserError, match=r"1 file of data/photos changed (.|\n)* cat/1\.jpg: in pho"
    ):
        run(monkeypatch, "data/photos", "--out", "data/packed")
    write_folder(Path("data/photos"), {"cat/1.jpg": b"one"})
    capsys.readouterr()
    run(monkeypatch, "data/photos", "--out", "data/packed")
    assert capsys.readouterr().out.splitlines() == [
        "3 files in tars of data/packed already, the same bytes: left out",
        "1 file in 1 new tar: data/packed",
        *next_step,
    ]
    packed = open_photos("data/packed")
    assert (packed / "owl/1.jpg").read_bytes() == b"owl"


def test_outputs_of_the_pipeline_are_no_place_for_tars(monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC deletes an output before each run, and the tars in it."""
    with pytest.raises(UserError, match="in data/presized, which the pipeline makes and DVC del"):
        run(monkeypatch, "data/photos", "--out", "data/presized/packed")
