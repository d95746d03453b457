"""Control groups: the folders of both versions, those above, and what a container sees."""

import pytest

from stages.base.cgroups import cgroup_folders

V1 = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw master:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:31 {root} /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
V2 = "30 23 0:26 {root} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def folders(groups: str, mounts: str, controller: str = "cpu") -> list[str]:
    """Return the folders of a process's groups as text."""
    return [folder.as_posix() for folder in cgroup_folders(groups, mounts, controller)]


def test_a_group_of_version_2_and_all_above_it_hold() -> None:
    """The group of the process is followed by those above it, up to the mount."""
    assert folders("0::/user.slice/job", V2.format(root="/")) == [
        "/sys/fs/cgroup/user.slice/job",
        "/sys/fs/cgroup/user.slice",
        "/sys/fs/cgroup",
    ]


def test_in_version_1_the_group_of_the_processor_counts() -> None:
    """Of the groups of each controller that of cpu is taken, wherever it is mounted."""
    groups = "9:cpuset:/other\n4:cpu,cpuacct:/docker/1\n0::/"
    assert folders(groups, V1.format(root="/")) == [
        "/sys/fs/cgroup/cpu,cpuacct/docker/1",
        "/sys/fs/cgroup/cpu,cpuacct/docker",
        "/sys/fs/cgroup/cpu,cpuacct",
        "/sys/fs/cgroup/unified",
    ]


@pytest.mark.parametrize("root", ["/docker/1", "/../.."])
def test_a_container_sees_its_own_group_at_the_mount(root: str) -> None:
    """Where only the container's group is mounted, or another's root is shown, the mount is it."""
    place = ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/unified"]
    assert folders("4:cpu,cpuacct:/docker/1\n0::/", V1.format(root=root)) == place
    assert folders("0::/docker/1", V2.format(root=root)) == ["/sys/fs/cgroup"]


def test_no_groups_are_no_folders() -> None:
    """Without control groups there is nothing to read."""
    assert folders("", "31 23 0:28 / /tmp rw - tmpfs tmpfs rw") == []


def test_each_controller_has_a_group_of_its_own() -> None:
    """In version 1 memory is looked for where it is mounted, and in the group that it names."""
    mounts = V1.format(root="/") + (
        "35 31 0:33 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    )
    assert folders("7:memory:/jobs/3\n4:cpu,cpuacct:/docker/1\n0::/", mounts, "memory") == [
        "/sys/fs/cgroup/unified",
        "/sys/fs/cgroup/memory/jobs/3",
        "/sys/fs/cgroup/memory/jobs",
        "/sys/fs/cgroup/memory",
    ]
