"""Memory budget: what the machine, and its container, leave for images."""

from pathlib import Path

import psutil
import pytest
import torch

from stages.batch.memory_budget import free_host_memory, memory_budget


def cgroup(folder: Path, files: dict[str, str]) -> Path:
    """Write the files of a control group."""
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "ascii")
    return folder


@pytest.mark.parametrize(
    ("limit_file", "used_file", "parts_file", "parts"),
    [
        ("memory.max", "memory.current", "memory.stat", "anon 700\ninactive_file 300\n"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
            "memory/memory.stat",
            "inactive_file 20\ntotal_inactive_file 300\n",
        ),
    ],
)
def test_a_container_has_what_its_limit_leaves(
    limit_file: str, used_file: str, parts_file: str, parts: str, tmp_path: Path
) -> None:
    """The limit less what is used counts, copies of files not being used, and never less than 0."""
    files = cgroup(tmp_path, {limit_file: "3000\n", used_file: "1000\n", parts_file: parts})
    assert free_host_memory(files) == 2300
    (tmp_path / used_file).write_text("4000\n", "ascii")
    assert free_host_memory(files) == 0


@pytest.mark.parametrize("limit", ["max\n", f"{2**62}\n"])
def test_without_a_limit_the_machine_counts(limit: str, tmp_path: Path) -> None:
    """No limit, one beyond all memory, and no control group leave what the machine has."""
    files = cgroup(tmp_path, {"memory.max": limit, "memory.current": "0\n", "memory.stat": ""})
    machine = psutil.virtual_memory()
    assert 0.5 * machine.available < free_host_memory(files) <= machine.total
    assert 0.5 * machine.available < free_host_memory(tmp_path / "none") <= machine.total


def test_processes_share_the_memory_of_a_machine() -> None:
    """Each of four processes has about a quarter, and a processor has no memory of a device."""
    alone = memory_budget(torch.device("cpu"))
    shared = memory_budget(torch.device("cpu"), processes=4)
    assert alone.device == shared.device == 0
    assert 0.2 < shared.host / alone.host < 0.3
