"""What a million photos take: processor seconds and memory a photo of each stage, and their growth.

Parts: stages (photos of 16 pixels in 100 folders, each stage in a process of its own), million (the
same once, with a million of them: half an hour, 20 GB of disk), million_results (interpret and
compare of a million, without the stages that they do not read: as long), unchanged
(compare, and dvc where nothing has changed), packed (a folder beside the tars of it,
16 times the fewest photos), million_packed (a million photos in 100 tars: ingest, and dvc
where nothing has changed; 2 GB of disk), hashes (look-alikes among random hashes), sha256 (ingest
beside sha256sum, photos of 1 MB, from memory). Seconds are those of processors, all
processes together, since those of a clock differ on a shared machine.
interpret gets made-up predictions of 1,000 classes, and compare two commits of them.
Run: python -m benchmarks.million [part ...]. Results: results/million.json.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.cost import Cost, spend
from benchmarks.growth import MILLION, by_number, growth, rounded
from benchmarks.made_up_results import make_up_results
from benchmarks.made_up_runs import GIT_NAMES, commit_run, relabel
from benchmarks.measure import figure, machine, record
from benchmarks.photos import change, fill, fill_tars, open_project, picture
from benchmarks.presize_growth import dvc, make_up_outputs
from stages.dataset.hash_groups import PIECES, near_groups

PACKAGES = ["numpy", "pandas", "scipy", "pillow", "joblib", "torch", "timm", "dvc"]
CLASSES = 1000  # of the made-up predictions
STAGES = ("ingest", "presize", "datablock", "baseline")
PYTHON = [sys.executable, "-m"]
LOOK = [sys.executable, "-c", "import stages.dataset.packed_folder as p; p.open_photos('tars')"]
ADDED = "dvc status after dvc add"
# The stages that read no photo of the folder: dvc need not look at it for them.
BETWEEN = ("datablock", "baseline", "lr_find", "fine_tune", "interpret")
# What dvc is asked when nothing has changed.
NOTHING_NEW = {
    "dvc status": ["dvc", "status"],
    "dvc repro": ["dvc", "repro"],
    "dvc repro -s of the stages between": ["dvc", "repro", "-s", *BETWEEN],
    ADDED: ["dvc", "status"],
}
Figures = dict[str, dict[str, object]]  # by part of the results
Costs = dict[str, dict[int, Cost]]  # by name and number of photos


def stages(work: Path, fewest: int) -> Figures:
    """Measure every stage but those that train, for each number of photos."""
    costs: Costs = {name: {} for name in (*STAGES, "interpret")}
    page_bytes: dict[str, object] = {"target": "at most 5,000,000"}
    for count in (fewest, 4 * fewest, 16 * fewest):
        project = open_project(work / str(count), count)
        for name, cost in run_stages(project).items():
            costs[name][count] = cost
        page_bytes[f"{count:,}"] = (project / "reports/index.html").stat().st_size
        shutil.rmtree(project)
    figures = {name: growth(by_count) for name, by_count in costs.items()}
    figures["page"] = {f"bytes at {CLASSES:,} classes": page_bytes}
    return figures


def whole_million(work: Path, _fewest: int) -> Figures:
    """Measure every stage but those that train, of a million photos."""
    project = open_project(work / str(MILLION), MILLION)
    return {"a million photos": million_figures(run_stages(project))}


def results_of_a_million(work: Path, _fewest: int) -> Figures:
    """Measure interpret and compare of a million photos, and the size of their pages."""
    project = open_project(work / str(MILLION), MILLION)
    for name in STAGES[:-1]:
        spend([*PYTHON, f"stages.{name}"], project)
    make_up_results(project, CLASSES, seed=1)
    commit_run(project, "before")
    relabel(project)
    make_up_results(project, CLASSES, seed=2)
    commit_run(project, "after")
    costs = {"compare": spend([*PYTHON, "stages.tools.compare", "HEAD^", "HEAD"], project)}
    costs["interpret"] = spend([*PYTHON, "stages.interpret"], project)
    figures = million_figures(costs)
    for name in ("index.html", "compare/index.html"):
        size = (project / "reports" / name).stat().st_size
        figures[f"{name}, MB"] = {"size": rounded(size / 1e6), "target": "at most 5"}
    return {"results of a million photos": figures}


def million_figures(costs: Mapping[str, Cost]) -> dict[str, object]:
    """Return minutes and memory of each command that read a million photos, or their results."""
    figures: dict[str, object] = {}
    for name, cost in costs.items():
        figures[f"{name}, processor minutes"] = rounded(cost.seconds / 60)
        figures[f"{name}, GB"] = {"memory": rounded(cost.memory / 1e9), "target": "at most 2"}
    return figures


def run_stages(project: Path) -> dict[str, Cost]:
    """Return what each stage costs, interpret with made-up predictions."""
    costs = {name: spend([*PYTHON, f"stages.{name}"], project) for name in STAGES}
    make_up_results(project, CLASSES, seed=1)
    return costs | {"interpret": spend([*PYTHON, "stages.interpret"], project)}


def unchanged(work: Path, fewest: int) -> Figures:
    """Measure compare, and dvc where nothing has changed, for each number of photos."""
    costs: Costs = {name: {} for name in ("compare", *NOTHING_NEW)}
    for count in (fewest, 4 * fewest, 16 * fewest):
        project = open_project(work / str(count), count)
        for name in STAGES[:-1]:
            spend([*PYTHON, f"stages.{name}"], project)
        make_up_results(project, CLASSES, seed=1)
        make_up_outputs(project)
        dvc("commit", "-f", folder=project)
        git = ["git", "-C", str(project), *GIT_NAMES]
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", "a run"], check=True)
        for name, command in NOTHING_NEW.items():
            if name == ADDED:
                dvc("add", "photos", folder=project)
            costs[name][count] = spend([*PYTHON, *command], project)
        make_up_results(project, CLASSES, seed=2)
        costs["compare"][count] = spend([*PYTHON, "stages.tools.compare", "HEAD"], project)
        shutil.rmtree(project)
    return {name: growth(by_count) for name, by_count in costs.items()}


def packed(work: Path, fewest: int) -> Figures:
    """Measure ingest, presize and dvc where nothing has changed, of a folder and of its tars."""
    project = open_project(work / "photos", 16 * fewest)
    figures: dict[str, object] = {"photos": 16 * fewest}
    figures |= of_place(project, "folder")
    pack = [*PYTHON, "stages.tools.pack", "photos", "--out", "tars"]
    figures["make pack, processor seconds"] = rounded(spend(pack, project).seconds)
    change(project, {"ingest.images": "tars"})
    shutil.rmtree(project / ".finetrack")
    return {"packed": figures | of_place(project, "tars")}


def of_place(project: Path, place: str) -> dict[str, object]:
    """Return the processor seconds of what looks at the photos; with nothing new for dvc."""
    costs = {name: spend([*PYTHON, f"stages.{name}"], project) for name in ("ingest", "presize")}
    spend([*PYTHON, "stages.datablock"], project)
    make_up_results(project, CLASSES, seed=1)
    costs |= nothing_new(project)
    return {
        f"{name} of the {place}, processor seconds": rounded(cost.seconds)
        for name, cost in costs.items()
    }


def nothing_new(project: Path) -> dict[str, Cost]:
    """Return what dvc takes where nothing has changed; outputs that lack are made up."""
    make_up_outputs(project)
    dvc("commit", "-f", folder=project)
    return {name: spend([*PYTHON, *name.split()], project) for name in ("dvc status", "dvc repro")}


def packed_million(work: Path, _fewest: int) -> Figures:
    """Measure the looks into a million photos in 100 tars, ingest, and dvc with nothing new."""
    project = open_project(work / str(MILLION), 0)
    fill_tars(project / "tars", MILLION)
    change(project, {"ingest.images": "tars"})
    looks = {name: spend(LOOK, project) for name in ("the first look", "the next look")}
    costs = looks | {"ingest": spend([*PYTHON, "stages.ingest"], project)} | nothing_new(project)
    figures = {f"{name}, processor seconds": rounded(cost.seconds) for name, cost in costs.items()}
    memory = rounded(costs["ingest"].memory / 1e9)
    return {"a million photos in tars": {**figures, "ingest, GB": memory}}


def hashes(_work: Path, _fewest: int) -> Figures:
    """Measure the search for look-alikes, whose hashes are all different."""
    seconds: dict[int, float] = {}
    for count in (62_500, 250_000, MILLION):
        words = np.random.default_rng(count).integers(0, 2**16, (count, PIECES), np.uint16)
        start = time.process_time()
        near_groups(words)
        seconds[count] = time.process_time() - start
    a_photo = {count: 1e6 * value / count for count, value in seconds.items()}
    in_all = by_number(seconds)
    return {"hashes": {"processor seconds": in_all, "microseconds a photo": by_number(a_photo)}}


def sha256(work: Path, _fewest: int) -> Figures:
    """Measure ingest beside sha256sum: what 300 photos more cost each, so without the start."""
    pictures = [picture(number, (2000, 1700), 92) for number in range(4)]
    taken: dict[str, dict[int, list[float]]] = {"ingest": {}, "sha256sum": {}}
    folders = {count: work / str(count) for count in (100, 400)}
    for count, project in folders.items():
        open_project(project, 0)
        for number, folder in enumerate(("class 00", "class 01")):
            fill(project / "photos" / folder, pictures, count // 2, number * count // 2)
    for _ in range(5):
        for count, project in folders.items():
            files = sorted(map(str, (project / "photos").rglob("*.jpg")))
            summed = spend(["sha256sum", *files], project)
            ingested = spend([*PYTHON, "stages.ingest"], project)
            taken["sha256sum"].setdefault(count, []).append(summed.seconds)
            taken["ingest"].setdefault(count, []).append(ingested.seconds)
    more = {
        name: np.subtract(sorted(by_count[400]), sorted(by_count[100])) / 300
        for name, by_count in taken.items()
    }
    size = sum(file.stat().st_size for file in folders[400].rglob("*.jpg")) / 400
    figures: dict[str, object] = {
        "bytes a photo": rounded(size),
        "milliseconds a photo, ingest": figure((1000 * more["ingest"]).tolist()),
        "milliseconds a photo, sha256sum": figure((1000 * more["sha256sum"]).tolist()),
        "ingest / sha256sum": figure((more["ingest"] / more["sha256sum"]).tolist(), "at most 1.2"),
    }
    return {"sha256": figures}


PARTS = {
    "stages": stages,
    "million": whole_million,
    "million_results": results_of_a_million,
    "unchanged": unchanged,
    "packed": packed,
    "million_packed": packed_million,
    "hashes": hashes,
    "sha256": sha256,
}


def main() -> None:
    """Measure the parts asked for, each in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    parser.add_argument(
        "--fewest", type=int, default=2000, help="photos; then 4 and 16 times as many"
    )
    options = parser.parse_args()
    os.environ |= {"FINETRACK_WORKERS": "2", "DVC_NO_ANALYTICS": "1"}
    for part in options.part or [name for name in PARTS if not name.startswith("million")]:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["DVC_SITE_CACHE_DIR"] = f"{folder}/site"
            results = PARTS[part](Path(folder), options.fewest)
        for name, figures in results.items():
            record("million", name, machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
