"""The engine protocol: what is asked of Dask is asked of Ray and of the engine of these tests."""

from inspect import signature

import pytest

from stages.cluster.dask_engine import DaskEngine
from stages.cluster.engine import Engine, Finished
from stages.cluster.ray_engine import RayEngine
from tests.cluster.thread_engine import ThreadEngine

METHODS = ["slots", "submit", "finished", "cancel", "close"]


@pytest.mark.parametrize("engine", [DaskEngine, RayEngine, ThreadEngine])
@pytest.mark.parametrize("name", METHODS)
def test_an_engine_has_the_methods_of_the_protocol(engine: type, name: str) -> None:
    """Each method takes what the protocol says."""
    expected = signature(getattr(Engine, name)).parameters
    assert list(signature(getattr(engine, name)).parameters) == list(expected)


def test_what_has_no_answer_says_why() -> None:
    """A submission that the engine could not finish has the engine's word for it."""
    assert Finished("1", (b"a", b"")).failure == ""
    assert Finished("1", None, "KilledWorker").failure == "KilledWorker"
