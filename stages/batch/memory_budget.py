"""Memory budget: how many bytes of decoded images may lie in memory, here and on a device."""

import re
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

# The shares of what is free now that images may take; the rest is for training, and on a
# processor for whatever else the machine does.
_HOST_SHARE = 0.5
_DEVICE_SHARE = 0.4
_CGROUP = Path("/sys/fs/cgroup")
# Files of version 2 of cgroups, and of version 1: the limit, what counts against it, and how much
# of that is a copy of files, which the system takes back when it must.
_CGROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)
_FILE_COPIES = re.compile(r"^(?:total_)?inactive_file (\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class MemoryBudget:
    """Bytes that the images of all image sets of a process may take together."""

    host: int  # memory of the processor
    device: int  # of a GPU; 0 on a processor


def memory_budget(device: torch.device, processes: int = 1) -> MemoryBudget:
    """Return the budget of one of the processes that share this machine."""
    host = int(_HOST_SHARE * free_host_memory()) // processes
    if device.type != "cuda":
        return MemoryBudget(host=host, device=0)
    free, _ = torch.cuda.mem_get_info(device)
    return MemoryBudget(host=host, device=int(_DEVICE_SHARE * free))


def free_host_memory(cgroup: Path = _CGROUP) -> int:
    """Return the bytes that this process can still use: the machine's, or a container's if fewer.

    A container sees all memory of its machine, and is killed beyond its own limit.
    """
    free = [psutil.virtual_memory().available]
    for limit_file, used_file, parts_file in _CGROUP_FILES:
        try:
            limit = int((cgroup / limit_file).read_text("ascii"))
            used = int((cgroup / used_file).read_text("ascii"))
            copies = _FILE_COPIES.findall((cgroup / parts_file).read_text("ascii"))
        except (OSError, ValueError):  # the other version, another system, or "max": no limit
            continue
        free.append(max(0, limit - used + max(map(int, copies), default=0)))
    return min(free)
