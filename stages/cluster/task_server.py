"""Task server: the child process of a worker, which says what it is and then runs tasks.

Run by stages/cluster/on_worker.py: python -m stages.cluster.task_server DESCRIPTOR
"""

from stages.base.environment import prepare_process

prepare_process()

import os
import pickle
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

from stages.base.child_process import WANT_OF_MEMORY
from stages.base.errors import UserError
from stages.cluster.facts import facts
from stages.cluster.on_worker import ANSWERED, ENDED, RAISED
from stages.cluster.scratch import watch

_SECONDS_BETWEEN_LOOKS = 2
_SECONDS_IDLE = 600  # of a coordinator that was killed and whose run was not started again


def payload_of(function: Callable[[Any], Any], argument: object) -> bytes:
    """Return what makes a task server call a function with an argument."""
    return pickle.dumps((function, argument))


def do_nothing(function: Callable[[Any], Any]) -> None:
    """Do nothing: to be asked for this, a worker has imported the function."""


def answer_to(payload: bytes) -> bytes:
    """Return what comes of a task, as its kind and then a pickle."""
    try:
        function, argument = pickle.loads(payload)  # noqa: S301 - from the coordinator
        return ANSWERED + pickle.dumps(function(argument))
    except MemoryError:
        return ENDED + str(WANT_OF_MEMORY).encode()
    except UserError as error:
        return RAISED + pickle.dumps(error)
    except Exception as error:  # which another machine may have no class for
        return RAISED + pickle.dumps(UserError(f"{type(error).__name__}: {error}"))


def serve_tasks(connection: Connection) -> None:
    """Answer until the run has ended, or the worker has."""
    question = pickle.loads(connection.recv_bytes())  # noqa: S301 - from the worker
    connection.send_bytes(pickle.dumps(facts(question["photo"], question["packages"])))
    mark = Path(question["mark"])
    if question["scratch"]:
        watch(question["scratch"], mark)
    looks = 0
    while mark.is_dir() and looks < _SECONDS_IDLE / _SECONDS_BETWEEN_LOOKS:
        looks += 1
        if connection.poll(_SECONDS_BETWEEN_LOOKS):
            connection.send_bytes(answer_to(connection.recv_bytes()))
            looks = 0


def _end_with_parent(parent: int) -> None:
    """End this process when its worker was killed, so that it does not work beside another."""
    while os.getppid() == parent:
        sleep(_SECONDS_BETWEEN_LOOKS / 4)
    os._exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator says when a run ends
    Thread(target=_end_with_parent, args=[os.getppid()], daemon=True).start()
    try:
        serve_tasks(Connection(int(sys.argv[1])))
    except (EOFError, ConnectionError):
        sys.exit(0)
