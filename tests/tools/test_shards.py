"""`make shards` writes what a trainer may see, and refuses places where nothing belongs."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from stages.base.errors import UserError
from stages.dataset.split_files import write_splits
from stages.tools.shards import main
from tests.store.test_reader import make
from tests.store.test_sample_shards import members
from tests.tiny_repo import ROOT

SIDES = {"a.jpg": "train", "b.jpg": "valid", "c.jpg": "test", "d.jpg": "excluded"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a project with a store, one of whose photos has no label, and a split."""
    store = make(tmp_path, names=[*SIDES, "e.jpg"])
    (tmp_path / "data").mkdir()
    store.folder.rename(tmp_path / "data" / "presized")
    labels = {"path": list(SIDES), "label": ["owl", "auk", "owl", "auk"], "split": SIDES.values()}
    write_splits(tmp_path / "data" / "splits.csv", pd.DataFrame(labels).assign(reason=""))
    params = (ROOT / "params.yaml").read_text("utf-8")
    (tmp_path / "params.yaml").write_text(params.replace("images: data/sample", "images: photos"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    """Run the command with some options."""
    monkeypatch.setattr(sys, "argv", ["shards", *options])
    main()


@pytest.mark.usefixtures("project")
def test_what_is_sealed_or_excluded_stays_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Training and validation are written, with the class numbers of the model; others counted."""
    run(monkeypatch, "--out", "out", "--size-mb", "1")
    assert capsys.readouterr().out.splitlines() == [
        "2 photos of 2 classes in 2 shards: out",
        "Not in them: 3 of the test set, excluded or without a label",
    ]
    facts = [
        (name, json.loads(content))
        for files in members(Path("out")).values()
        for name, content in files.items()
        if name.endswith((".json", ".cls"))
    ]
    assert [content for _, content in facts] == [
        1,
        {"path": "a.jpg", "label": "owl", "split": "train"},
        0,
        {"path": "b.jpg", "label": "auk", "split": "valid"},
    ]


@pytest.mark.usefixtures("project")
def test_places_and_sizes_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos stay apart, a folder with files is left alone, and sizes are within reason."""
    for out, words in (("photos/out", "in the folder of the photos"), ("data", "is not empty")):
        with pytest.raises(UserError, match=words):
            run(monkeypatch, "--out", out)
    for size in ("0", "-1", "8193"):
        with pytest.raises(UserError, match=f"--size-mb {size}: a shard has from 1 to 8,192 MB"):
            run(monkeypatch, "--out", "out", "--size-mb", size)
    assert not Path("out").exists()


@pytest.mark.usefixtures("project")
def test_without_results_the_stage_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no split yet, the line says which command makes it."""
    Path("data/splits.csv").unlink()
    with pytest.raises(UserError, match="dvc repro datablock"):
        run(monkeypatch, "--out", "out")
