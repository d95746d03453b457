"""What training does on a GPU: speed, agreement, memory, and whether it gives the same bytes.

One command of under 8 minutes, on generated photos and random weights, without network or DVC, each
part in a process of its own: fine_tune's own epoch against one batch that stays on the GPU, in each
precision (a part for each network), rendering alone, validation, baseline's features and predict,
the agreement of precisions and of a processor, two runs and one that is stopped, one that is
killed, memory, photos decoded anew, two processes on one GPU, fastai where it is installed.
Run: python -m benchmarks.gpu [part ...] [--seconds N] [--tiny]; --tiny tries the code in a few
minutes on any machine, and writes no results.
A machine that has PyTorch and torchvision alone needs no more than the wheels that
python -m benchmarks.gpu_wheels brings: see there.
The device is FINETRACK_DEVICE, or a GPU where there is one. Results: benchmarks/results/gpu.json.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.generated import Work
from benchmarks.gpu_answers import agreement, answers
from benchmarks.gpu_fastai import beside_fastai
from benchmarks.gpu_memory import memory_of
from benchmarks.gpu_rendering import rendering
from benchmarks.gpu_runs import exact, killed, two_ranks
from benchmarks.measure import machine, record
from benchmarks.step_speed import compiled, speed_of, streamed

PACKAGES = ["torch", "torchvision", "timm", "triton", "numpy", "pillow", "fastai"]
LITE0 = "tf_efficientnet_lite0"
# In the order of their worth: those that the time does not reach are left out.
PARTS: dict[str, Callable[[Work], dict[str, Any]]] = {
    "resnet50": partial(speed_of, arch="resnet50"),
    "rendering": rendering,
    "exact": exact,
    "agreement": agreement,
    "answers": partial(answers, arch="resnet50"),
    "killed": killed,
    "two processes": two_ranks,
    "photos decoded anew": partial(streamed, arch="resnet50"),
    "resnet34": partial(speed_of, arch="resnet34"),
    "lite0 at 96 px": partial(speed_of, arch=LITE0, size=96),
    "lite0": partial(speed_of, arch=LITE0),
    "memory of resnet50 in fp16": partial(memory_of, arch="resnet50", precision="fp16"),
    "memory of resnet50 in fp32": partial(memory_of, arch="resnet50", precision="fp32"),
    "memory of lite0 in fp16": partial(memory_of, arch=LITE0, precision="fp16"),
    "convnext_tiny": partial(speed_of, arch="convnext_tiny"),
    "memory of convnext_tiny in fp16": partial(memory_of, arch="convnext_tiny", precision="fp16"),
    "fastai": partial(beside_fastai, arch="resnet50"),
    "compiled": partial(compiled, arch="resnet50"),
}
SMALL = "test_resnet"
# What a tiny run tries instead: all code, and a network that is fast anywhere.
TINY_PARTS: dict[str, Callable[[Work], dict[str, Any]]] = {
    "speed": partial(speed_of, arch=SMALL),
    "rendering": rendering,
    "exact": exact,
    "agreement": agreement,
    "answers": partial(answers, arch=SMALL),
    "killed": killed,
    "two processes": two_ranks,
    "photos decoded anew": partial(streamed, arch=SMALL),
    "memory": partial(memory_of, arch=SMALL, precision="fp32"),
    "fastai": partial(beside_fastai, arch="resnet18"),
}
_SECONDS = 450
# A part that has less left is not begun, and one that takes all is ended.
_SHORTEST = 15
_SHOWN = 1500  # characters of an error


def measure_part(part: str, work: Work) -> None:
    """Measure one part in this process."""
    about = machine(PACKAGES)
    if torch.cuda.is_available():
        about["gpu"] = torch.cuda.get_device_name()
    parts = TINY_PARTS if work.tiny else PARTS
    start = time.monotonic()
    figures = parts[part](work)
    figures["seconds of the part"] = round(time.monotonic() - start, 1)
    if work.tiny:
        print(f"{part}: {figures}", flush=True)
    else:
        record("gpu", part, about, figures)


def measure_parts(parts: list[str], work: Work, seconds: float) -> list[str]:
    """Measure parts, each in a process of its own; return those that failed or were left out."""
    start = time.monotonic()
    missing = []
    options = ["--photos", str(work.photos), *(["--tiny"] if work.tiny else [])]
    for part in parts:
        left = seconds - (time.monotonic() - start)
        if left < _SHORTEST:
            why = "left out, the time is over"
        else:
            command = [sys.executable, "-m", "benchmarks.gpu", part, *options]
            why = _failure(command, left)
        if why:
            missing.append(part)
            print(f"{part}: {why}", flush=True)
    return missing


def _failure(command: list[str], seconds: float) -> str:
    """Run a command, without its bars; return why it gave nothing, or nothing."""
    try:
        done = subprocess.run(
            command, stderr=subprocess.PIPE, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return "ended, the time is over"
    return f"failed: {done.stderr[-_SHOWN:]}" if done.returncode else ""


def main() -> None:
    """Measure the parts asked for, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--tiny", action="store_true", help="try the code; no results are written")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="for all parts together")
    parser.add_argument("--photos", type=Path, help="of an earlier part; for one part alone")
    asked = parser.parse_args()
    known = TINY_PARTS if asked.tiny else PARTS
    if unknown := [part for part in asked.parts if part not in known]:
        parser.error(f"no part is called {', '.join(unknown)}; choose {', '.join(known)}")
    with tempfile.TemporaryDirectory() as folder:
        photos = asked.photos or Path(folder, "photos")
        work = Work(tiny=asked.tiny, photos=photos, scratch=Path(folder))
        if asked.photos:
            measure_part(asked.parts[0], work)
            return
        work.write_photos()
        missing = measure_parts(asked.parts or list(known), work, asked.seconds)
    if missing:
        raise SystemExit(f"{len(missing)} of the parts have no figures: {', '.join(missing)}")


if __name__ == "__main__":
    main()
