"""Cores: as many as this process may use, by its affinity and by the quotas of its cgroups.

A container that may use 4 of 64 cores sees all 64 of them. Its quota is in the files of its cgroup:
`cpu.max` in version 2 of Linux's control groups, `cpu.cfs_quota_us` and `cpu.cfs_period_us` in
version 1. A quota of any group above holds too. joblib counts so as well, but takes time to import
and looks at the top group alone.
"""

import os
from contextlib import suppress
from math import ceil, inf
from pathlib import Path

from stages.base.cgroups import process_folders


def cores() -> int:
    """Return the cores that this process may use, whole ones: 2 for a quota of 1.5."""
    return max(1, min(cores_by_affinity(), ceil(min(_quota(), 2**16))))


def cores_by_affinity() -> int:
    """Return the cores on which this process may run, whatever share of their time is its own."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota() -> float:
    """Return how many cores' time the cgroups of this process allow; infinity without limit."""
    return min(map(folder_quota, process_folders("cpu")), default=inf)


def folder_quota(folder: Path) -> float:
    """Return how many cores' time a group allows, by the files in its folder."""
    texts = []
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        with suppress(OSError):  # of the other version, or the top group, which has no limit
            texts.append(" ".join((folder / name).read_text() for name in names))
    return min(map(parse_quota, texts), default=inf)


def parse_quota(text: str) -> float:
    """Return a quota in cores, from the microseconds of a group and those of a period.

    No number, as `max`, and -1 are no limit.

    >>> parse_quota("400000 100000"), parse_quota("max 100000"), parse_quota("-1 100000")
    (4.0, inf, inf)
    """
    with suppress(ValueError, ZeroDivisionError):
        quota, period = map(int, text.split())
        if quota > 0:
            return quota / period
    return inf
