"""Training tells trackers of its epochs, and is never stopped by them."""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.train import tracking
from stages.train.loop import fine_tune
from stages.train.progress import HistoryRow
from stages.train.tracking import start_tracking
from tests.train.tiny_training import tiny_task

ROWS = [HistoryRow(number, "unfrozen", 0.1, 0.5, 0.4, 0.25) for number in range(1, 5)]
READY = "import sys; print('ready', flush=True); "


def command(code: str) -> list[str]:
    """Return a command that takes the place of the one that talks to trackers."""
    return [sys.executable, "-c", code]


def told(file: Path) -> list[dict[str, dict[str, object]]]:
    """Return the messages that arrived in a file."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_epoch_is_told_once_and_then_the_end(tmp_path: Path) -> None:
    """The listener has all epochs each time; a run that goes on tells those before at once."""
    file = tmp_path / "told"
    logged: list[str] = []
    keep = f"{READY} open({str(file)!r}, 'w').write(sys.stdin.read())"
    run = start_tracking(["mlflow"], logged.append, command(keep))
    for count in (2, 3, 3, 4):
        run.tell_epochs(ROWS[:count])
    run.finish({"error_rate": 0.25, "recipe": {"name": "deep"}})
    assert [message["epoch"]["epoch"] for message in told(file)[:-1]] == [1, 2, 3, 4]
    assert told(file)[-1] == {"metrics": {"error_rate": 0.25, "recipe": {"name": "deep"}}}
    assert logged == []


def test_without_trackers_nothing_is_started() -> None:
    """No process is started, and nothing is told."""
    logged: list[str] = []
    run = start_tracking([], logged.append, ["no such command"])
    run.tell_epochs(ROWS)
    run.finish({})
    assert logged == []


def test_a_missing_package_is_an_error_before_training() -> None:
    """What the process answers instead of being ready is the error, line by line."""
    answer = command("print('FINETRACK_LOG=mlflow: pip install mlflow'); print('second')")
    with pytest.raises(UserError) as error:
        start_tracking(["mlflow"], pytest.fail, answer)
    assert error.value.lines == ["FINETRACK_LOG=mlflow: pip install mlflow", "second"]


@pytest.mark.parametrize("code", ["", f"{READY} sys.stdin.readline()"])
def test_a_process_that_dies_costs_one_line(code: str) -> None:
    """At its start or later, it is logged once, and training goes on without it."""
    logged: list[str] = []
    run = start_tracking(["mlflow"], logged.append, command(code))
    run.tell_epochs(ROWS[:1])
    deadline = time.monotonic() + 60
    count = 1
    while not logged and time.monotonic() < deadline:
        count += 1
        run.tell_epochs(ROWS[:1] * count)
        time.sleep(0.05)
    run.finish({})
    assert len(logged) == 1
    assert logged[0].endswith("trackers hear no more of this run, which goes on")


def test_training_with_trackers_that_fail_is_training_without_them(tmp_path: Path) -> None:
    """The history, each weight and each prediction are the same to the last bit."""
    gone = command("import os; os.close(0); print('ready', flush=True)")
    logged: list[str] = []
    outcomes: list[object] = []
    for folder, names in (("without", list[str]()), ("with", ["wandb"])):
        tracking = start_tracking(names, logged.append, gone)
        task = tiny_task(tmp_path / folder, epochs=1)
        task = replace(task, epoch_ended=tracking.tell_epochs)
        result = fine_tune(task, 0.02, lambda line: None)
        tracking.finish({})
        weights = [value.numpy().tobytes() for value in task.model.state_dict().values()]
        arrays = [result.margins.tobytes(), result.validation.pred_probs.tobytes()]
        outcomes.append((result.epochs, arrays, weights))
    assert len(logged) == 1
    assert outcomes[0] == outcomes[1]


def test_a_process_that_hangs_does_not_hold_up_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """When its pipe is full, and when it does not end, it is left; each in bounded time."""
    monkeypatch.setattr(tracking, "_SECONDS_TO_TAKE", 0.2)
    monkeypatch.setattr(tracking, "_SECONDS_TO_END", 0.2)
    logged: list[str] = []
    hang = command(f"{READY} import time; time.sleep(600)")
    run = start_tracking(["mlflow"], logged.append, hang)
    run.tell_epochs(ROWS * 1000)
    assert logged == [
        "FINETRACK_LOG: the trackers take no more: trackers hear no more of this run, which goes on"
    ]
    logged.clear()
    run = start_tracking(["mlflow"], logged.append, hang)
    run.finish({})
    assert logged == ["FINETRACK_LOG: trackers took longer than 0.2 s and were left"]
