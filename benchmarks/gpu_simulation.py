"""How near to its limit a GPU trains, simulated, since none was at hand.

Two threads of Python, one interpreter lock, a GPU with two streams and an engine for copies. The
limit is the step as it is now on one batch that stays on the GPU. What is assumed stands in
Network, Machine and the constants below, with where it comes from; no figure of a GPU was measured.
Run: python -m benchmarks.gpu_simulation. Results: benchmarks/results/gpu_simulation.json.
"""

from stages.base.environment import prepare_process

prepare_process()

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from benchmarks.measure import machine, record

STEPS = 300
_WARM_UP = 20
_BATCH = 64
_LAUNCHES = 300  # of a step, or more: the host's time is spread over them
_KERNEL_LAUNCH = 10e-6  # host time of one operator in Python
_ROUND_TRIP = 15e-6  # from the end of the work until the waiting thread goes on
_PYTHON_OF_STEP = 0.35e-3  # rates, seeds, margins and the bar, between two steps
_AHEAD = 2

Design: TypeAlias = Literal["limit", "before", "photos on the GPU", "photos streamed"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A step of 64 images of 224 px in fp16: seconds of the host to launch it, and of the GPU."""

    host: float
    gpu: float


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What feeds a GPU."""

    decoding_threads: int = 16  # assumed, each with a core of its own
    lock_of_photo: float = 17e-6  # with the interpreter's lock, to decode one; measured
    decode: float = 1.3e-3  # seconds of a thread for a JPEG of 613 x 460, measured on a processor
    copy: float = 54e6 / 20e9  # 64 such photos over PCIe 4
    render: float = 0.15e-3  # .1 GB at 2 TB/s, and as long again for arithmetic
    views: float = 0.4e-3  # with the interpreter's lock: views, packing, hand-over; measured
    tables: float = 0.8e-3  # without it: the tables of lighting; measured


# Launch times as counted (480 and 330 kernels) and GPU times as published for an A100.
NETWORKS = {"resnet50": Network(host=9e-3, gpu=20e-3), "resnet34": Network(host=6e-3, gpu=9e-3)}


@dataclass
class _State:
    """When each thread, the lock, each stream and the engine for copies is free, in seconds."""

    lock: float = 0.0
    train: float = 0.0
    side: float = 0.0
    ready: list[float] = field(default_factory=list)  # when each batch is there, on the GPU
    made: list[float] = field(default_factory=list)  # when its thread had given it
    ends: list[float] = field(default_factory=list)  # when each step ends on the GPU
    passed: list[float] = field(default_factory=list)  # when the host has done with it

    def python(self, now: float, seconds: float) -> float:
        """Return when a thread has done what needs the lock."""
        self.lock = max(now, self.lock) + seconds
        return self.lock


def _make_batches(state: _State, design: Design, about: Machine) -> Generator[float, float, None]:
    """Yield the time of the loader's thread, batch by batch; send when the next may begin."""
    now = 0.0
    decoded = 0.0
    while True:
        if design == "before":
            now = state.python(now, 1.2e-3 + 64 * 9e-6)
            for _ in range(18):  # blocking copies, on the stream of training
                now = state.python(now, 4 * 12e-6)
                state.train = max(state.train, now) + 1.15e-3 / 18
                now = max(now, state.train) + _ROUND_TRIP
            state.ready.append(state.train)
        else:
            now = state.python(now, about.views) + about.tables
            if design == "photos streamed":
                for _ in range(_BATCH):
                    now = state.python(now, about.lock_of_photo)
                decoded += _BATCH * about.decode / about.decoding_threads
                now = max(now, decoded)
                state.side = max(state.side, now) + about.copy
            now = state.python(now, 4 * _KERNEL_LAUNCH)
            state.side = max(state.side, now) + about.render
            state.train = max(state.train, now) + about.render  # what it takes from training
            state.ready.append(state.side)
        state.made.append(now)
        free = yield now
        now = max(now, free)


def _step(state: _State, network: Network, now: float) -> float:
    """Launch a step and return when the host has done so."""
    for _ in range(_LAUNCHES):
        now = state.python(now, network.host / _LAUNCHES)
        state.train = max(state.train, now) + network.gpu / _LAUNCHES
    state.ends.append(state.train)
    return now


def step_seconds(network: Network, design: Design, about: Machine | None = None) -> float:
    """Return the seconds of a step, once all is under way."""
    state = _State()
    loader = _make_batches(state, design, about or Machine())
    late = design != "before"
    now = 0.0
    if design != "limit":
        next(loader)
        for _ in range(_AHEAD):
            loader.send(0.0)
    for number in range(STEPS):
        if design != "limit":
            now = max(now, state.made[number])
            state.train = max(state.train, state.ready[number])
        now = _step(state, network, now)
        if number >= late:
            now = max(now, state.ends[number - late]) + _ROUND_TRIP
        now = state.python(now, _PYTHON_OF_STEP)
        state.passed.append(now)
        if design != "limit":
            loader.send(state.passed[max(0, number - _AHEAD + 1)])
    return (state.ends[-1] - state.ends[_WARM_UP]) / (STEPS - 1 - _WARM_UP)


def main() -> None:
    """Simulate each network fed in each way."""
    figures: dict[str, object] = {}
    for name, network in NETWORKS.items():
        limit = step_seconds(network, "limit")
        designs: tuple[Design, ...] = ("before", "photos on the GPU", "photos streamed")
        for design in designs:
            share = limit / step_seconds(network, design)
            figures[f"{name}, share of the limit, {design}"] = round(share, 3)
        share = limit / step_seconds(network, "photos streamed", Machine(decoding_threads=8))
        figures[f"{name}, share of the limit, photos streamed, 8 threads decode"] = round(share, 3)
    record("gpu_simulation", "simulated", machine([]), figures)


if __name__ == "__main__":
    main()
