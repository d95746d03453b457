"""The side stream: at once on a processor, and on a GPU in the order that makes it safe."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import torch

from stages.batch.side_stream import SideStream, pinned_empty, side_stream_of
from tests.batch.examples import CPU


def test_a_processor_runs_at_once() -> None:
    """Work is done when it has been given, and there is nothing to wait for."""
    side = SideStream(CPU)
    target = side.empty(3, dtype=torch.uint8)
    side.copy(target, torch.tensor([1, 2, 3], dtype=torch.uint8))
    assert target.tolist() == [1, 2, 3]
    mark = side.mark()
    assert mark is None
    side.wait(mark)
    side.hand_over(mark, [target])


def test_memory_has_the_layout_asked_for() -> None:
    """Images are channels last, and memory for a processor is not pinned."""
    side = SideStream(CPU)
    images = side.empty(2, 3, 4, 5, dtype=torch.float16, layout=torch.channels_last)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert images.dtype == torch.float16
    assert pinned_empty(7, CPU).shape == (7,)


def test_a_device_has_one_side_stream() -> None:
    """Epochs follow each other on one stream, so that they use the same memory again."""
    assert side_stream_of(torch.device("cpu")) is side_stream_of(torch.device("cpu"))


class Double:
    """A stream, an event or a tensor that notes in a list what is asked of it."""

    def __init__(self, name: str, log: list[str]) -> None:
        """Note under this name."""
        self.name = name
        self.log = log

    def record(self, stream: "Double") -> None:
        """Note on which stream an event is recorded."""
        self.log.append(f"record on {stream.name}")

    def synchronize(self) -> None:
        """Note that the processor waits for an event."""
        self.log.append(f"wait here for {self.name}")

    def wait_event(self, event: "Double") -> None:
        """Note that a stream waits for an event."""
        self.log.append(f"{self.name} waits for {event.name}")

    def record_stream(self, stream: "Double") -> None:
        """Note that a stream uses a tensor."""
        self.log.append(f"{self.name} is used by {stream.name}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list in which doubles of CUDA's streams and events note."""
    log: list[str] = []

    @contextmanager
    def stream(current: Double) -> Iterator[None]:
        log.append(f"begin {current.name}")
        yield
        log.append(f"end {current.name}")

    @contextmanager
    def current_device(device: torch.device) -> Iterator[None]:
        log.append(f"on {device}")
        yield
        log.append(f"off {device}")

    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "device", current_device)
    monkeypatch.setattr(torch.cuda, "Event", lambda **_: Double("event", log))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: Double("training", log))
    return log


def side_of(log: list[str]) -> SideStream:
    """Return a side stream over a double."""
    side = SideStream(CPU)
    side._stream = Double("side", log)  # type: ignore[assignment] # the double
    return side


def test_work_runs_on_the_side(log: list[str]) -> None:
    """Memory is taken and work is given while the side stream is the current one."""
    side = side_of(log)
    side.empty(1, dtype=torch.uint8)
    side.run(lambda: log.append("work"))
    assert log == ["begin side", "end side", "begin side", "work", "end side"]


def test_training_waits_before_it_uses_a_batch(log: list[str]) -> None:
    """The mark is of the side stream, training waits for it, and then holds the memory."""
    side = side_of(log)
    mark = side.mark()
    tensors: Any = [Double("images", log), Double("targets", log)]
    side.hand_over(mark, tensors)
    assert log == [
        "record on side",
        "training waits for event",
        "images is used by training",
        "targets is used by training",
    ]


def test_only_who_waits_is_held_up(log: list[str]) -> None:
    """The processor waits where it is told to, and nowhere else."""
    side = side_of(log)
    side.wait(side.mark())
    side.wait(None)
    assert log == ["record on side", "wait here for event"]


def test_a_thread_works_on_the_gpu_of_its_process(log: list[str]) -> None:
    """Work, marks and pinned memory of the second GPU touch no other, whichever is the thread's."""
    side = side_of(log)
    side.device = torch.device("cuda:1")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(side.run, lambda: log.append("work")).result()
        pool.submit(side.mark).result()
    around = ["on cuda:1", "begin side", "work", "end side", "off cuda:1"]
    assert log == [*around, "on cuda:1", "record on side", "off cuda:1"]
    log.clear()
    with suppress(RuntimeError):  # memory is pinned by a GPU alone
        pinned_empty(1, side.device)
    assert log[0] == "on cuda:1"
