"""Labels are checked by the names of the photos alone, in no time, whatever the rule."""

import json
import time
from pathlib import Path

import pytest

from stages.dataset.ingest_params import IngestParams
from stages.dataset.split_params import SplitParams
from stages.tools.check_labels import LabelCheck, check_labels
from tests.example_rule import ingest_section


def section(**changes: str) -> IngestParams:
    """Return the section for the folder of photos and the table of the fixture."""
    return ingest_section("photos", **{"csv": "labels.csv"} | changes)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder of photos, beside a table and corrections without rows."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    Path("data").mkdir()
    Path("labels.csv").write_text("path,label\n")
    Path("data/corrections.csv").write_text("path,sha256,action,label,note\n")
    return Path("photos")


def fill(folder: Path, *names: str) -> None:
    """Make empty files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_what_is_no_photo_by_its_name_is_not_counted(folder: Path) -> None:
    """Sidecars beside photos get no label and are not missed."""
    fill(folder, "cat_1.jpg", "cat_1.jpg.json", "dog_1.PNG", "notes.txt", "dog_2.heic")
    checked = check_labels(section(), None, listed=True)
    assert (checked.mistakes, checked.notes) == ([], [])


def test_photos_without_extension_are_photos_where_there_are_no_others(folder: Path) -> None:
    """Where no file is named as a photo, all are looked at."""
    fill(folder, "cat_1", "dog_1")
    checked = check_labels(section(regex=r"^(.+)_"), None, listed=True)
    assert (checked.mistakes, checked.notes) == ([], [])


def test_a_folder_that_is_not_there_yet_is_not_listed(folder: Path) -> None:
    """Of the sample, which a stage makes, only the table is looked at."""
    assert check_labels(section(), None, listed=False).mistakes == []
    Path("labels.csv").write_text("id,breed\n1,cat\n")
    lines = check_labels(section(by="csv"), None, listed=False).mistakes
    assert "no column named 'path'" in lines[0]


def test_spellings_and_sides_are_noted(folder: Path) -> None:
    """Classes that look alike, that were merged, or that name sides are seen before a run."""
    fill(folder, "Cat_1.jpg", "cat_1.jpg", "dog_1.jpg", "dog\u200b_2.jpg")
    notes = check_labels(section(), None, listed=True).notes
    assert [note.split(":")[0] for note in notes] == ["spellings merged", "labels look alike"]


def test_labels_that_contradict_folders_or_a_table_are_noted(folder: Path) -> None:
    """A table is compared with the folders, whichever of them is taken; a decision ends it."""
    fill(folder, *(f"{name}/{n}.jpg" for name in ("cat", "dog") for n in range(9)))
    rows = "cat/0.jpg,dog\ncat/1.jpg,cat\ncat/2.jpg,cat\ndog/0.jpg,dog\n"
    Path("labels.csv").write_text(f"path,label\n{rows}")
    against = "labels.csv and the folders disagree about 1 of 4 photos"
    example = "such as 'cat/0.jpg': 'dog' and 'cat'"
    rules = {"folder": "the folders are taken", "csv": "labels.csv is taken"}
    for by, taken in rules.items():
        checked = check_labels(section(by=by), None, listed=True)
        assert f"ingest.label.by: {against}, {example}; {taken}" in checked.notes
    correct("cat/0.jpg,,keep,,")
    for by in rules:
        assert against not in str(check_labels(section(by=by), None, listed=True).notes)


def test_a_split_by_folder_is_checked(folder: Path) -> None:
    """A layout without a folder for validation cannot be split by folder."""
    fill(folder, "train/cat/1.jpg", "train/dog/1.jpg")
    split = SplitParams(by="folder", valid=0.2, folds=5, test=0.0, group="")
    rule = section(by="folder")
    assert "none is in valid/" in check_labels(rule, split, listed=True).mistakes[0]
    fill(folder, "Validation/cat/1.jpg", "test/dog/1.jpg")
    assert check_labels(rule, split, listed=True).mistakes == []


def test_thousands_of_photos_take_no_time(folder: Path) -> None:
    """Only names are read: 2,000 take less than a fifth of a second, 100,000 about 1.3 s."""
    fill(folder, *(f"cat_{number}.jpg" for number in range(2_000)), "dog_1.jpg")
    start = time.process_time()
    assert check_labels(section(), None, listed=True).mistakes == []
    assert time.process_time() - start < 0.2


def made(dataset: str) -> None:
    """Write the dvc.lock of a run that fetched a sample."""
    params = {"params.yaml": {"fetch": {"dataset": dataset}}}
    stages = {"fetch": {"cmd": "python", "params": params}}
    Path("dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}))


def correct(row: str) -> None:
    """Append a row of corrections."""
    with Path("data/corrections.csv").open("a") as file:
        file.write(f"{row}\n")


@pytest.mark.parametrize("sample", ["", "digits"])
def test_corrections_that_do_not_fit_are_noted(folder: Path, sample: str) -> None:
    """A label that no photo has is noted with the nearest, for the sample of an earlier run too."""
    fill(folder, "cat_1.jpg", "dog_1.jpg")
    made("digits")
    correct("cat_1.jpg,,relabel,dgo,")
    checked = check_labels(section(), None, listed=not sample, sample=sample)
    assert checked.mistakes == []
    assert "did you mean 'dog'?" in checked.corrections[-1]


def test_corrections_of_another_sample_are_left_to_ingest(folder: Path) -> None:
    """Rows for the pets that this run will fetch lack no photo, though the digits lie there now."""
    fill(folder, "seven_1.jpg")
    correct("beagle_1.jpg,,drop,,")
    assert check_labels(section(), None, listed=False, sample="pets").corrections == []
    made("digits")
    assert check_labels(section(), None, listed=False, sample="pets").corrections == []
    (note,) = check_labels(section(), None, listed=False, sample="digits").corrections
    assert "row without photo" in note
    Path("dvc.lock").write_text("stages: [")
    assert check_labels(section(), None, listed=False, sample="digits").corrections == []


def test_a_folder_with_a_mistake_is_not_listed(folder: Path) -> None:
    """Where DVC would delete the photos, or nobody may read them, corrections have no notes."""
    fill(folder, "cat_1.jpg")
    correct("gone.jpg,,drop,,")
    assert check_labels(section(), None, listed=False) == LabelCheck()
    folder.chmod(0)
    assert check_labels(section(), None, listed=False) == LabelCheck()
    folder.chmod(0o700)


def test_corrections_of_a_sample_that_is_not_there_yet_are_left_to_ingest(folder: Path) -> None:
    """Before the sample is made no photo is there, and none is missed."""
    correct("a.jpg,,drop,,")
    made("digits")
    assert check_labels(section(), None, listed=False, sample="digits").corrections == []
    folder.rmdir()
    assert check_labels(section(), None, listed=False, sample="digits").corrections == []
