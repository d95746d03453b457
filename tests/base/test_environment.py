"""Machine knobs from the environment."""

import platform
import subprocess
import sys

import joblib
import pytest

from stages.base.environment import device_name, gpus, workers
from stages.base.errors import UserError


def test_workers_default_to_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset or empty, as many workers as there are cores for this process."""
    monkeypatch.delenv("FINETRACK_WORKERS", raising=False)
    assert workers() == joblib.cpu_count() >= 1
    monkeypatch.setenv("FINETRACK_WORKERS", "")
    assert workers() == joblib.cpu_count()


def test_workers_as_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole number from 1 is taken as it is."""
    monkeypatch.setenv("FINETRACK_WORKERS", "7")
    assert workers() == 7


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_other_numbers_of_workers_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What is no count is refused by the variable's name."""
    monkeypatch.setenv("FINETRACK_WORKERS", text)
    with pytest.raises(UserError, match="FINETRACK_WORKERS must be a whole number from 1"):
        workers()


def test_one_gpu_unless_more_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset, one; set, a whole number from 1; anything else is refused by name."""
    assert gpus() == 1
    monkeypatch.setenv("FINETRACK_GPUS", "4")
    assert gpus() == 4
    monkeypatch.setenv("FINETRACK_GPUS", "all")
    with pytest.raises(UserError, match="FINETRACK_GPUS must be a whole number from 1, not 'all'"):
        gpus()


def test_device_is_auto_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset, the device is chosen; set, it is what was asked for."""
    monkeypatch.delenv("FINETRACK_DEVICE", raising=False)
    assert device_name() == "auto"
    monkeypatch.setenv("FINETRACK_DEVICE", "cuda:1")
    assert device_name() == "cuda:1"


FREED = """
import resource, sys
import stages.base.environment
import numpy as np
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(8_000_000)
before = faults()
for _ in range(10):
    np.ones(8_000_000)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a knob of the GNU C library")
def test_freed_memory_is_kept_for_the_next_step() -> None:
    """Blocks of 64 MB, freed and asked for ten times, come without one fault for every page."""
    run = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    pages = 10 * 64_000_000 // 4096
    assert int(run.stdout) < pages / 10
