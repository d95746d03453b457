"""`make shards` writes what a trainer may see, and refuses places where nothing belongs."""

import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.base.errors import UserError
from stages.dataset.bucket_scan import scan_photos
from stages.dataset.split_files import write_splits
from stages.predict.find_sources import find_sources
from stages.predict.path_in_tar import TarPaths
from stages.predict.photo_source import Unread
from stages.store.sample_shards import write_sample_shards
from stages.tools import shards
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
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
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
def test_shards_are_no_folder_of_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives them to ingest or predict is told what they are; one shard by itself is read."""
    run(monkeypatch, "--out", "out")
    with pytest.raises(UserError, match="out holds what make shards wrote") as error:
        scan_photos("out", 1)
    assert len(error.value.lines) == 1
    (found,) = find_sources(["out"], "path", io.BytesIO(), TarPaths())
    (source,) = found.sources
    assert isinstance(source.place, Unread)
    assert source.place.problem.startswith("out holds what make shards wrote")
    (shard,) = find_sources(["out/train-000000.tar"], "path", io.BytesIO(), TarPaths())
    (photo,) = shard.sources
    assert photo.name.startswith("out/train-000000.tar/a-")


@pytest.mark.usefixtures("project")
def test_places_and_sizes_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Photos stay apart, a folder with files is left alone, and sizes are within reason."""
    for out, words in (
        ("photos/out", "in the folder of the photos"),
        ("data", "is not empty"),
        ("data/presized/out", "in data/presized, which the pipeline makes and DVC deletes"),
        ("./data/model", "in data/model, which the pipeline makes"),
    ):
        with pytest.raises(UserError, match=words):
            run(monkeypatch, "--out", out)
    for size in ("0", "-1", "8193"):
        with pytest.raises(UserError, match=f"--size-mb {size}: a shard has from 1 to 8,192 MB"):
            run(monkeypatch, "--out", "out", "--size-mb", size)
    assert not Path("out").exists()
    assert not Path("data/presized/out").exists()


@pytest.mark.usefixtures("project")
def test_a_second_run_into_the_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one writes, another ends with the process of the first, whose shards stay."""
    write = write_sample_shards

    def write_during_another(*arguments: Any) -> Any:
        monkeypatch.setattr(shards, "write_sample_shards", write)
        with pytest.raises(UserError, match=f"out is being written .*process {os.getpid()} on"):
            run(monkeypatch, "--out", "out")
        assert not Path("out").exists()
        return write(*arguments)

    monkeypatch.setattr(shards, "write_sample_shards", write_during_another)
    run(monkeypatch, "--out", "out")
    assert Path("out", "dataset.json").is_file()


@pytest.mark.usefixtures("project")
def test_without_results_the_stage_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no split yet, the line says which command makes it."""
    Path("data/splits.csv").unlink()
    with pytest.raises(UserError, match="dvc repro datablock"):
        run(monkeypatch, "--out", "out")
