"""Control groups of Linux: the folders that say what this process may use of a resource.

A container has limits in the files of its group, in version 1 or version 2 of control groups, and a
limit of any group above holds too.
"""

from contextlib import suppress
from pathlib import Path, PurePosixPath


def process_folders(controller: str) -> list[Path]:
    """Return the folders of this process's groups for a controller; none on another system."""
    proc = Path("/proc/self")
    with suppress(OSError, ValueError):  # another system, or a mount that is written oddly
        groups = (proc / "cgroup").read_text()
        return cgroup_folders(groups, (proc / "mountinfo").read_text(), controller)
    return []


def cgroup_folders(groups: str, mounts: str, controller: str) -> list[Path]:
    """Return the folders of the groups that share out a resource to this process, inmost first.

    groups, mounts: the content of /proc/self/cgroup and /proc/self/mountinfo; controller: `cpu` or
    `memory`. A container may see a part of the groups only, of which the first is mounted.
    """
    inside = _group_by_controllers(groups)
    folders = []
    for line in mounts.splitlines():
        mount, _, filesystem = line.partition(" - ")
        root, place = mount.split()[3:5]
        kind, _, options = filesystem.split(maxsplit=2)
        name = {"cgroup": controller, "cgroup2": ""}.get(kind)
        if name is None or (name and name not in options.split(",")):
            continue
        group = PurePosixPath(inside.get(name, "/"))
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
