"""Memory budget: how many bytes of decoded images may lie in memory, here and on a device."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import torch

from stages.base.cgroups import process_folders
from stages.base.ranks import SINGLE_PROCESS, Rank

# The shares of what is free now that images may take; the rest is for training, and on a
# processor for whatever else the machine does.
_HOST_SHARE = 0.5
_DEVICE_SHARE = 0.4
# On a processor each part of the split may take as much, even beyond the share, if it is free:
# decoding it for every epoch would take cores from training.
_SIDE_BYTES = 4 * 2**30
# Files of a cgroup in version 2, and in version 1: the limit, and what counts against it.
_CGROUP_FILES = (
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)
# Copies of files, which the system takes back when it must; those used twice are active. In version
# 1 only the lines that begin with `total_` count the groups below too, as the use does.
_FILE_COPIES = re.compile(r"^(total_)?(active_file|inactive_file) (\d+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class MemoryBudget:
    """Bytes that the images of all image sets of a process may take together."""

    host: int  # memory of the processor
    device: int  # of a GPU; 0 on a processor
    free: int = 0  # of the processor, of which a small part of the split may take more than `host`
    rank: Rank = SINGLE_PROCESS  # the process

    def fits_host(self, needed: int) -> bool:
        """Return whether images fit the processor's memory."""
        return needed <= max(self.host, min(_SIDE_BYTES, self.free))

    def without_host(self, taken: int) -> "MemoryBudget":
        """Return what is left of the budget when images lie in the processor's memory."""
        return replace(self, host=max(0, self.host - taken), free=max(0, self.free - taken))

    def of_machine(self) -> "MemoryBudget":
        """Return what all processes of this machine that train together may take of its memory."""
        return replace(self, host=self.host * self.rank.here, free=self.free * self.rank.here)


def memory_budget(device: torch.device, rank: Rank = SINGLE_PROCESS) -> MemoryBudget:
    """Return the budget of one of the processes that train together and share this machine.

    Where nobody says how many are here, all of them may be.
    """
    free_host = free_host_memory() // (rank.here or rank.count)
    host = int(_HOST_SHARE * free_host)
    if device.type != "cuda":
        return MemoryBudget(host=host, device=0, free=free_host, rank=rank)
    free, _ = torch.cuda.mem_get_info(device)
    return MemoryBudget(host=host, device=int(_DEVICE_SHARE * free), rank=rank)


def free_host_memory(folders: Sequence[Path] | None = None) -> int:
    """Return the bytes that this process can still use: the machine's, or a container's if fewer.

    A container sees all memory of its machine, and is killed beyond its own limit. folders: of its
    cgroups, in all of which it has to fit; by default this process's.
    """
    groups = process_folders("memory") if folders is None else folders
    left = [left_in_group(folder) for folder in groups]
    return min([psutil.virtual_memory().available, *(size for size in left if size is not None)])


def left_in_group(folder: Path) -> int | None:
    """Return the bytes that the limit of a cgroup leaves, never less than 0; None without limit."""
    for limit_file, used_file in _CGROUP_FILES:
        try:
            limit = int((folder / limit_file).read_text("ascii"))
            used = int((folder / used_file).read_text("ascii"))
            copies = file_copies((folder / "memory.stat").read_text("ascii"))
        except (OSError, ValueError):  # the other version, the top group, or "max": no limit
            continue
        return max(0, limit - used + copies)
    return None


def file_copies(statistics: str) -> int:
    r"""Return the bytes of a cgroup that are copies of files, by its memory.stat.

    >>> file_copies("active_file 5\ninactive_file 2\ntotal_active_file 50\ntotal_inactive_file 20")
    70
    """
    parts = _FILE_COPIES.findall(statistics)
    whole = any(total for total, _, _ in parts)
    return sum(int(size) for total, _, size in parts if bool(total) == whole)
