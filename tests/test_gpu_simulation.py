"""The simulation of a GPU: its limit, what falls short of it, and what the aims are."""

from dataclasses import replace

import pytest

from benchmarks.gpu_simulation import NETWORKS, Machine, Network, step_seconds


@pytest.mark.parametrize("network", [Network(host=1e-3, gpu=9e-3), Network(host=9e-3, gpu=1e-3)])
def test_the_limit_is_the_slower_of_gpu_and_host(network: Network) -> None:
    """On one batch that stays, a step takes the GPU's time or the host's, whichever is longer."""
    host = network.host + 0.35e-3 + 15e-6
    assert step_seconds(network, "limit") == pytest.approx(max(network.gpu, host), rel=0.01)


@pytest.mark.parametrize(("name", "share"), [("resnet50", 0.98), ("resnet34", 0.97)])
def test_the_aims_are_reached(name: str, share: float) -> None:
    """Photos on the GPU reach the aim, streamed ones .95, and the way before neither."""
    network = NETWORKS[name]
    limit = step_seconds(network, "limit")
    assert limit / step_seconds(network, "photos on the GPU") >= share
    assert limit / step_seconds(network, "photos streamed") >= 0.95
    assert limit / step_seconds(network, "before") < 0.95


def test_decoding_bounds_a_stream() -> None:
    """With one thread that decodes, a step takes as long as decoding its 64 photos."""
    slow = replace(Machine(), decoding_threads=1)
    step = step_seconds(NETWORKS["resnet50"], "photos streamed", slow)
    assert step == pytest.approx(64 * slow.decode, rel=0.01)


def test_the_lock_that_decoding_holds_is_taken_from_training() -> None:
    """Where the host is the slower side, each photo of a stream adds its time with the lock."""
    network = Network(host=9e-3, gpu=1e-3)
    free = replace(Machine(), lock_of_photo=0.0)
    held = replace(Machine(), lock_of_photo=50e-6)
    more = step_seconds(network, "photos streamed", held) - step_seconds(
        network, "photos streamed", free
    )
    assert more == pytest.approx(64 * 50e-6, rel=0.05)
