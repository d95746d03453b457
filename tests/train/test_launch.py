"""Launching: when other processes are started, and what the end of one of them means."""

import os
from pathlib import Path
from typing import Any

import pytest
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from stages.base.errors import UserError
from stages.train.launch import ProcessDied, failure_error, launch

GO_ON = "FINETRACK_RESTARTS=3, or torchrun's --max-restarts=3, goes on from the last checkpoint"


def write_process(folder: Path, name: str) -> None:
    """Write the number of the process that this runs in."""
    (folder / name).write_text(str(os.getpid()), encoding="utf-8")


def failure(exitcode: int, message: str | dict[str, str] = "") -> ProcessFailure:
    """Return the failure of a process, as torch reports it, that left this message or none."""
    process: Any = ProcessFailure(local_rank=1, pid=1, exitcode=exitcode, error_file="")
    process.message = message  # torch reads it from a file, as text or as a mapping
    result: ProcessFailure = process
    return result


def test_one_process_runs_here(tmp_path: Path) -> None:
    """Without FINETRACK_GPUS the function runs in this process, with its arguments."""
    launch(write_process, 1, "auto", tmp_path, "process")
    assert (tmp_path / "process").read_text(encoding="utf-8") == str(os.getpid())


def test_under_torchrun_nothing_is_launched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that torchrun has started is one of several already, and runs the function."""
    monkeypatch.setenv("LOCAL_RANK", "0")
    launch(write_process, 2, "cpu", tmp_path, "process")
    assert (tmp_path / "process").read_text(encoding="utf-8") == str(os.getpid())


def test_missing_gpus_stop_before_anything_runs(tmp_path: Path) -> None:
    """More processes than the device can have is an error before the function runs."""
    with pytest.raises(UserError, match="contradict each other"):
        launch(write_process, 2, "cuda:1", tmp_path, "process")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_of_one_process_is_an_interruption() -> None:
    """Exit code 130, that of KeyboardInterrupt, means that the run was asked to stop."""
    error = failure_error(0, failure(130), 0)
    assert isinstance(error, KeyboardInterrupt)
    assert "the next run goes on from the last checkpoint" in str(error)


def test_a_signal_is_named() -> None:
    """A process that a signal ended is reported with its rank and the signal's name."""
    error = failure_error(3, failure(-9), 0)
    assert isinstance(error, ProcessDied)
    assert str(error) == (
        "process 3 of those that train together was ended by SIGKILL; where memory ran out, set a "
        f"smaller fine_tune.batch_size; {GO_ON}"
    )
    stopped = failure_error(0, failure(-15), 0)
    assert str(stopped) == f"process 0 of those that train together was ended by SIGTERM; {GO_ON}"


def test_restarts_that_were_tried_are_no_remedy() -> None:
    """Where FINETRACK_RESTARTS was set, a signal no longer has the advice to set it."""
    memory = "where memory ran out, set a smaller fine_tune.batch_size; "
    for number, name, advice in ((9, "SIGKILL", memory), (11, "SIGSEGV", "")):
        assert str(failure_error(0, failure(-number), 3)) == (
            f"process 0 of those that train together was ended by {name}; {advice}the next run goes"
            " on from the last checkpoint"
        )


def test_a_user_error_in_a_process_is_the_same_error() -> None:
    """What a process raised as UserError is raised here with the same message alone."""
    error = failure_error(1, failure(1, "UserError: set fine_tune.batch_size: 8"), 0)
    assert isinstance(error, UserError)
    assert not isinstance(error, ProcessDied)
    assert str(error) == "set fine_tune.batch_size: 8"


def test_a_lost_connection_is_a_fault_that_starts_all_again() -> None:
    """It may be the network's, where no process has ended, so it is no mistake to correct."""
    error = failure_error(1, failure(1, "LostPeer: the connection to another process broke"), 0)
    assert isinstance(error, ProcessDied)
    assert error.what == (
        "process 1 of those that train together: the connection to another process broke"
    )
    assert str(error).endswith(GO_ON)
    tried = failure_error(1, failure(1, "LostPeer: the connection to another process broke"), 3)
    assert str(tried) == f"{error.what}; the next run goes on from the last checkpoint"


@pytest.mark.parametrize(
    "message",
    ["ValueError: no such luck", {"message": "ValueError: no such luck", "extraInfo": "a trace"}],
)
def test_another_failure_has_rank_and_message(message: str | dict[str, str]) -> None:
    """Any other error is one line with the rank, with or without the trace that torch adds."""
    error = failure_error(1, failure(1, message), 0)
    assert str(error) == "process 1 of those that train together failed: ValueError: no such luck"


def test_a_failure_without_a_message_points_to_the_line_of_its_process() -> None:
    """A script that torchrun started leaves no message, and has said itself why it failed."""
    process: Any = ProcessFailure(local_rank=1, pid=1, exitcode=3, error_file="")
    assert str(failure_error(2, process, 0)) == (
        "process 2 of those that train together ended with exit code 3; its own line, above, says "
        "why"
    )
