"""Shared images: the processes of a machine decode a share each, and all see the whole."""

import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pytest
import torch.distributed as dist

from stages.base.ranks import SINGLE_PROCESS, Rank
from stages.batch.image_set import open_image_sets
from stages.batch.memory_budget import MemoryBudget
from stages.batch.shared_images import can_share, shared_memory
from stages.store.reader import Store
from tests.batch.examples import CPU, write_example_store

resource = pytest.importorskip("resource", reason="Windows, where nothing is shared, has none")
_ResultT = TypeVar("_ResultT")
TRAIN = pd.DataFrame({"path": ["b.png", "a.png"], "label": ["y", "x"]})
VALID = pd.DataFrame({"path": ["c.png"], "label": ["x"]})
# A photograph takes 16 * 21 * 3 bytes: all of them fit the whole machine, and no half of it.
HALF = 1600

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is shared on Linux alone"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


def in_two(folder: Path, work: Callable[[Rank], _ResultT], here: int = 2) -> list[_ResultT]:
    """Return what two processes give, which have met, by rank; here: how many they say are here."""
    context = get_context("fork")  # which need not import torch anew
    pipes = [context.Pipe() for _ in range(2)]

    def run(number: int) -> None:
        meeting = f"file://{folder}/meeting"
        dist.init_process_group("gloo", init_method=meeting, rank=number, world_size=2)
        pipes[number][1].send(work(Rank(number, 2, number, here)))

    processes = [context.Process(target=run, args=[number]) for number in range(2)]
    for process in processes:
        process.start()
    results = [pipe.recv() for pipe, _ in pipes if pipe.poll(60)]
    for process in processes:
        process.join(10)
        process.kill()
    return results


def opened(store: Store, host: int, rank: Rank) -> tuple[list[str], list[float]]:
    """Return the paths that a process decodes, and the levels of all images that it sees."""
    decoded: list[str] = []
    encoded = store.encoded

    def counted(path: str) -> memoryview:
        decoded.append(path)
        return encoded(path)

    store.encoded = counted  # type: ignore[method-assign]
    budget = MemoryBudget(host=host, device=0, rank=rank)
    sets = open_image_sets(store, [TRAIN, VALID], ["x", "y"], 1, CPU, budget)
    once = list(decoded)
    levels = [
        float(part.load_image(row).float().mean()) for part in sets for row in range(len(part))
    ]
    return once, levels


def test_each_process_decodes_its_share_and_sees_all(tmp_path: Path) -> None:
    """Two processes decode every image once between them, where only one copy fits the machine."""
    store = write_example_store(tmp_path)
    first, second = in_two(tmp_path, lambda rank: opened(store, HALF, rank))
    assert first == (["b.png", "c.png"], [200, 50, 120])
    assert second == (["a.png"], [200, 50, 120])


def test_what_does_not_fit_the_machine_is_decoded_on_demand(tmp_path: Path) -> None:
    """Where the first process finds no room nothing is decoded before it is needed."""
    store = write_example_store(tmp_path)
    for once, levels in in_two(tmp_path, lambda rank: opened(store, 10, rank)):
        assert once == []
        assert levels == [200, 50, 120]


def open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_shared_memory_is_one(tmp_path: Path) -> None:
    """What a process writes the other one reads, and nothing is left of the memory's file."""

    def written(rank: Rank) -> list[int]:
        before = open_files()
        memory = shared_memory(4, rank)
        assert memory is not None
        memory[rank.number] = rank.number + 5
        dist.barrier()
        # The map keeps a file descriptor of its own.
        assert open_files() <= before + 1
        return [int(number) for number in memory]

    assert in_two(tmp_path, written) == [[5, 6, 0, 0]] * 2


@pytest.mark.parametrize("limit", ["RLIMIT_FSIZE", "RLIMIT_NOFILE"])
def test_without_a_file_in_memory_there_is_none(tmp_path: Path, limit: str) -> None:
    """Where the system gives the first process no such file all go on, and none is left open."""

    def refused(rank: Rank) -> bool:
        before = open_files()
        _, hard = resource.getrlimit(getattr(resource, limit))
        resource.setrlimit(getattr(resource, limit), (1, hard))
        memory = shared_memory(4, rank)
        resource.setrlimit(getattr(resource, limit), (hard, hard))
        return memory is None and open_files() == before

    assert in_two(tmp_path, refused) == [True, True]


def test_one_process_shares_nothing() -> None:
    """Alone, or before processes have met, there is nobody to share with."""
    assert not can_share(SINGLE_PROCESS)
    assert not can_share(Rank(0, 2, 0, 2))


def test_processes_that_nobody_placed_share_nothing(tmp_path: Path) -> None:
    """Where it is unknown who is on which machine, each process decodes all images for itself."""
    store = write_example_store(tmp_path)
    for once, levels in in_two(tmp_path, lambda rank: opened(store, 10 * HALF, rank), here=0):
        assert once == ["b.png", "a.png", "c.png"]
        assert levels == [200, 50, 120]
