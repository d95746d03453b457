"""On a worker: a child process has this source, answers, and goes with the run."""

import os
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree
from threading import Thread
from typing import Any

import cloudpickle
import psutil
import pytest

from stages.cluster import on_worker
from stages.cluster.facts import SOURCE, facts
from stages.cluster.on_worker import ANSWERED, ENDED, RAISED, REFUSED, STOPPED, ask
from stages.cluster.task_server import payload_of
from tests.cluster import tasks
from tests.cluster.running_dask import wait_until


@pytest.fixture
def run(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Return a run in an empty folder, which ends with the test."""
    (tmp_path / "mark").mkdir()
    yield {
        "mark": str(tmp_path / "mark"),
        "scratch": "",
        "source": str(SOURCE),
        "folder": str(tmp_path),
        "photo": "",
        "packages": ["numpy"],
        "expected": facts("", ["numpy"]),
    }
    rmtree(tmp_path / "mark", ignore_errors=True)


def test_a_child_answers_and_is_asked_again(run: dict[str, Any]) -> None:
    """One child process answers one question after another."""
    answers = [ask(run, payload_of(tasks.process_id, number)) for number in range(3)]
    assert {kind for kind, _ in answers} == {ANSWERED}
    (process,) = {pickle.loads(content) for _, content in answers}
    assert process != os.getpid()


def test_a_child_that_dies_is_replaced(run: dict[str, Any]) -> None:
    """The death of a child is an answer, and the next question has another child."""
    assert ask(run, payload_of(tasks.crash, 1)) == (ENDED, str(-signal.SIGSEGV).encode())
    kind, content = ask(run, payload_of(tasks.crash, 2))
    assert (kind, pickle.loads(content)) == (ANSWERED, 2)


def test_threads_of_a_worker_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Each looks for children of ended runs while others begin new ones."""
    ended = [
        [str(tmp_path / f"{thread}-{number}") for number in range(2000)] for thread in range(8)
    ]
    with ThreadPoolExecutor(len(ended)) as threads:
        found = list(
            threads.map(lambda marks: [on_worker._idle_children(one) for one in marks], ended)
        )
    assert found == [[[]] * 2000] * 8


def test_an_error_is_an_answer_that_anybody_can_read(run: dict[str, Any]) -> None:
    """What a task raises arrives as one line, and the child goes on."""
    kind, content = ask(run, payload_of(tasks.fail, 1))
    assert kind == RAISED
    assert str(pickle.loads(content)).startswith("ZeroDivisionError: ")


def test_a_child_works_in_the_folder_of_the_run(run: dict[str, Any], tmp_path: Path) -> None:
    """Relative paths mean what they mean for the coordinator."""
    (tmp_path / "here.txt").write_text("pixels")
    _, content = ask(run, payload_of(tasks.read_text, "here.txt"))
    assert pickle.loads(content) == ("here.txt", "pixels")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"folder": "/nowhere"}, "No such file or directory: '/nowhere'"),
        ({"source": "/nowhere"}, "No module named 'stages'"),
        ({"expected": {"numpy": "1.0"}}, "there, 1.0 here"),
        ({"expected": {"the content of x": "0", "Python": "2.7"}}, "Python is 3."),
    ],
)
def test_a_worker_that_differs_refuses_and_says_how(
    run: dict[str, Any], change: dict[str, Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folder, source, versions: whatever differs is the reason, in one line."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    kind, content = ask(run | change, payload_of(tasks.square, 1))
    assert kind == REFUSED
    assert reason in content.decode()
    assert "\n" not in content.decode()


def test_a_photo_that_a_worker_does_not_see_is_a_reason(run: dict[str, Any]) -> None:
    """The known photo must have the content that the coordinator has read."""
    here = {"the content of /none/a.jpg": "0" * 64}
    kind, content = ask(run | {"photo": "/none/a.jpg", "expected": here}, b"")
    assert kind == REFUSED
    assert "a.jpg is not to be read (No such file or directory) there" in content.decode()


def test_the_end_of_the_run_ends_what_is_at_work(run: dict[str, Any], tmp_path: Path) -> None:
    """When the mark has gone, a child is killed in the middle of its task."""
    answers: list[tuple[bytes, bytes]] = []
    payload = payload_of(tasks.wait_long, 1)
    thread = Thread(target=lambda: answers.append(ask(run, payload)))
    thread.start()
    wait_until(
        lambda: (tmp_path / "waiting").exists() and (tmp_path / "waiting").stat().st_size > 0
    )
    child = int((tmp_path / "waiting").read_text())
    rmtree(run["mark"])
    thread.join(30)
    assert answers == [(STOPPED, b"")]
    assert not psutil.pid_exists(child)


def test_an_idle_child_goes_with_the_run(run: dict[str, Any]) -> None:
    """A child that waits for work ends some seconds after the run."""
    _, content = ask(run, payload_of(tasks.process_id, 1))
    child = psutil.Process(pickle.loads(content))
    rmtree(run["mark"])
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_it_travels_without_the_source() -> None:
    """Pickled by value it names nothing of stages/, so that a worker without can call it."""
    cloudpickle.register_pickle_by_value(on_worker)
    try:
        content = cloudpickle.dumps(ask)
    finally:
        cloudpickle.unregister_pickle_by_value(on_worker)
    for name in (b"stages.base", b"numpy", b"pandas", b"stages.cluster.facts"):
        assert name not in content
