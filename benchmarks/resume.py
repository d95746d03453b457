"""Whether fine_tune, killed at any moment and run again, ends in the same bytes; what that costs.

Parts: kills (20 runs of the stage, each ended at a random moment: three of four by kill -9, the
fourth asked by SIGTERM, then run again to its end), cost (the share of the time that checkpoints
take in three minutes of training the default model on generated photos).
Run: python -m benchmarks.resume [part ...]. Results: benchmarks/results/resume.json.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import machine, record
from benchmarks.photos import ROOT, SMALL, fill, picture
from benchmarks.training import prepare, run

KILLS = 20
OUTPUTS = ("data/model", "data/predictions.npz", "reports/fine_tune")
TINY = {
    "presize.size": 48, "presize.shards": 2, "augment.size": 32, "model.arch": "test_resnet",
    "model.weights": "none", "fine_tune.base_lr": 0.002, "fine_tune.epochs": 12,
    "fine_tune.freeze_epochs": 4, "fine_tune.batch_size": 8, "datablock.split.valid": 0.3,
}  # fmt: skip
PACKAGES = ["torch", "safetensors", "numpy"]


def digest(folder: Path) -> str:
    """Return one hash of all that fine_tune leaves."""
    files = sorted(f for out in OUTPUTS for f in [folder / out, *(folder / out).rglob("*")])
    whole = hashlib.sha256()
    for file in files:
        if file.is_file():
            whole.update(f"{file.relative_to(folder)}\n".encode() + file.read_bytes())
    return whole.hexdigest()


def ended(folder: Path, after: float, by: signal.Signals) -> str:
    """Start fine_tune, end it after so many seconds, and return what its next run says."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.fine_tune"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=folder, env=environment, **quiet) as process:
        time.sleep(after)
        process.send_signal(by)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    found = [line for line in done.stdout.splitlines() if line.startswith("Going on")]
    return found[0].rpartition(": ")[2] if found else ""


def kills(work: Path) -> None:
    """End the stage at random moments; count how often it ends in the same bytes."""
    fill(work / "photos", [picture(n, SMALL, 90) for n in range(96)], 96)
    folder = work / "project"
    prepare(folder, work / "photos", TINY)
    run(folder, "lr_find")
    seconds = run(folder, "fine_tune")
    wanted, draw = digest(folder), random.Random(1)
    same, resumed = 0, []
    for number in range(KILLS):
        for out in OUTPUTS:
            path = folder / out
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        by = signal.SIGTERM if number % 4 == 3 else signal.SIGKILL
        # Starting takes half of so short a run, and nothing is to be kept in it.
        said = ended(folder, draw.uniform(0.3, 1.0) * seconds, by)
        same += digest(folder) == wanted
        resumed += [said] if said else []
        print(f"{by.name}, next run from {said or 'the start'}: {same} of {number + 1} the same")
    found = {"kills": KILLS, "same bytes": same, "went on from": sorted(resumed)}
    record("resume", "kills", machine(PACKAGES), {"endings": found, "seconds a run": seconds})


if __name__ == "__main__":
    parts = {"kills": kills}
    for part in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory() as temporary:
            parts[part](Path(temporary))
