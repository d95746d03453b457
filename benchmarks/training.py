"""A folder in which the real stages train, on splits drawn anew for every seed."""

import json
import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from benchmarks.photos import ROOT, change
from stages.base.params import AUTO
from stages.dataset.duplicates import group_photos, read_duplicates
from stages.dataset.split_files import read_splits, write_splits
from stages.train.recipe import Recipe

CODE = ROOT / "stages"


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """Return what a recipe sets where params.yaml says auto, by dotted name."""
    content = YAML(typ="safe").load(ROOT / "params.yaml")
    return {
        f"{section}.{key}": getattr(recipe, key)
        for section in ("augment", "model", "fine_tune")
        for key, value in content[section].items()
        if value == AUTO and hasattr(recipe, key)
    }


def prepare(folder: Path, photos: Path | None, values: Mapping[str, Any]) -> None:
    """Bring photos (None: the digits sample) as far as the splits."""
    folder.mkdir(parents=True)
    (folder / "data").mkdir()
    for name in ("labels.csv", "corrections.csv"):
        (folder / "data" / name).write_text((ROOT / "data" / name).read_text("utf-8"), "utf-8")
    (folder / "data/weights").symlink_to(ROOT / "data/weights")
    change(folder, values)
    if photos:
        (folder / "photos").symlink_to(photos.resolve())
        change(folder, {"ingest.images": "photos", "fetch.dataset": "none"})
    for name in ("fetch", "ingest", "presize", "datablock"):
        run(folder, name)


def prepared_sets(parser: ArgumentParser) -> Iterator[tuple[str, Path, Namespace]]:
    """Yield digits and pets, as far as asked for, each with a folder prepared up to the splits.

    The parser knows the other options already.
    """
    parser.add_argument("sets", nargs="*", default=["digits", "pets"])
    parser.add_argument("--photos", type=Path)
    options = parser.parse_args()
    for name in options.sets:
        pets = name == "pets"
        if pets and not options.photos:
            print("pets: left out, since --photos names no folder")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / name
            prepare(folder, options.photos if pets else None, {})
            yield name, folder, options


def divide(folder: Path, seed: int, fifth: int = 1) -> None:
    """Draw a fifth of the images for validation, duplicates together, and set the seed.

    fifth: 1 to 5, which part of the drawn order; those of one seed have no image in common.
    """
    change(folder, {"seed": seed})
    splits = read_splits(folder / "data/splits.csv")
    duplicates = read_duplicates(folder / "data/duplicates.csv")
    group = splits["path"].map(group_photos(splits["path"].tolist(), duplicates))
    draw = np.random.default_rng(seed).permutation(np.sort(group.unique()))
    size = len(draw) // 5
    valid = group.isin(draw[(fifth - 1) * size : fifth * size])
    splits["split"] = valid.map({True: "valid", False: "train"})
    splits["reason"] = ""
    write_splits(folder / "data/splits.csv", splits)


def run(folder: Path, stage: str) -> float:
    """Run a stage in the folder and return its seconds, with those it takes to start."""
    return run_measured(folder, stage)[0]


def run_measured(folder: Path, stage: str) -> tuple[float, float]:
    """Run a stage in the folder and return its seconds, and its most memory in MB."""
    return measured([sys.executable, "-m", f"stages.{stage}"], folder)


def measured(command: list[str], folder: Path) -> tuple[float, float]:
    """Run a command in the folder and return its seconds, and its most memory in MB."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.DEVNULL, stderr=output,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} failed: {output.read()[-2000:]}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def photos_folder(folder: Path) -> Path:
    """Return where the originals of a prepared folder lie."""
    images: str = YAML(typ="safe").load(folder / "params.yaml")["ingest"]["images"]
    return folder / images


def read(folder: Path, report: str) -> dict[str, Any]:
    """Return a JSON report of the folder."""
    content: dict[str, Any] = json.loads((folder / "reports" / report).read_text("utf-8"))
    return content
