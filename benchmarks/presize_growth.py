"""How the cost of ingest and presize grows: with many photos, with a few more, with none.

Parts: many (100,000 small files against 10,000: time a file, memory), add (100 photos of 12
megapixels to 1,000), noop (dvc repro of the whole pipeline with 7,390 photos).
Run: python -m benchmarks.presize_growth [part ...]. Results: results/presize_growth.json.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from ruamel.yaml import YAML

from benchmarks.measure import figure, machine, record, timed
from benchmarks.photos import LARGE, ROOT, SMALL, fill, picture, project

PACKAGES = ["pillow", "simplejpeg", "pyvips-binary", "numpy", "pandas", "joblib", "dvc"]
BIN = Path(sys.executable).parent


def stage(name: str, folder: Path) -> tuple[float, float]:
    """Run a stage; return its seconds, and the most memory (MB) of all its processes together."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "FINETRACK_WORKERS": "2"}
    start, most = time.perf_counter(), 0
    command = [sys.executable, "-m", f"stages.{name}"]
    with subprocess.Popen(command, cwd=folder, env=environment) as process:
        while process.poll() is None:
            most = max(most, memory(process.pid))
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"stages.{name} failed")
    return time.perf_counter() - start, most / 1e6


def memory(pid: int) -> int:
    """Return the bytes that a process and its children hold, what they share counted once."""
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return sum(process.memory_full_info().pss for process in tree)
    except psutil.Error:  # one of them has just ended
        return 0


def many(work: Path) -> dict[str, object]:
    """Small files: a third pass through, the others are made smaller."""
    pictures = [picture(n, SMALL, 90) for n in range(20)] + [
        picture(n, (60, 48), 90) for n in range(10)
    ]
    seconds_a_file: dict[tuple[str, int], float] = {}
    figures: dict[str, object] = {}
    for count in (10_000, 100_000):
        folder = work / str(count)
        fill(folder / "photos", pictures, count)
        project(folder, 48)
        for name in ("ingest", "presize"):
            seconds, most = stage(name, folder)
            seconds_a_file[name, count] = seconds / count
            figures[f"{name} of {count:,}: seconds"] = figure([seconds])
            figures[f"{name} of {count:,}: MB"] = figure([most], "under 1,000")
        shutil.rmtree(folder)
    for name in ("ingest", "presize"):
        grown = seconds_a_file[name, 100_000] / seconds_a_file[name, 10_000]
        figures[f"{name}: time a file, 100,000 / 10,000"] = figure([grown], "at most 1.3")
    return figures


def add(work: Path) -> dict[str, object]:
    """Measure a full presize of 1,000 photos, then one after 100 more have come."""
    pictures = [picture(n, LARGE, 90) for n in range(8)]
    shares, full = [], []
    for repeat in range(2):
        folder = work / str(repeat)
        fill(folder / "photos", pictures, 1000)
        project(folder, 460)
        stage("ingest", folder)
        full.append(stage("presize", folder)[0])
        fill(folder / "photos", pictures, 100, start=1000)
        stage("ingest", folder)
        shares.append(stage("presize", folder)[0] / full[-1])
        shutil.rmtree(folder)
    return {"full: seconds": figure(full), "added / full": figure(shares, "under .2")}


def noop(work: Path) -> dict[str, object]:
    """Measure a clone whose ingest and presize have run; later outputs are made up.

    What dvc does when nothing changed depends on how many files there are, not on what they hold.
    """
    clone = work / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    fill(clone / "photos", [picture(n, SMALL, 90) for n in range(20)], 7390)
    (clone / ".git/info/exclude").write_text("photos/\n")
    project(clone, 48)
    dvc("repro", "presize", folder=clone)
    make_up_outputs(clone)
    dvc("commit", "-f", folder=clone)
    assert "up to date" in dvc("repro", folder=clone)
    return {"seconds": figure([timed(lambda: dvc("repro", folder=clone)) for _ in range(7)], "1.5")}


def make_up_outputs(clone: Path) -> None:
    """Give every later stage a file for each output that it lacks."""
    for about in YAML(typ="safe").load(clone / "dvc.yaml")["stages"].values():
        for kind in ("outs", "metrics", "plots"):
            for entry in about.get(kind, []):
                path = clone / (entry if isinstance(entry, str) else next(iter(entry)))
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.name in ("model", "sample"):
                    path.mkdir(exist_ok=True)
                    path = path / "model.json"
                if not path.exists():
                    path.write_text("{}\n")


def dvc(*words: str, folder: Path) -> str:
    """Run dvc as a user does, and return what it prints."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "dvc", *words]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"dvc {' '.join(words)} failed: {done.stderr}")
    return done.stdout


PARTS = {"many": many, "add": add, "noop": noop}


def main() -> None:
    """Measure the parts asked for, each in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    for part in parser.parse_args().part or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            figures = PARTS[part](Path(folder))
        record("presize_growth", part, machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
