"""What every benchmark needs: timings in turn, ratios with their spread, a results file."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from stages.base.processor import processor_name

RESULTS = Path(__file__).parent / "results"


def rounds(contenders: Mapping[str, Callable[[], object]], n: int) -> dict[str, list[float]]:
    """Return the seconds of each contender, run in turn n times, so that a slow minute hits all."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(n):
        for name, contender in contenders.items():
            seconds[name].append(timed(contender))
    return seconds


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def figure(values: Sequence[float], target: str = "") -> dict[str, Any]:
    """Return median, least, most and number of the values, and their target."""
    summary = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    rounded = {name: float(f"{value:.3g}") for name, value in summary.items()}
    return rounded | {"n": len(values)} | ({"target": target} if target else {})


def with_mean(values: Sequence[float], target: str = "") -> dict[str, Any]:
    """Return a figure with the mean of its values, for errors that are averaged over seeds."""
    return figure(values, target) | {"mean": float(f"{statistics.mean(values):.3g}")}


def ratio(above: Sequence[float], below: Sequence[float], target: str = "") -> dict[str, Any]:
    """Return the ratio of two contenders, round by round."""
    return figure([a / b for a, b in zip(above, below, strict=True)], target)


def machine(packages: Sequence[str]) -> dict[str, Any]:
    """Return what kind of machine this is, and the versions that matter."""
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"cores": os.cpu_count(), "processor": processor_name(), "versions": versions}


def record(name: str, part: str, about: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    """Print the figures of a part, and put them into the results beside those of other parts."""
    for name_of_figure, value in figures.items():
        print(f"{part}: {name_of_figure}: {json.dumps(value)}", flush=True)
    file = RESULTS / f"{name}.json"
    results = json.loads(file.read_text("utf-8")) if file.exists() else {}
    results[part] = {"commit": _commit(), "machine": about, "figures": figures}
    file.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n", "utf-8")


def _commit() -> str:
    """Return the commit that is measured, with a mark when files other than results differ."""
    commit = _git("rev-parse", "--short=7", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":!.")
    return (f"{commit}-dirty" if changed else commit) or "unknown"


def _git(*words: str) -> str:
    """Return what git prints in the folder of the results; nothing where it fails or is not."""
    command = ["git", *words]
    try:
        done = subprocess.run(command, cwd=RESULTS, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
