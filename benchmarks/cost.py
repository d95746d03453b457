"""The cost of a command: seconds of processors and memory, of all its processes together."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.presize_growth import BIN, memory


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a command took: seconds of processors, and the most memory of its processes (bytes)."""

    seconds: float
    memory: float


def spend(command: Sequence[str], folder: Path) -> Cost:
    """Run a command in a folder, all of whose processes count."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    of_children: dict[int, float] = {}
    most = 0.0
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output
        )
        while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
            with suppress(psutil.Error, OSError):  # one of them has just ended
                for child in psutil.Process(process.pid).children(recursive=True):
                    of_children[child.pid] = sum(child.cpu_times()[:2])
                most = max(most, memory(process.pid) if of_children else 0, peak(process.pid))
            time.sleep(0.1)
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} failed: {output.read()[-3000:]}")
    usage = ended[2]
    seconds = usage.ru_utime + usage.ru_stime + sum(of_children.values())
    cost = Cost(seconds=seconds, memory=most)
    print(f"{folder.name}: {' '.join(command[1:4])}: {cost}", flush=True)
    return cost


def peak(pid: int) -> float:
    """Return the most bytes that a process has had; its usage would count those of this one too."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"))
    return 1024.0 * int(found[1]) if found else 0.0
