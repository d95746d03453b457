"""Photos for benchmarks, generated; and a folder in which the stages run on them."""

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
LARGE = (4000, 3000)  # width and height
PETS = (500, 375)
SMALL = (96, 72)
_FOLDERS = 100
_TINY = {
    "ingest.images": "photos", "ingest.label.by": "folder", "fetch.dataset": "none",
    "presize.size": 16, "augment.size": 32, "model.arch": "test_resnet", "model.weights": "none",
    "model.cut": "none", "export.onnx": False,
}  # fmt: skip


def picture(number: int, size: tuple[int, int], quality: int) -> bytes:
    """Return a JPEG with broad colours, edges and grain: 3.4 MB at 4000 x 3000 with quality 90."""
    draw = np.random.default_rng(number)
    width, height = size
    layers = [
        draw.integers(0, 256, (max(2, height // grid), max(2, width // grid), 3))
        for grid in (100, 9)
    ]
    broad, fine = (Image.fromarray(layer.astype(np.uint8)).resize(size, 3) for layer in layers)
    grain = draw.normal(0, 6, (height, width, 1))
    pixels = 0.85 * np.asarray(broad, np.float32) + 0.15 * np.asarray(fine, np.float32) + grain
    buffer = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def copies(content: bytes) -> Iterator[bytes]:
    """Yield files of the same picture and another content each: a comment tells them apart."""
    for number in range(1_000_000):
        yield content[:2] + b"\xff\xfe\x00\x0a" + f"{number:08}".encode() + content[2:]


def fill(folder: Path, pictures: list[bytes], count: int, start: int = 0) -> None:
    """Write so many different files, named cat_0.jpg and dog_1.jpg by turns."""
    folder.mkdir(parents=True, exist_ok=True)
    endless = [copies(content) for content in pictures]
    for number in range(start + count):
        content = next(endless[number % len(endless)])
        if number >= start:
            (folder / f"{('cat', 'dog')[number % 2]}_{number}.jpg").write_bytes(content)


def fill_tars(folder: Path, count: int) -> None:
    """Write so many different photos of 16 pixels into 100 tars, a class in each."""
    folder.mkdir(parents=True)
    for number in range(_FOLDERS):
        contents = copies(picture(number, (16, 16), 90))
        with tarfile.open(folder / f"{number:02}.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            for photo in range(number, count, _FOLDERS):
                content = next(contents)
                member = tarfile.TarInfo(f"class {number:02}/{photo:07}.jpg")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
                tar.members = []  # type: ignore[attr-defined] # it keeps what it wrote


def project(folder: Path, size: int) -> None:
    """Make a folder in which the stages run on photos/."""
    content = YAML(typ="safe").load(ROOT / "params.yaml")
    content["ingest"]["images"] = "photos"
    content["presize"]["size"] = size
    content["fetch"]["dataset"] = "none"
    YAML(typ="safe").dump(content, folder / "params.yaml")
    (folder / "data").mkdir(exist_ok=True)
    for name in ("labels.csv", "corrections.csv"):
        shutil.copy(ROOT / "data" / name, folder / "data" / name)


def change(folder: Path, values: Mapping[str, Any]) -> None:
    """Set values in the folder's params.yaml by their dotted names."""
    file = folder / "params.yaml"
    yaml = YAML()
    content = yaml.load(file if file.exists() else ROOT / "params.yaml")
    for key, value in values.items():
        *above, last = key.split(".")
        section = content
        for name in above:
            section = section[name]
        section[last] = value
    yaml.dump(content, file)


def open_project(project: Path, count: int, side: int = 16) -> Path:
    """Return a clone of this project with so many photos of 16 pixels, as a user would have it.

    side: their width and height, to which they are presized.
    """
    subprocess.run(["git", "clone", "-q", str(ROOT), str(project)], check=True)
    with (project / ".git/info/exclude").open("a") as exclude:
        exclude.write("photos/\ntars/\n")
    change(project, _TINY | {"presize.size": side, "presize.shards": max(1, count // 1000)})
    for number in range(_FOLDERS):
        (project / f"photos/class {number:02}").mkdir(parents=True)
    add_photos(project, range(count), side)
    return project


def add_photos(project: Path, numbers: range, side: int) -> None:
    """Write the photos of these numbers into the folders of a project."""
    for number in numbers:
        folder = project / f"photos/class {number % _FOLDERS:02}"
        (folder / f"{number:07}.jpg").write_bytes(picture(number, (side, side), 90))
