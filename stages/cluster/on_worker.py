"""On a worker: a child process that imports the coordinator's source, asked through a socket.

This module travels by value: an engine's worker needs no source to call it, so that one without
says so. It imports the standard library alone. The work is done in a child process, which has the
source as it is now, however long the worker runs, and takes no more than itself along when it dies.
"""

import os
import pickle
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

# How an answer begins.
ANSWERED = b"a"  # then the pickled answer
RAISED = b"r"  # then the pickled exception
ENDED = b"e"  # the child died; then its exit code
REFUSED = b"n"  # the worker is not as the coordinator; then how it differs
STOPPED = b"s"  # the run has ended

_Child = tuple[Connection, subprocess.Popen[bytes]]


def ask(run: Mapping[str, Any], payload: bytes) -> tuple[bytes, bytes]:
    """Return how a child process of this worker answers: one of the kinds above, and the rest.

    run: `mark`, a folder that is there as long as the run is; where `scratch` is a URL, which says
    that instead, the name of one that is made among this machine's temporary files; `source`, the
    folder of stages/; `folder`, the working directory; `photo`, the path of a known photo;
    `packages`, their names; `expected`, the facts.
    """
    run = {**run, "mark": os.path.join(tempfile.gettempdir(), run["mark"])}  # noqa: PTH118
    if run["scratch"]:
        os.makedirs(run["mark"], exist_ok=True)  # noqa: PTH103 - no more modules than needed
    idle = _idle_children(run["mark"])
    child = _take(idle) or _start(run)
    if isinstance(child, str):
        return REFUSED, child.encode()
    connection, process = child
    with suppress(OSError):  # it has died; what is received will say so
        connection.send_bytes(payload)
    while not connection.poll(1):
        if not os.path.isdir(run["mark"]):  # noqa: PTH112 - no more modules than needed
            process.kill()
            process.wait()
            return STOPPED, b""
    try:
        answer = connection.recv_bytes()
    except (EOFError, OSError):
        return ENDED, str(process.wait()).encode()
    idle.append(child)
    return answer[:1], answer[1:]


def _idle_children(mark: str) -> list[_Child]:
    """Return the children of a run that wait for work; those of ended runs are ended.

    They belong to the process of the worker, not to this module, which arrives anew each time, and
    other threads add theirs meanwhile.
    """
    name = "finetrack_children"
    children = vars(sys.modules.setdefault(name, ModuleType(name))).setdefault("by_mark", {})
    for other in [other for other in list(children) if not os.path.isdir(other)]:  # noqa: PTH112
        for connection, process in children.pop(other, []):
            connection.close()
            process.wait()
    idle: list[_Child] = children.setdefault(mark, [])
    return idle


def _take(idle: list[_Child]) -> _Child | None:
    """Return a child that waits for work and lives, if there is one; other threads take too."""
    while idle:
        with suppress(IndexError):
            child = idle.pop()
            if child[1].poll() is None:
                return child
    return None


def _start(run: Mapping[str, Any]) -> _Child | str:
    """Start a child process; return how this worker differs where it is not as expected."""
    here, there = socket.socketpair()
    paths = [run["source"], os.environ.get("PYTHONPATH", "")]
    try:
        with there, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "stages.cluster.task_server", str(there.fileno())],
                cwd=run["folder"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )
            there.close()
            connection = Connection(here.detach())
            difference = _difference(run, connection)
            if difference is None:
                errors.seek(0)
                last_line = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
                difference = last_line or "its child process was killed"
    except OSError as error:  # its folder is not there, or a disk is full
        here.close()
        return f"{type(error).__name__}: {error}"
    if difference:
        connection.close()
        process.kill()
        process.wait()
        return difference
    return connection, process


def _difference(run: Mapping[str, Any], connection: Connection) -> str | None:
    """Return what differs between a child's facts and those expected; None where it has none."""
    question = {name: run[name] for name in ("mark", "scratch", "photo", "packages")}
    try:
        connection.send_bytes(pickle.dumps(question))
        facts = pickle.loads(connection.recv_bytes())  # noqa: S301 - from the child
    except (EOFError, OSError):
        return None
    expected = run["expected"]
    return "; ".join(
        f"{name} is {facts[name]} there, {expected[name]} here"
        for name in expected
        if facts.get(name, expected[name]) != expected[name]
    )
