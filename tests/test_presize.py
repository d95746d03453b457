"""Presize as a user runs it: a manifest and a folder become a store and a report."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages import presize
from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.seed import derive
from stages.dataset.manifest import write_images
from stages.store.reader import Store

ROOT = Path(__file__).parents[1]
REPORT = Path("reports/presize")


class SetParams(Protocol):
    """Writes params.yaml with other values in its section presize."""

    def __call__(self, **params: float | str) -> None:
        """Write the file."""


def photo(name: str, seed: int, size: tuple[int, int] = (60, 50), **options: Any) -> None:
    """Write a smooth random picture into photos/; its name says the format."""
    coarse = derive(seed, "picture").integers(0, 256, (4, 5, 3)).astype(np.uint8)
    file = Path("photos") / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file, **options)


def ingest() -> None:
    """Write the manifest of what is in photos/."""
    files = sorted(path for path in Path("photos").rglob("*") if path.is_file())
    rows = [
        (path.relative_to("photos").as_posix(), sha256_bytes(path.read_bytes()), "", 0, 0)
        for path in files
    ]
    columns = ["path", "sha256", "format", "width", "height"]
    write_images(Path("data/manifest/images.csv"), pd.DataFrame(rows, columns=columns))


def outputs() -> dict[str, bytes]:
    """Return the bytes of all outputs."""
    folders = [Path("data/presized"), REPORT]
    return {str(path): path.read_bytes() for folder in folders for path in folder.iterdir()}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetParams:
    """Return a function that sets params; the working folder has ten photos and two bad files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETRACK_WORKERS", "1")
    for number in range(8):
        photo(f"large_{number}.jpg", number)
    photo("small_1.jpg", 10, (40, 32))
    photo("sub/film_1.jpg", 11, format="GIF")
    Path("photos/bad_1.jpg").write_bytes(b"no image")
    Path("photos/cut_1.jpg").write_bytes(Path("photos/large_1.jpg").read_bytes()[:400])
    ingest()

    def change(**params: float | str) -> None:
        content = YAML(typ="safe").load(ROOT / "params.yaml")
        content["ingest"]["images"] = "photos"
        content["presize"].update({"size": 32, "shards": 4, "max_rejected": 0.2} | params)
        YAML(typ="safe").dump(content, Path("params.yaml"))

    change()
    return change


def test_every_photo_is_stored_or_rejected_by_name(
    project: SetParams, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten photos are in the store, two files in the list of rejects, and one line is printed."""
    presize.main()
    rejected = pd.read_csv(REPORT / "rejected.csv")
    assert list(rejected.columns) == ["path", "problem", "detail"]
    assert rejected["path"].tolist() == ["bad_1.jpg", "cut_1.jpg"]
    assert rejected["problem"].tolist() == ["not an image", "truncated"]
    store = Store(Path("data/presized"))
    assert len(store.index) == 10
    assert store.image("large_3.jpg").shape == (32, 38, 3)
    assert capsys.readouterr().out == (
        "10 photos presized to 32 px "
        "(1 passed through, 0 reused, 2 rejected: reports/presize/rejected.csv)\n"
    )


def test_metrics_count_what_the_photos_were(project: SetParams) -> None:
    """Counts, traits and bytes are in the metrics, and agree with the files."""
    presize.main()
    metrics = json.loads((REPORT / "metrics.json").read_text())
    stored = Store(Path("data/presized")).index
    assert metrics == {
        "images": 10,
        "rejected": 2,
        "problems": {"not an image": 1, "truncated": 1},
        "passed_through": 1,
        "traits": {"palette": 1, "wrong extension": 1},
        "bytes_in": sum((Path("photos") / path).stat().st_size for path in stored["path"]),
        "bytes_out": int(stored["length"].sum()),
    }


def test_a_second_run_reuses_all_and_writes_the_same(
    project: SetParams, capsys: pytest.CaptureFixture[str]
) -> None:
    """The outputs are the same whether photos were decoded now or before."""
    presize.main()
    before = outputs()
    presize.main()
    assert outputs() == before
    assert "10 reused" in capsys.readouterr().out


def test_too_many_rejected_stop_the_pipeline(project: SetParams) -> None:
    """Beyond the limit the error counts the problems, and the list of them is there to read."""
    project(max_rejected=0.1)
    with pytest.raises(UserError) as caught:
        presize.main()
    text = str(caught.value)
    assert "2 of 12 photos cannot be used (1 not an image, 1 truncated)" in text
    assert "presize.max_rejected allows 10%" in text
    assert "bad_1.jpg: not an image (no decoder knows it)" in text
    assert len(pd.read_csv(REPORT / "rejected.csv")) == 2


def test_the_limit_itself_is_allowed(project: SetParams) -> None:
    """Two of twelve is not more than a sixth."""
    project(max_rejected=2 / 12)
    presize.main()
    assert len(pd.read_csv(REPORT / "rejected.csv")) == 2
    assert len(Store(Path("data/presized")).index) == 10


def test_no_usable_photo_is_an_error_whatever_the_limit(project: SetParams) -> None:
    """With every file rejected there is nothing to go on with."""
    project(max_rejected=1.0)
    for file in Path("photos").rglob("*.jpg"):
        file.write_bytes(b"no image")
    ingest()
    with pytest.raises(UserError, match="12 of 12 photos cannot be used"):
        presize.main()


def test_a_missing_manifest_names_its_stage(project: SetParams) -> None:
    """Without ingest the error says what to run."""
    Path("data/manifest/images.csv").unlink()
    with pytest.raises(UserError, match="dvc repro ingest"):
        presize.main()


def test_originals_are_not_touched(project: SetParams) -> None:
    """Neither the bytes nor the times of the originals change."""
    files = sorted(path for path in Path("photos").rglob("*") if path.is_file())
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    presize.main()
    assert before == [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert files == sorted(path for path in Path("photos").rglob("*") if path.is_file())


def test_run_as_a_command(project: SetParams) -> None:
    """A failure is a line on stderr with the remedy, without a traceback."""
    project(size=8)
    result = subprocess.run(
        [sys.executable, "-m", "stages.presize"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "presize.size: input should be greater than or equal to 16, not 8" in result.stderr
    assert "Traceback" not in result.stderr
