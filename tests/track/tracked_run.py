"""A run told to a real tracker, by the command that fine_tune starts, in a folder of its own."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
EPOCHS = [
    {"epoch": number, "phase": "unfrozen", "lr": 0.1, "train_loss": 0.5 / number,
     "valid_loss": 0.6 / number, "error_rate": 0.25 / number}
    for number in (1, 2, 3)
]  # fmt: skip
METRICS = {
    "error_rate": 0.08, "train_loss": None, "base_lr": 0.01,
    "recipe": {"name": "deep", "epochs": 12.0, "flip": False}, "trial": None,
}  # fmt: skip


def tell_run(folder: Path, name: str, *, finished: bool = True, **variables: str) -> str:
    """Tell a tracker of a run; return all that is printed."""
    shutil.copy(ROOT / "params.yaml", folder)
    messages = [{"epoch": row} for row in EPOCHS] + [{"metrics": METRICS}] * finished
    done = subprocess.run(
        [sys.executable, "-m", "stages.tools.track", name],
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "DVC_NO_ANALYTICS": "1", **variables},
        input="".join(json.dumps(message) + "\n" for message in messages),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def is_there(name: str, folder: Path) -> bool:
    """Return whether a tracker's package is installed; where it is not, see that it is named.

    .ci/run installs requirements-extra.txt for these tests.
    """
    if find_spec(name) is not None:
        return True
    answer = tell_run(folder, name)
    assert answer.startswith(f"FINETRACK_LOG={name}: ")
    assert answer.strip().endswith(f"pip install {name}")
    assert not (folder / "logs").exists()
    return False
