"""A child process answers, raises or dies, and none takes another along."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from stages.base import child_process
from stages.base.child_process import ChildProcess, Death, run_in_processes
from tests.base import child_functions

ROOT = Path(__file__).parents[2]
SQUARE = (
    "from stages.base.child_process import run_in_processes\n"
    "from tests.base import child_functions\n"
    "print(list(run_in_processes(child_functions.square, [3], 1)))\n"
)


def test_every_argument_has_its_answer_or_its_death() -> None:
    """A crash of one leaves the answers of the others, and has the name of its signal."""
    arguments = [2, 13, 3, 5]
    results = dict(run_in_processes(child_functions.square, arguments, 2))
    assert results == {2: 4, 3: 9, 5: 25, 13: Death(-11)}
    assert str(results[13]) == "SIGSEGV"


@pytest.mark.parametrize(
    ("way", "name", "crashed"),
    [
        ("SIGABRT", "SIGABRT", True),
        ("SIGBUS", "SIGBUS", True),
        ("exit", "exit code 3", True),
        ("SIGKILL", "SIGKILL", False),
        ("SIGTERM", "SIGTERM", False),
        ("memory", "SIGKILL", False),
    ],
)
def test_a_crash_is_told_from_what_the_system_does(way: str, name: str, crashed: bool) -> None:
    """Signals of the process's own fault are crashes; want of memory and kill are none."""
    ((_, death),) = run_in_processes(child_functions.end_by, [way], 1)
    assert isinstance(death, Death)
    assert (str(death), death.crashed) == (name, crashed)


def test_a_lost_exit_code_is_no_crash() -> None:
    """Where nobody knows how the process ended, it is not said to have crashed."""
    assert not Death(255).crashed
    assert str(Death(-99)) == "signal 99"


def test_a_crash_on_windows_is_told_from_want_of_memory() -> None:
    """There a crash is a large exit code: of a bad address it is one, of no memory it is none."""
    assert Death(0xC0000005).crashed
    assert str(Death(0xC0000005)) == "exit code 0xC0000005"
    assert not Death(0xC0000017).crashed
    assert not Death(0xC000012D).crashed


def test_there_are_never_more_processes_than_can_be_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Windows waits for some sixty at once; who asks for more gets all answers from those."""
    monkeypatch.setattr(child_process, "_MOST_PROCESSES", 1)
    ids = [answer for _, answer in run_in_processes(child_functions.process_id, range(4), 100)]
    assert len(ids) == 4
    assert len(set(ids)) == 1


def test_an_exception_is_raised_here_and_stops_the_others() -> None:
    """What a child raises arrives with its type and text, and no process is left at work."""
    before = time.monotonic()
    with pytest.raises(ValueError, match="no time"):
        list(run_in_processes(child_functions.wait_long, [60.0, 0.0], 2))
    assert time.monotonic() - before < 30
    children = psutil.Process().children(recursive=True)
    assert not [child for child in children if "wait_long" in " ".join(child.cmdline())]


def test_as_many_processes_as_asked_for_and_no_more() -> None:
    """Ten arguments are worked on by the processes that there are, none of which is this one."""
    ids = [answer for _, answer in run_in_processes(child_functions.process_id, range(10), 2)]
    assert len(set(ids)) <= 2
    assert os.getpid() not in ids
    assert not [child for child in psutil.Process().children() if child.pid in ids]


def test_a_process_that_died_is_replaced() -> None:
    """After the death of the only process another goes on."""
    results = list(run_in_processes(child_functions.square, [2, 13, 3, 13, 5], 1))
    assert results == [(2, 4), (13, Death(-11)), (3, 9), (13, Death(-11)), (5, 25)]


def test_a_child_works_in_the_folder_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The working folder is that of now; an interrupt is left to the parent."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        results = list(run_in_processes(child_functions.folder_and_interrupt, [0], 1))
        assert results == [(0, (str(tmp_path / name), True))]


def test_nothing_to_do_starts_nothing() -> None:
    """Without arguments there is no answer."""
    assert list(run_in_processes(child_functions.square, [], 2)) == []


def test_the_folder_for_temporary_files_may_have_a_name_of_long_letters(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A folder of 73 letters, of which some take two bytes, is too long for the server's socket."""
    parent = tmp_path_factory.mktemp("t")
    folder = parent / ("é" * (72 - len(str(parent))))
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SQUARE],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[(3, 9)]\n", done.stderr


def test_a_child_answers_one_question_after_another() -> None:
    """One process answers until it dies; the next question starts another, and end ends it."""
    child = ChildProcess(child_functions.square)
    assert [child.ask(2), child.ask(13), child.ask(3)] == [4, Death(-11), 9]
    with pytest.raises(ValueError, match="a negative number"):
        child.ask(-1)
    assert child.ask(5) == 25
    child.end()
    other = ChildProcess(child_functions.process_id)
    first = other.ask(0)
    assert isinstance(first, int)
    assert other.ask(0) == first != os.getpid()
    other.end()
    assert not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE


HEAVY_MAIN = """
from stages.base.child_process import ChildProcess
from tests.base import child_functions
print("imported", flush=True)
if __name__ == "__main__":
    child = ChildProcess(child_functions.square)
    print(child.ask(3))
    child.end()
"""


def test_a_child_does_not_import_the_script_that_starts_it(tmp_path: Path) -> None:
    """What the main script imports, such as torch, is not imported once more in each child."""
    (tmp_path / "heavy.py").write_text(HEAVY_MAIN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "heavy.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "imported\n9\n", done.stderr
