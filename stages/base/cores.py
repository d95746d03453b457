"""Cores: as many as this process may use, by its affinity and by the quotas of its cgroups.

A container that may use 4 of 64 cores sees all 64 of them. Its quota is in the files of its cgroup:
`cpu.max` in version 2 of Linux's control groups, `cpu.cfs_quota_us` and `cpu.cfs_period_us` in
version 1. A quota of any group above holds too. joblib counts so as well, but takes time to import
and looks at the top group alone.
"""

import os
from contextlib import suppress
from math import ceil, inf
from pathlib import Path, PurePosixPath


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
    proc = Path("/proc/self")
    with suppress(OSError, ValueError):  # another system, or a mount that is written oddly
        groups = (proc / "cgroup").read_text()
        mounts = (proc / "mountinfo").read_text()
        return min(map(folder_quota, cgroup_folders(groups, mounts)), default=inf)
    return inf


def cgroup_folders(groups: str, mounts: str) -> list[Path]:
    """Return the folders of the groups that share out the processor to this process, inmost first.

    groups, mounts: the content of /proc/self/cgroup and /proc/self/mountinfo. A container may see a
    part of the groups only, of which the first is mounted.
    """
    inside = _group_by_controllers(groups)
    folders = []
    for line in mounts.splitlines():
        mount, _, filesystem = line.partition(" - ")
        root, place = mount.split()[3:5]
        kind, _, options = filesystem.split(maxsplit=2)
        controllers = {"cgroup": "cpu", "cgroup2": ""}.get(kind)
        if controllers is None or (controllers and "cpu" not in options.split(",")):
            continue
        group = PurePosixPath(inside.get(controllers, "/"))
        below = group.relative_to(root) if group.is_relative_to(root) else PurePosixPath()
        folder = Path(place) / below
        folders += [folder, *folder.parents][: 1 + len(below.parts)]
    return folders


def _group_by_controllers(groups: str) -> dict[str, str]:
    r"""Return the group of each controller by its name; that of version 2, which names none, by ''.

    >>> _group_by_controllers("4:cpu,cpuacct:/docker/1\n0::/user")
    {'cpu': '/docker/1', 'cpuacct': '/docker/1', '': '/user'}
    """
    fields = [line.split(":", 2) for line in groups.splitlines()]
    return {name: group for _, names, group in fields for name in names.split(",")}


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
