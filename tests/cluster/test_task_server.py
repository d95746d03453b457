"""The task server: what it answers, and that it ends with its worker."""

import pickle
import signal
import socket
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from stages.cluster.facts import SOURCE
from stages.cluster.on_worker import ANSWERED, ENDED, RAISED
from stages.cluster.task_server import answer_to, do_nothing, payload_of
from tests.cluster import tasks

# A worker that starts a task server and is killed.
WORKER = """
import os, signal, socket, subprocess, sys
here, there = socket.socketpair()
command = [sys.executable, "-m", "stages.cluster.task_server", str(there.fileno())]
child = subprocess.Popen(command, pass_fds=[there.fileno()])
print(child.pid, flush=True)
sys.stdin.read()
"""


def want_memory(_: int) -> None:
    """Raise what Python raises for want of memory."""
    raise MemoryError


def test_a_task_is_a_function_with_its_argument() -> None:
    """The answer is what the function returns."""
    answer = answer_to(payload_of(tasks.square, 7))
    assert (answer[:1], pickle.loads(answer[1:])) == (ANSWERED, 49)


def test_want_of_memory_counts_as_the_end_that_the_system_gives() -> None:
    """A MemoryError is no property of a photo: another machine may have more."""
    assert answer_to(payload_of(want_memory, 1)) == ENDED + b"-9"


def test_what_cannot_be_imported_is_an_error_by_name() -> None:
    """A function whose module is missing here raises, with the module's name."""
    payload = payload_of(do_nothing, tasks.square).replace(
        b"tests.cluster.tasks", b"tests.cluster.tusks"
    )
    answer = answer_to(payload)
    assert answer[:1] == RAISED
    assert "No module named 'tests.cluster.tusks'" in str(pickle.loads(answer[1:]))


def test_it_serves_until_its_run_has_ended(tmp_path: Path) -> None:
    """Facts first, then an answer for each task, and the end when the mark has gone."""
    mark = tmp_path / "mark"
    mark.mkdir()
    here, there = socket.socketpair()
    command = [sys.executable, "-m", "stages.cluster.task_server", str(there.fileno())]
    with subprocess.Popen(command, cwd=SOURCE, pass_fds=[there.fileno()]) as process:
        there.close()
        connection = Connection(here.detach())
        question = {"mark": str(mark), "scratch": "", "photo": "", "packages": ["numpy"]}
        connection.send_bytes(pickle.dumps(question))
        assert set(pickle.loads(connection.recv_bytes())) >= {"Python", "numpy"}
        connection.send_bytes(payload_of(tasks.square, 3))
        assert connection.recv_bytes() == ANSWERED + pickle.dumps(9)
        mark.rmdir()
        assert process.wait(30) == 0


def test_it_ends_with_its_worker() -> None:
    """A worker that is killed takes its task server along within seconds."""
    with subprocess.Popen(
        [sys.executable, "-c", WORKER],
        cwd=SOURCE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        child = psutil.Process(int(worker.stdout.readline()))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    deadline = time.monotonic() + 30
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
