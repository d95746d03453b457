"""What predict costs beside the bare network: rate, memory, start-up, and timm's loader.

The command runs on generated photos of 500 x 375, and before and after it the same network takes
one resident batch again and again, so that a slow minute hits both. timm's script for inference is
not in its package; its loader and loop, as that script has them, run on the same photos and
network, and so does the pipeline of transformers, where it is installed.
Run: python -m benchmarks.predict [--photos N] [--rounds N] [--arch NAME ...]
Results: benchmarks/results/predict.json.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks.measure import figure, machine, ratio, record, timed
from benchmarks.photos import PETS, ROOT, fill, picture
from benchmarks.predict_peers import (
    HAS_TRANSFORMERS,
    TIMM_NAMES,
    rate_of_timm,
    rate_of_transformers,
)
from stages.base.files import sha256_file, write_bytes
from stages.forms.onnx_classifier import OnnxFacts
from stages.forms.onnx_file import to_onnx
from stages.forms.pixel_classifier import PixelClassifier
from stages.model.classifier import Classifier, build_classifier
from stages.model.files import ModelCard, load_model, save_model
from stages.model.model_params import ModelParams
from stages.train.device import open_device

PACKAGES = ["torch", "onnxruntime", "timm", "numba", "simplejpeg", "pillow", "transformers"]
BATCH = 32
BARE_SECONDS = 20.0
STARTS = 5
SIZE = 224
PRESIZE = 320
CLASSES = 37
_LOOK_SECONDS = 2  # between looks at the memory, each of which stops the process for a moment


def make_model(folder: Path, arch: str) -> None:
    """Save a network with a new head, as the preset for photographs has it, without weights."""
    params = ModelParams(arch=TIMM_NAMES.get(arch, arch), weights="none", head="linear", cut="none")
    names = [f"class {number:02}" for number in range(CLASSES)]
    card = ModelCard(
        params=params, class_names=names, size=SIZE, loss="cross_entropy", presize=PRESIZE,
        base_lr=0.002, seed=1, device="cpu", precision="float32", threads=2, processes=1,
        torch=torch.__version__,
    )  # fmt: skip
    save_model(folder, build_classifier(params, CLASSES, 1, SIZE), card)


def export_model(folder: Path) -> None:
    """Write the ONNX file of a saved model, which predict then prefers."""
    model, card = load_model(folder)
    facts = OnnxFacts(
        class_names=card.class_names, thresholds={}, temperature=1.0, calibrated=False,
        presize=card.presize, size=card.size, activation="softmax", weights_sha256="",
        card_sha256=sha256_file(folder / "model.json"),
    )  # fmt: skip
    content = to_onnx(PixelClassifier(model, card.loss, 1.0), card.size, facts)
    write_bytes(folder.parent / "export" / "model.onnx", content)


def bare_rate(model: Classifier, seconds: float) -> float:
    """Return the images/s of the network on a batch that lies ready."""
    batch = torch.randn(BATCH, 3, SIZE, SIZE).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        model(batch)
        started = time.perf_counter()
        batches = 0
        while time.perf_counter() - started < seconds:
            model(batch)
            batches += 1
        return BATCH * batches / (time.perf_counter() - started)


def run_predict(model: Path, *paths: str | Path) -> float:
    """Run the command; return the most memory that its processes had together, in MB."""
    command = [sys.executable, "-m", "stages.tools.predict", "--model", str(model)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "FINETRACK_DEVICE": "cpu"}
    process = subprocess.Popen(
        [*command, *map(str, paths)],
        cwd=model.parent,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    most = 0
    while process.poll() is None:
        most = max(most, memory(process.pid))
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
    if process.returncode:
        raise SystemExit(f"predict failed on {paths[0]}")
    return most / 1e6


def memory(process: int) -> int:
    """Return the bytes of a process and all below it, what they share counted once."""
    total = 0
    try:
        parent = psutil.Process(process)
        for one in (parent, *parent.children(recursive=True)):
            total += one.memory_full_info().pss
    except psutil.Error:  # one has ended
        return 0
    return total


def measure_rates(
    model: Path, photos: Path, count: int, rounds: int, peers: Mapping[str, Callable[[], float]]
) -> dict[str, Any]:
    """Return the figures of the whole command, in turn with the bare network and the peers."""
    open_device("cpu", "fp32")
    network, _ = load_model(model)
    bare: list[float] = []
    ours: list[float] = []
    memories: list[float] = []
    of_peers: dict[str, list[float]] = {name: [] for name in peers}
    for number in range(rounds):
        before = bare_rate(network, BARE_SECONDS)
        out = model.parent / f"{number}.csv"
        out.unlink(missing_ok=True)  # of the model in torch
        started = time.perf_counter()
        memories.append(run_predict(model, photos, "--out", out))
        seconds = time.perf_counter() - started
        bare.append((before + bare_rate(network, BARE_SECONDS)) / 2)
        ours.append(count / seconds)
        for name, peer in peers.items():
            of_peers[name].append(peer())
    figures = {
        "photos": count,
        "images/s, the whole command": figure(ours),
        "images/s, the bare network on a resident batch": figure(bare),
        "images/s, command / bare network": ratio(ours, bare, "at least 0.9"),
        "most memory of all processes, MB": figure(memories, "under 1500"),
    }
    for name, rates in of_peers.items():
        figures[f"images/s, {name}"] = figure(rates)
        figures[f"images/s, ours / {name}"] = ratio(ours, rates, "at least 2")
    return figures


def measure_start(model: Path, photo: Path) -> dict[str, Any]:
    """Return how long the command takes for one photo, and how much of it torch and timm do."""
    run_predict(model, photo)
    imports = {
        "torch": "import torch",
        "torch, torchvision and timm": "import timm",
        "all that predict imports": "import stages.tools.predict",
    }
    figures: dict[str, Any] = {
        "seconds for one photo, from start to end": figure(
            [timed(lambda: run_predict(model, photo)) for _ in range(STARTS)], "under 4"
        )
    }
    for name, statement in imports.items():
        command = [sys.executable, "-c", statement]
        run = partial(subprocess.run, command, cwd=ROOT, check=True)
        figures[f"seconds to import {name}"] = figure([timed(run) for _ in range(STARTS)])
    return figures


def main() -> None:
    """Measure every architecture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--arch", nargs="+", default=["efficientnet_lite0", "resnet34"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        few = Path(scratch) / "few"
        pictures = [picture(number, PETS, 90) for number in range(16)]
        fill(photos, pictures, options.photos)
        fill(few, pictures, max(1, options.photos // 4))
        for arch in options.arch:
            model = Path(scratch) / arch / "model"
            make_model(model, arch)
            peers = {"timm": partial(rate_of_timm, arch, few)}
            if HAS_TRANSFORMERS:
                peers["transformers"] = partial(rate_of_transformers, arch, few)
            figures = measure_rates(model, photos, options.photos, options.rounds, peers)
            record("predict", f"{arch}, {SIZE} px, in torch", machine(PACKAGES), figures)
            start = measure_start(model, photos / "cat_0.jpg")
            record("predict", f"{arch}, start in torch", machine(PACKAGES), start)
            export_model(model)
            figures = measure_rates(model, photos, options.photos, options.rounds, {})
            record("predict", f"{arch}, {SIZE} px, exported", machine(PACKAGES), figures)
            start = measure_start(model, photos / "cat_0.jpg")
            record("predict", f"{arch}, start exported", machine(PACKAGES), start)


if __name__ == "__main__":
    main()
