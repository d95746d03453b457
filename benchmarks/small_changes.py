"""What a small change costs among many photos: one label corrected, and a thousand photos more.

Photos of 48 pixels in 100 folders, so that none is small enough to be taken for one of a single
colour, which datablock would decode. A label runs ingest and datablock again, photos presize too;
all that comes before training but the probe. Seconds are those of processors, all processes
together, each stage in a process of its own, whose start they include. What DVC takes to see the
change is in million.json.
Run: python -m benchmarks.small_changes [--fewest N]. Results: results/small_changes.json.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cost import Cost, spend
from benchmarks.growth import by_number, growth, rounded
from benchmarks.measure import machine, record
from benchmarks.photos import add_photos, open_project
from stages.base.csv_file import read_text_csv

PACKAGES = ["numpy", "pandas", "pillow", "torch"]
MORE = 1000  # photos
_SIDE = 48
_OF_A_LABEL = ("ingest", "datablock")
_OF_PHOTOS = ("ingest", "presize", "datablock")


def run(project: Path, stages: Sequence[str]) -> Cost:
    """Return what stages take together, one after another."""
    costs = [spend([sys.executable, "-m", f"stages.{name}"], project) for name in stages]
    return Cost(
        seconds=sum(cost.seconds for cost in costs), memory=max(cost.memory for cost in costs)
    )


def correct_a_label(project: Path) -> None:
    """Give the first photo the label of the last, as a review does."""
    images = read_text_csv(project / "data/manifest/images.csv")
    labels = read_text_csv(project / "data/manifest/labels.csv")
    row = [images["path"][0], images["sha256"][0], "relabel", labels["label"].iloc[-1], ""]
    with (project / "data/corrections.csv").open("a") as file:
        file.write(",".join(row) + "\n")


def main() -> None:
    """Measure both changes for three numbers of photos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fewest", type=int, default=2000, help="then 4 and 16 times as many")
    fewest = parser.parse_args().fewest
    os.environ["FINETRACK_WORKERS"] = "2"
    label: dict[int, Cost] = {}
    photos: dict[int, Cost] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        alone = run(open_project(work / "alone", MORE, _SIDE), _OF_PHOTOS).seconds
        for count in (fewest, 4 * fewest, 16 * fewest):
            project = open_project(work / str(count), count, _SIDE)
            run(project, _OF_PHOTOS)
            correct_a_label(project)
            label[count] = run(project, _OF_A_LABEL)
            add_photos(project, range(count, count + MORE), _SIDE)
            photos[count] = run(project, _OF_PHOTOS)
            shutil.rmtree(project)
    more = {count: cost.seconds - alone for count, cost in photos.items()}
    record("small_changes", "one label", machine(PACKAGES), growth(label))
    figures = growth(photos) | {
        f"{MORE:,} photos alone, processor seconds": rounded(alone),
        f"more than {MORE:,} photos alone, processor seconds": by_number(more),
    }
    record("small_changes", f"{MORE:,} photos more", machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
