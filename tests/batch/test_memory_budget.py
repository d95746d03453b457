"""Memory budget: what the machine, and its container, leave for images."""

from pathlib import Path

import psutil
import pytest
import torch

from stages.base.ranks import Rank
from stages.batch.memory_budget import MemoryBudget, free_host_memory, memory_budget

V2 = ("memory.max", "memory.current", "active_file 100\ninactive_file 200\n")
V1 = (
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "active_file 7\ninactive_file 20\ntotal_active_file 100\ntotal_inactive_file 200\n",
)


def cgroup(folder: Path, files: tuple[str, str, str], limit: str, used: int) -> Path:
    """Write the files of a control group, in which 300 bytes are copies of files."""
    folder.mkdir(exist_ok=True)
    (folder / files[0]).write_text(limit, "ascii")
    (folder / files[1]).write_text(f"{used}\n", "ascii")
    (folder / "memory.stat").write_text(f"anon 700\n{files[2]}", "ascii")
    return folder


@pytest.mark.parametrize("files", [V1, V2])
def test_a_container_has_what_its_limit_leaves(files: tuple[str, str, str], tmp_path: Path) -> None:
    """The limit less what is used counts, copies of files not being used, and never less than 0."""
    assert free_host_memory([cgroup(tmp_path, files, "3000\n", 1000)]) == 2300
    assert free_host_memory([cgroup(tmp_path, files, "3000\n", 4000)]) == 0


@pytest.mark.parametrize("files", [V1, V2])
def test_the_limit_of_a_group_above_holds_too(files: tuple[str, str, str], tmp_path: Path) -> None:
    """Of a group and those above the one counts that leaves least, wherever it is."""
    inner = cgroup(tmp_path / "inner", files, "9000\n", 1000)
    outer = cgroup(tmp_path / "outer", files, "5000\n", 3000)
    assert free_host_memory([inner, outer]) == 2300
    assert free_host_memory([inner, tmp_path / "none"]) == 8300
    unlimited = cgroup(tmp_path / "unlimited", files, "max\n", 10)
    assert free_host_memory([unlimited, outer]) == 2300


@pytest.mark.parametrize("limit", ["max\n", f"{2**62}\n"])
def test_without_a_limit_the_machine_counts(limit: str, tmp_path: Path) -> None:
    """No limit, one beyond all memory, and no control group leave what the machine has."""
    machine = psutil.virtual_memory()
    for folders in ([cgroup(tmp_path, V2, limit, 0)], [tmp_path / "none"], [], None):
        assert 0 < free_host_memory(folders) <= machine.total
    assert 0.5 * machine.available < free_host_memory([cgroup(tmp_path, V2, limit, 0)])


def test_processes_share_the_memory_of_a_machine() -> None:
    """Each of four has a quarter, wherever four more are, and where the four may be elsewhere.

    A processor has no memory of a device.
    """
    alone = memory_budget(torch.device("cpu"))
    shared = memory_budget(torch.device("cpu"), Rank(1, 8, 1, 4))
    assert alone.device == shared.device == 0
    assert 0.2 < shared.host / alone.host < 0.3
    assert 0.8 < shared.of_machine().host / alone.host < 1.2
    unknown = memory_budget(torch.device("cpu"), Rank(1, 4, 1, 0))
    assert 0.2 < unknown.host / alone.host < 0.3


def test_on_a_processor_each_part_may_take_four_gib_of_what_is_free() -> None:
    """Beyond the share 4 GiB a part fit where they are free, and no more than that."""
    gib = 2**30
    budget = MemoryBudget(host=3 * gib, device=0, free=6 * gib)
    assert budget.fits_host(4 * gib)
    assert not budget.fits_host(4 * gib + 1)
    left = budget.without_host(4 * gib)
    assert (left.host, left.free) == (0, 2 * gib)
    assert left.fits_host(2 * gib)
    assert not left.fits_host(2 * gib + 1)
    large = MemoryBudget(host=9 * gib, device=0, free=18 * gib)
    assert large.fits_host(9 * gib)
    assert memory_budget(torch.device("cpu")).free > 0
