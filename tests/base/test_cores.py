"""Cores: by affinity, and by the quotas of both versions of Linux's control groups."""

import os
import subprocess
import sys
from collections.abc import Iterator
from math import inf
from pathlib import Path

import joblib
import pytest

from stages.base.cgroups import process_folders
from stages.base.cores import cores, cores_by_affinity, folder_quota, parse_quota

ROOT = Path(__file__).parents[2]


def test_cores_are_those_that_joblib_counts() -> None:
    """Here the count is joblib's, or less where a group above has a limit, which joblib ignores."""
    assert cores() <= joblib.cpu_count()
    assert 1 <= cores() <= cores_by_affinity()


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("400000 100000\n", 4.0),
        ("150000\n 100000\n", 1.5),
        ("max 100000\n", inf),
        ("-1 100000", inf),
        ("0 100000", inf),
        ("100000 0", inf),
        ("", inf),
        ("400000", inf),
    ],
)
def test_a_quota_is_time_by_period(text: str, quota: float) -> None:
    """Microseconds of processor in each period are cores; max, -1 and nonsense are no limit."""
    assert parse_quota(text) == quota


def test_files_of_either_version_are_read(tmp_path: Path) -> None:
    """A folder has the files of one version, or, at the top, none, which is no limit."""
    assert folder_quota(tmp_path / "none") == inf
    assert folder_quota(tmp_path) == inf
    (tmp_path / "cpu.cfs_quota_us").write_text("250000\n")
    assert folder_quota(tmp_path) == inf
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    assert folder_quota(tmp_path) == 2.5
    (tmp_path / "cpu.max").write_text("200000 100000\n")
    assert folder_quota(tmp_path) == 2.0


def processor_folder() -> Path | None:
    """Return the folder of this process's group in which another may be made, if there is one."""
    for folder in process_folders("cpu"):
        if (folder / "cpu.cfs_quota_us").exists() and os.access(folder, os.W_OK):
            return folder
    return None


@pytest.fixture
def group_of_one_core() -> Iterator[Path]:
    """Make a group that may use the time of one core; gone after the test."""
    above = processor_folder() if sys.platform == "linux" else None
    if above is None:
        pytest.skip("no group of processes may be made here")
    group = above / f"finetrack-test-{os.getpid()}"
    group.mkdir()
    try:
        (group / "cpu.cfs_quota_us").write_text("100000")
        yield group
    finally:
        group.rmdir()


IN_GROUP = """
import os, sys
from pathlib import Path
Path(sys.argv[1], "cgroup.procs").write_text(str(os.getpid()))
from stages.base.environment import prepare_process
prepare_process()
import torch
from stages.base.cores import cores
print(cores(), torch.get_num_threads())
"""


def test_a_process_under_a_quota_starts_as_many_threads(group_of_one_core: Path) -> None:
    """In a group of one core, on a machine of more, one is counted and torch has one thread."""
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", IN_GROUP, str(group_of_one_core)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment,
    )
    assert done.stdout == "1 1\n"
