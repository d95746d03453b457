"""The photos of a set of recipe_sets.py, taken from scikit-learn or from a clone of its source."""

import csv
import hashlib
import re
import subprocess
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from benchmarks.recipe_sets import SETS, RecipeSet

_ENDINGS = (".jpg", ".jpeg", ".png", ".pgm")


def build(name: str, folder: Path, clones: Path) -> Path:
    """Write the photos of a set as folder/class/file, unless they are there; return the folder."""
    photo_set = SETS[name]
    if folder.exists():
        return folder
    by_class: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for path, content in _files(photo_set, clones):
        match = re.match(photo_set.label, path)
        if match and path.lower().endswith(_ENDINGS):
            by_class[match["label"].replace("/", "_")].append((Path(path).suffix, content))
    for number, label in enumerate(sorted(by_class)):
        most = photo_set.counts[number] if photo_set.counts else photo_set.most
        by_hash = {hashlib.sha256(photo[1]).hexdigest(): photo for photo in by_class[label]}
        (folder / label).mkdir(parents=True)
        for digest in sorted(by_hash)[:most]:
            end, content = by_hash[digest]
            (folder / label / f"{digest[:12]}{end.lower()}").write_bytes(content)
    return folder


def _files(photo_set: RecipeSet, clones: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of every file of a source that may be a photo."""
    if photo_set.source == "scikit-learn":
        yield from scans()
        return
    repository = clones / photo_set.source.replace("/", "+") / "repo"
    tree = subprocess.check_output(
        ["git", "-C", repository, "ls-tree", "-r", "-z", "HEAD"], text=True
    )
    entries = [entry.split("\t", 1) for entry in tree.split("\0") if entry]
    blobs = {path: facts.split()[2] for facts, path in entries}
    if photo_set.table:
        table = subprocess.check_output(
            ["git", "-C", repository, "cat-file", "blob", blobs[photo_set.table]], text=True
        )
        classes = {row[1]: row[2].lower() for row in csv.reader(table.splitlines()[1:])}
        blobs = {
            f"{Path(path).parent}/{classes[Path(path).name]}/{Path(path).name}": blob
            for path, blob in blobs.items()
            if Path(path).name in classes
        }
    wanted = [path for path in blobs if re.match(photo_set.label, path)]
    wanted = wanted or [
        path for path in blobs if photo_set.label.startswith(f"^{Path(path).stem}/")
    ]
    for path in wanted:
        blob = blobs[path]
        content = subprocess.check_output(["git", "-C", repository, "cat-file", "blob", blob])
        if path.endswith(".zip"):
            with zipfile.ZipFile(BytesIO(content)) as archive:
                for member in archive.namelist():
                    yield member, archive.read(member)
        else:
            yield path, content


def scans() -> Iterator[tuple[str, bytes]]:
    """Yield scikit-learn's digits by name as PNGs of 128 pixels, every pixel a grey square."""
    digits = load_digits()
    for number, (image, target) in enumerate(zip(digits.images, digits.target, strict=True)):
        grey = Image.fromarray((255 - image * 15.9375).astype(np.uint8))
        buffer = BytesIO()
        grey.resize((128, 128), Image.Resampling.NEAREST).save(buffer, "PNG")
        yield f"{target}_{number}.png", buffer.getvalue()
