"""Ingest and presize over Ray: the bytes of one machine, through the death of a process.

Ray takes too much for .ci/run, so that these tests run where requirements-ray.txt is installed.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any, cast

import psutil
import pytest

from stages.base.errors import UserError
from stages.cluster.cluster import Cluster
from stages.cluster.facts import SOURCE
from stages.cluster.ray_engine import RayEngine
from tests.cluster import tasks
from tests.cluster.other_machine import replaced
from tests.cluster.running_dask import (
    free_port,
    results,
    run_stage,
    spread_project,
    wait_until,
    without_results,
)
from tests.cluster.running_ray import Ray, needs_ray, running_ray, stop_node
from tests.cluster.thread_engine import cluster_of, work_of

pytestmark = pytest.mark.slow
PHOTOS = 40  # of each of three classes


@pytest.fixture(scope="module")
def ray() -> Iterator[Ray]:
    """Return a Ray of two nodes, whose processes may be killed."""
    with running_ray() as one:
        yield one


@pytest.fixture(scope="module")
def engine(ray: Ray) -> Iterator[RayEngine]:
    """Return one connection to it: for each Ray starts processes anew, which takes seconds."""
    engine = RayEngine(ray.address)
    yield engine
    engine.close()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder, whose mark goes when the test ends, and with it all children."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    shutil.rmtree(tmp_path / "mark", ignore_errors=True)


def test_without_ray_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without Ray says which file installs it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"not installed: pip install -r requirements-ray\.txt"):
        RayEngine("ray://127.0.0.1:1")


@needs_ray
def test_no_head_is_one_line() -> None:
    """Where nobody answers the error comes at once, with the command that starts a head."""
    with pytest.raises(UserError, match=r"no server of Ray.* answers .*\(ray start --head\)"):
        RayEngine(f"ray://127.0.0.1:{free_port()}")


@needs_ray
def test_a_head_that_says_nothing_is_one_line() -> None:
    """Where Ray itself waits for ever the run ends all the same, and its process with it."""
    with socket.socket() as head:
        head.bind(("127.0.0.1", 0))
        head.listen()
        connect = (
            "import stages.cluster.ray_engine as engine\n"
            "engine._SECONDS_TO_START = 1\n"
            f"engine.RayEngine('ray://127.0.0.1:{head.getsockname()[1]}')\n"
        )
        command = [sys.executable, "-c", connect]
        done = subprocess.run(
            command, check=False, cwd=SOURCE, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 1
    assert "no answer in 1 s: the head needs GRPC_ENABLE_FORK_SUPPORT=0" in done.stderr


@needs_ray
def test_a_client_whose_process_died_on_the_head_is_tried_again(
    ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two connections that the head gives up cost a run nothing."""
    package = import_module("ray")
    init = package.init
    faults = ["first", "second"]

    def given_up_twice(*args: Any, **options: Any) -> object:
        if faults:
            raise ConnectionAbortedError(faults.pop())
        return init(*args, **options)

    monkeypatch.setattr(package, "init", given_up_twice)
    with closing(RayEngine(ray.address)) as engine:  # one that stays open fails the tests to come
        assert len(engine.slots()) == 2


@needs_ray
def test_two_nodes_write_the_bytes_of_one_machine(ray: Ray, tmp_path: Path) -> None:
    """Manifest, store and reports have the same hashes."""
    expected = spread_project(tmp_path / "expected", PHOTOS)
    repo = without_results(expected, tmp_path / "repo")
    output = run_stage(repo, "ingest", ray.address) + run_stage(repo, "presize", ray.address)
    assert results(repo) == results(expected)
    assert not list(repo.path.glob(".finetrack/cluster/*"))
    for fault in ("takes no work", "ended (", "raylet", "WARNING"):
        assert fault not in output


@needs_ray
def test_the_task_of_a_killed_process_is_done_again(engine: RayEngine, root: Path) -> None:
    """A process of Ray that is killed at a task costs neither the task nor the node."""
    log: list[str] = []
    cluster = cluster_of(engine, root, log)
    names = ["a", "b", "c"]
    (root / "b").touch()
    (root / "c").touch()
    assert sorted(cluster.run(work_of(tasks.kill_parent_once, names))) == [(n, n) for n in names]
    (line,) = log
    assert " ended (WorkerCrashedError: " in line
    assert cluster.state == "2 workers, 1 ended"


@needs_ray
def test_an_error_on_every_node_ends_the_run(engine: RayEngine, root: Path) -> None:
    """What fails on one node is tried on the other, and then named with the last of them."""
    with pytest.raises(UserError, match=r"worker \S+ \([0-9a-f]{8}\): ZeroDivisionError: "):
        list(cluster_of(engine, root, []).run(work_of(tasks.fail, [1])))


@needs_ray
def test_results_come_as_tasks_end_and_ctrl_c_ends_the_others(
    engine: RayEngine, root: Path
) -> None:
    """Three answers come while a task of a minute runs, which is killed when the run ends."""
    work = work_of(tasks.wait_at_zero, [0, 1, 2, 3])
    found = cast("Generator[Any]", cluster_of(engine, root, []).run(work))
    assert sorted(next(found) for _ in range(3)) == [(1, 1), (2, 2), (3, 3)]
    waiting = root / "waiting"

    def interrupt() -> None:
        wait_until(lambda: waiting.exists() and bool(waiting.read_text()))
        os.kill(os.getpid(), signal.SIGINT)

    def wait_interrupted() -> None:
        with closing(found):  # as open_workers does, wherever the signal meets this thread
            Thread(target=interrupt).start()
            next(found)

    with pytest.raises(KeyboardInterrupt):
        wait_interrupted()
    wait_until(lambda: not psutil.pid_exists(int(waiting.read_text())), 20)


@needs_ray
def test_a_node_with_other_source_takes_no_work(ray: Ray, engine: RayEngine, root: Path) -> None:
    """It is named with what differs, and the other nodes answer for all."""
    changed = root / "changed"
    shutil.copytree(SOURCE / "stages", changed)
    with (changed / "ingest.py").open("a") as file:
        file.write("# changed\n")
    node = ray.add_node(within=replaced(SOURCE / "stages", changed))
    try:
        lines: list[str] = []

        def log(line: str) -> None:
            lines.append(line)
            (root / "named").touch()

        (root / "mark").mkdir()
        cluster = Cluster(engine, root / "mark", log)
        answers = cluster.run(work_of(tasks.wait_for, ["named"] * 4))  # all wait for the third node
        assert list(answers) == [("named", "named")] * 4
        assert " takes no work: the source in stages/ is " in " ".join(lines)
        assert cluster.state.endswith(", 1 barred")
    finally:
        stop_node(node)
