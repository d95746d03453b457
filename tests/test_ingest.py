"""Ingest as a user runs it: a folder, a rule and corrections become a manifest and a report."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages import ingest
from stages.base.errors import UserError
from stages.dataset.manifest import read_images, read_labels

Project = Callable[..., None]  # of the folder of photos, and of keys of ingest.label
ROOT = Path(__file__).parents[1]
PHOTOS = {"cat_1.jpg": "JPEG", "cat_2.jpg": "PNG", "dog_1.jpg": "GIF", "sub/dog_2.jpg": "JPEG"}


def photo(path: Path, seed: int, image_format: str = "JPEG") -> None:
    """Write a small picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format=image_format)


def table(path: str) -> list[dict[str, str]]:
    """Return a CSV file as a list of dicts."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def metrics() -> dict[str, Any]:
    """Return the metrics that were written."""
    content: dict[str, Any] = json.loads(Path("reports/ingest/metrics.json").read_text())
    return content


def outputs() -> dict[str, bytes]:
    """Return the bytes of all outputs."""
    folders = [Path("data/manifest"), Path("reports/ingest")]
    return {path.name: path.read_bytes() for folder in folders for path in folder.iterdir()}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a function that sets params; the working folder has four photos of two classes."""
    monkeypatch.chdir(tmp_path)
    for seed, (name, image_format) in enumerate(PHOTOS.items()):
        photo(tmp_path / "photos" / name, seed, image_format)
    for name in ("data/labels.csv", "data/corrections.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        header = "path,label" if "labels" in name else "path,sha256,action,label,note"
        (tmp_path / name).write_text(header + "\n")

    def change(**label: str) -> None:
        content = YAML(typ="safe").load(ROOT / "params.yaml")
        content["ingest"]["images"] = label.pop("images", "photos")
        content["ingest"]["label"].update(label)
        YAML(typ="safe").dump(content, Path("params.yaml"))

    change()
    return change


def test_every_photo_is_in_the_manifest(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each file has a row of facts, each labelled one a row of labels, and one line says so."""
    before = {path: path.read_bytes() for path in Path("photos").rglob("*.jpg")}
    ingest.main()
    images = read_images(Path("data/manifest/images.csv"))
    assert dict(zip(images["path"], images["format"], strict=True)) == PHOTOS
    assert set(zip(images["width"], images["height"], strict=True)) == {(30, 20)}
    assert table("data/manifest/labels.csv") == [
        {"path": path, "label": label, "source": "filename", "split": "", "group": ""}
        for path, label in zip(PHOTOS, ["cat", "cat", "dog", "dog"], strict=True)
    ]
    assert Path("reports/ingest/problems.csv").read_text() == "path,problem,detail\n"
    assert metrics() == {
        "files": 4,
        "images": 4,
        "labelled": 4,
        "classes": 2,
        "bytes": sum(map(len, before.values())),
        "not_photos": {},
        "hidden": 0,
        "merged_rows": 0,
        "corrections": {"relabelled": 0, "dropped": 0, "kept": 0},
        "problems": {},
    }
    assert capsys.readouterr().out == (
        "4 files: 4 images with a label in 2 classes, 0 unreadable, "
        "0 problems (reports/ingest/problems.csv)\n"
    )
    assert {path: path.read_bytes() for path in Path("photos").rglob("*.jpg")} == before


def test_the_same_input_gives_the_same_bytes(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outputs depend neither on the run, nor on the threads, nor on where the folder lies."""
    ingest.main()
    first = outputs()
    monkeypatch.setenv("FINETRACK_WORKERS", "3")
    ingest.main()
    assert outputs() == first
    shutil.copytree("photos", "elsewhere/photos")
    project(images="elsewhere/photos")
    ingest.main()
    assert outputs() == first


def test_what_does_not_fit_is_a_problem_and_the_rest_goes_on(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files without a label, without an image, hidden or linked out: each is accounted for."""
    for number in range(25):
        photo(Path(f"photos/IMG {number:02}.jpg"), 100 + number)
    Path("photos/notes_1.txt").write_text("no image, so no label is missed")
    Path("photos/.DS_Store").write_text("x")
    Path("photos/out.jpg").symlink_to("/etc/hostname")
    photo(Path("photos/Cat_3.jpg"), 200)
    ingest.main()
    counts = metrics()
    assert (counts["files"], counts["images"], counts["labelled"]) == (31, 30, 5)
    assert counts["hidden"] == 1
    assert counts["problems"] == {
        "labels look alike": 1,
        "link out of the folder": 1,
        "no match": 25,
    }
    rows = table("reports/ingest/problems.csv")
    assert [row["path"] for row in rows[:3]] == ["", "IMG 00.jpg", "IMG 01.jpg"]
    assert len(rows) == 28
    assert counts["not_photos"] == {".txt": 1}
    assert [row["path"] for row in rows if row["problem"] == "not a photo"] == ["notes_1.txt"]
    assert len(read_images(Path("data/manifest/images.csv"))) == 30
    assert "notes_1.txt" not in set(read_labels(Path("data/manifest/labels.csv"))["path"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "27 problems:"
    assert lines[2].startswith("  IMG 00.jpg: no match: ingest.label.regex ")
    assert lines[21] == "  ... and 7 more"
    assert lines[22:] == [
        "31 files: 5 images with a label in 3 classes, 0 unreadable, 1 other file (1 .txt), "
        "27 problems (reports/ingest/problems.csv)"
    ]


def test_labels_by_folder(project: Project) -> None:
    """The folder is the class, and photos at the top are problems."""
    photo(Path("photos/bird/x.jpg"), 9)
    project(by="folder")
    ingest.main()
    rows = table("data/manifest/labels.csv")
    assert [(row["path"], row["label"], row["source"]) for row in rows] == [
        ("bird/x.jpg", "bird", "folder"),
        ("sub/dog_2.jpg", "sub", "folder"),
    ]
    assert metrics()["problems"] == {"no folder": 3}


def test_labels_splits_and_groups_by_csv(project: Project) -> None:
    """Rows and photos are matched, repeats are merged, and those without a match are problems."""
    Path("list.tsv").write_text(
        "file\tkind\tside\twho\ncat_1.jpg\tA\ttrain\tx\ncat_1.jpg\tA\ttrain\tx\n"
        "cat_2.jpg\tB\tvalid\t\ndog_1.jpg\tA\t\tx\ndog_1.jpg\tB\t\tx\ngone.jpg\tA\ttrain\ty\n"
    )
    columns = {"path_column": "file", "label_column": "kind", "split_column": "side"}
    project(by="csv", csv="list.tsv", delimiter="\t", group_column="who", **columns)
    ingest.main()
    assert table("data/manifest/labels.csv") == [
        {"path": "cat_1.jpg", "label": "A", "source": "csv", "split": "train", "group": "x"},
        {"path": "cat_2.jpg", "label": "B", "source": "csv", "split": "valid", "group": ""},
    ]
    assert metrics()["merged_rows"] == 1
    assert [(row["path"], row["problem"]) for row in table("reports/ingest/problems.csv")] == [
        ("dog_1.jpg", "conflicting labels"),
        ("gone.jpg", "row without photo"),
        ("sub/dog_2.jpg", "photo without row"),
    ]


def test_splits_by_csv_and_labels_by_filename(project: Project) -> None:
    """A split column is used whatever gives the labels."""
    Path("data/labels.csv").write_text("path,side\ncat_1.jpg,valid\n")
    project(split_column="side")
    ingest.main()
    rows = table("data/manifest/labels.csv")
    assert [row["split"] for row in rows] == ["valid", "", "", ""]
    assert {row["source"] for row in rows} == {"filename"}


def test_corrections_change_labels_and_not_images(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """A relabelled photo is marked, a dropped one leaves labels.csv, and images.csv stays."""
    ingest.main()
    before = outputs()
    sha256 = table("data/manifest/images.csv")[0]["sha256"]
    Path("data/corrections.csv").write_text(
        "path,sha256,action,label,note\n"
        f"cat_1.jpg,{sha256},relabel,dog,\ncat_2.jpg,,drop,,blurred\ndog_1.jpg,{sha256},drop,,\n"
        "sub/dog_2.jpg,,relabel,cat,\n"
    )
    ingest.main()
    assert outputs()["images.csv"] == before["images.csv"]
    assert outputs()["labels.csv"] != before["labels.csv"]
    rows = table("data/manifest/labels.csv")
    assert [(row["path"], row["label"], row["source"]) for row in rows] == [
        ("cat_1.jpg", "dog", "correction"),
        ("dog_1.jpg", "dog", "filename"),
        ("sub/dog_2.jpg", "cat", "correction"),
    ]
    assert [(row["path"], row["problem"]) for row in table("reports/ingest/problems.csv")] == [
        ("cat_2.jpg", "dropped"),
        ("dog_1.jpg", "correction: content changed"),
    ]
    assert metrics()["corrections"] == {"relabelled": 2, "dropped": 1, "kept": 0}
    said = capsys.readouterr().out
    assert "3 of 4 corrections applied: 2 relabelled, 1 dropped, 0 kept" in said
    assert metrics()["problems"] == {"correction: content changed": 1}
    decided = table("reports/ingest/corrections.csv")
    assert [(row["path"], row["before"], row["problem"]) for row in decided] == [
        ("cat_1.jpg", "cat", ""),
        ("cat_2.jpg", "cat", ""),
        ("dog_1.jpg", "dog", "content changed"),
        ("sub/dog_2.jpg", "dog", ""),
    ]
    assert "3 images with a label in 2 classes, 0 unreadable, 1 problem (" in said


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ({"images": "nope"}, ["ingest.images: nope does not exist"]),
        ({"images": "data"}, ["ingest.images: data holds no image", "labels.csv: not an image"]),
        ({"images": "empty"}, ["ingest.images: empty is empty"]),
        ({"regex": r"^(\d+)$"}, [r"^(\d+)$", "'cat_1.jpg', 'cat_2.jpg', 'dog_1.jpg'", "change it"]),
        ({"regex": r"(\.)jpg"}, ["every image with a label (4) is '.'"]),
        ({"by": "csv"}, ["data/labels.csv", "none of the 4 images in photos"]),
        ({"by": "csv", "csv": "gone.csv"}, ["gone.csv is missing"]),
        (
            {"by": "csv", "path_column": "file"},
            ["no column named 'file'", "'path,label'", "'cat_1.jpg', 'cat_2.jpg', 'dog_1.jpg'"],
        ),
        ({"by": "folder"}, ["every image with a label (1) is 'sub'"]),
        ({"regex": "x"}, ["params.yaml", "ingest.label.regex", "exactly one"]),
    ],
)
def test_what_cannot_go_on_is_one_clear_line(
    project: Project, label: dict[str, str], words: list[str]
) -> None:
    """A set that nothing can be learned from is refused, with the key and the remedy."""
    Path("empty").mkdir()
    project(**label)
    with pytest.raises(UserError) as caught:
        ingest.main()
    for word in words:
        assert word in str(caught.value)


def test_the_list_of_problems_is_there_when_a_set_is_refused(project: Project) -> None:
    """The message shows three photos, the list all."""
    project(regex=r"^(\d+)$")
    with pytest.raises(UserError):
        ingest.main()
    assert len(table("reports/ingest/problems.csv")) == 4


def test_wrong_columns_of_corrections_are_refused(project: Project) -> None:
    """A file that is no list of corrections stops the stage."""
    Path("data/corrections.csv").write_text("path,label\ncat_1.jpg,dog\n")
    with pytest.raises(UserError, match=r"data/corrections\.csv: no column named 'sha256'"):
        ingest.main()


def test_dropping_every_photo_is_refused(project: Project) -> None:
    """Corrections that leave nothing are named as the reason."""
    rows = "".join(f"{path},,drop,,\n" for path in PHOTOS)
    Path("data/corrections.csv").write_text("path,sha256,action,label,note\n" + rows)
    with pytest.raises(UserError, match="the corrections drop every image"):
        ingest.main()


@pytest.mark.slow
def test_as_a_command_it_ends_in_one_line(project: Project) -> None:
    """Run as DVC runs it: success is one line, failure is one line on stderr and no traceback."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "stages.ingest"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("4 files: 4 images with a label in 2 classes")
    project(images="nope")
    failed = run()
    assert failed.returncode == 1
    assert failed.stderr.startswith("\nfinetrack: ingest.images: nope does not exist")
    assert "Traceback" not in failed.stderr
