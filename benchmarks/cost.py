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

from benchmarks.presize_growth import BIN

_ANONYMOUS = re.compile(r"Pss_(?:Anon|Shmem):\s+(\d+) kB")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a command took: seconds of processors, and the most memory of its processes (bytes).

    Memory is that of no file, looked at five times a second: a peak shorter than the time between
    two looks is missed.
    """

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
            for child in children(process.pid):
                with suppress(psutil.Error):  # it has just ended
                    of_children[child.pid] = sum(child.cpu_times()[:2])
            most = max(most, anonymous(process.pid))
            time.sleep(0.2)  # a look at 2 GB takes 20 ms, in which it stands still
        process.returncode = os.waitstatus_to_exitcode(ended[1])
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} failed: {output.read()[-3000:]}")
    usage = ended[2]
    seconds = usage.ru_utime + usage.ru_stime + sum(of_children.values())
    cost = Cost(seconds=seconds, memory=most)
    print(f"{folder.name}: {' '.join(command[1:4])}: {cost}", flush=True)
    return cost


def anonymous(pid: int) -> float:
    """Return the bytes of a process and its children that are of no file, the shared ones once.

    What is mapped from files, such as the store, is left out: the system keeps as much of it as it
    has room for, and takes it back when it wants.
    """
    tree = [pid, *(child.pid for child in children(pid))]
    held = 0
    for number in tree:
        with suppress(OSError):  # it has just ended
            found = _ANONYMOUS.findall(Path(f"/proc/{number}/smaps_rollup").read_text("utf-8"))
            held += sum(map(int, found))
    return 1024.0 * held


def children(pid: int) -> list[psutil.Process]:
    """Return the processes that a process started, and theirs; none where it has just ended."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
