"""Photos as people have them: files beside them, placeholders among them, names that act."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages import ingest, presize
from stages.base.errors import UserError
from stages.base.seed import derive
from stages.dataset.bucket_scan import scan_photos
from stages.dataset.manifest import read_images, read_labels
from stages.dataset.scan import Scan
from stages.labels.problem import Problem
from stages.store.reader import Store

ROOT = Path(__file__).parents[1]
Project = Callable[..., None]  # of keys of ingest.label
IMAGES = Path("data/manifest/images.csv")
LABELS = Path("data/manifest/labels.csv")


def photo(path: str, seed: int, image_format: str = "JPEG") -> None:
    """Write a smooth random picture below photos/."""
    coarse = derive(seed, "picture").integers(0, 256, (4, 5, 3)).astype(np.uint8)
    file = Path("photos") / path
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize((70, 64)).save(file, image_format)


def table(path: str) -> list[dict[str, str]]:
    """Return a CSV file as a list of dicts."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def metrics(stage: str) -> dict[str, Any]:
    """Return the metrics that a stage wrote."""
    content: dict[str, Any] = json.loads(Path(f"reports/{stage}/metrics.json").read_text())
    return content


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a function that sets keys of ingest.label; the folder has 20 photos of two classes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETRACK_WORKERS", "1")
    for number in range(20):
        photo(f"{('cat', 'dog')[number % 2]}/IMG_{number:04}.JPG", number)
    Path("data").mkdir()
    Path("data/labels.csv").write_text("path,label\n")
    Path("data/corrections.csv").write_text("path,sha256,action,label,note\n")

    def change(**label: str) -> None:
        content = YAML(typ="safe").load(ROOT / "params.yaml")
        content["ingest"]["images"] = "photos"
        content["ingest"]["label"].update({"by": "folder"} | label)
        content["presize"].update({"size": 32, "shards": 2, "max_rejected": 0.05})
        YAML(typ="safe").dump(content, Path("params.yaml"))

    change()
    return change


def photos_of(suffix: str = "") -> list[str]:
    """Return the paths of the 20 photos, or of what lies beside them."""
    names = [f"{('cat', 'dog')[number % 2]}/IMG_{number:04}.JPG{suffix}" for number in range(20)]
    return sorted(names)


def test_files_beside_photos_stop_nothing_and_are_counted(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    """20 photos beside their .json, .xmp, .MOV and thumbnails are 20 photos; none fails."""
    for path in photos_of():
        for suffix in (".json", ".xmp", ".MOV"):
            (Path("photos") / f"{path}{suffix}").write_text("{}")
    photo("cat/@eaDir/IMG_0000.JPG/SYNOPHOTO_THUMB_M.jpg", 99)
    ingest.main()
    presize.main()
    assert read_images(IMAGES)["path"].tolist() == photos_of()
    assert read_labels(LABELS)["path"].tolist() == photos_of()
    assert (metrics("presize")["images"], metrics("presize")["rejected"]) == (20, 0)
    counts = metrics("ingest")
    assert counts["not_photos"] == {".json": 20, ".mov": 20, ".xmp": 20}
    assert (counts["files"], counts["images"], counts["hidden"]) == (80, 20, 1)
    assert counts["problems"] == {}
    rows = table("reports/ingest/problems.csv")
    assert [row["detail"] for row in rows] == [
        f"the first of 20 files with {suffix}" for suffix in (".mov", ".json", ".xmp")
    ]
    assert "60 other files (20 .json, 20 .mov, 20 .xmp), 0 problems" in capsys.readouterr().out


def test_files_beside_photos_leave_no_room_for_damaged_ones(project: Project) -> None:
    """Two damaged photos of 20 are 10 %, however many files lie beside them."""
    for path in photos_of(".json"):
        (Path("photos") / path).write_text("{}")
    for path in photos_of()[:2]:
        (Path("photos") / path).write_bytes(b"no image")
    ingest.main()
    with pytest.raises(UserError, match="2 of 20 photos cannot be used"):
        presize.main()


def test_a_csv_in_the_folder_is_no_photo_without_a_row(project: Project) -> None:
    """Labels from a CSV that lies among the photos, beside side files, match all photos."""
    rows = "".join(f"{path},{path[:3]}\n" for path in photos_of())
    Path("photos/labels.csv").write_text("path,label\n" + rows)
    for path in photos_of(".json"):
        (Path("photos") / path).write_text("{}")
    project(by="csv", csv="photos/labels.csv")
    ingest.main()
    assert len(read_labels(LABELS)) == 20
    assert metrics("ingest")["problems"] == {}
    assert metrics("ingest")["not_photos"] == {".csv": 1, ".json": 20}


def test_a_placeholder_is_told_of(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """A GIF named imageNotFound.jpg, and one content in two classes, are problems with a name."""
    for path in ("cat/imageNotFound.jpg", "dog/IMG_9999.jpg"):
        photo(path, 50, "GIF")
    ingest.main()
    assert metrics("ingest")["problems"] == {"one content, several labels": 1, "placeholder": 1}
    out = capsys.readouterr().out
    assert "cat/imageNotFound.jpg: one content, several labels: 2 photos in 'cat' (1)" in out
    assert "cat/imageNotFound.jpg: placeholder: its name says" in out


NAMES = [
    "cat/esc\x1b]0;title\x07.jpg",
    "cat/two\nlines.jpg",
    "cat/back\rturn.jpg",
    "cat/=1+1.jpg",
    "cat/-rf.jpg",
    "cat/%20.jpg",
    "cat/back\\slash.jpg",
    "cat/\N{RIGHT-TO-LEFT OVERRIDE}gpj.jpg",
    "dog/ space .jpg",
    'dog/quo"te,comma.jpg',
    "dog/\N{CAT FACE}.jpg",
]


def test_names_that_act_come_back_as_they_are_and_act_nowhere(project: Project) -> None:
    """Any name is stored or rejected under itself; no message lets a control character through."""
    for seed, name in enumerate(NAMES):
        photo(name, 100 + seed)
        broken = Path("photos") / f"{name}.broken.jpg"
        broken.write_bytes(f"no image {seed}".encode())
    unwritable = os.fsencode(Path("photos/cat")) + b"/caf\xe9.jpg"
    Path(os.fsdecode(unwritable)).write_bytes(b"x")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    output = b""
    for stage in ("ingest", "presize"):
        command = [sys.executable, "-m", f"stages.{stage}"]
        run = subprocess.run(command, env=environment, capture_output=True, check=False)
        output += run.stdout + run.stderr
    assert run.returncode == 1  # 11 of 42 are broken
    assert not set(output) & (set(range(32)) - {ord("\n")})
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in output.decode()
    stored = set(Store(Path("data/presized")).index["path"])
    rejected = {row["path"] for row in table("reports/presize/rejected.csv")}
    assert stored == {*photos_of(), *NAMES}
    assert rejected == {f"{name}.broken.jpg" for name in NAMES}
    assert {row["path"]: row["problem"] for row in table("reports/ingest/problems.csv")} == {
        "cat/caf\\xe9.jpg": "name not UTF-8"
    }


def test_a_photo_that_may_not_be_read_stops_ingest(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be read is an error, with the list of problems there to read."""

    def scan_with_a_failing_disk(images: str, workers: int) -> Scan:
        found = scan_photos(images, workers)
        lost = found.facts.pop()
        return replace(found, problems=[Problem(lost.path, "unreadable", "Input/output error")])

    monkeypatch.setattr(ingest, "scan_photos", scan_with_a_failing_disk)
    with pytest.raises(UserError, match=r"1 files or folders in photos cannot be read"):
        ingest.main()
    assert len(table("reports/ingest/problems.csv")) == 1
    assert not IMAGES.exists()
