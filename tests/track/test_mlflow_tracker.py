"""MLflow has the run, in a file here or on a server."""

import os
import sqlite3
import sys
import time
from contextlib import suppress
from pathlib import Path
from signal import SIGTERM
from socket import socket
from subprocess import DEVNULL, Popen
from urllib.request import urlopen

import pytest

from tests.track.tracked_run import is_there, tell_run

NO_SERVER = "http://127.0.0.1:9"


@pytest.mark.slow
def test_params_epochs_and_the_end_are_in_its_store(tmp_path: Path) -> None:
    """A run has every param, a metric for each epoch, and those of the end; ended early, KILLED."""
    if not is_there("mlflow", tmp_path):
        return
    tell_run(tmp_path, "mlflow")
    tell_run(tmp_path, "mlflow", finished=False)
    with sqlite3.connect(tmp_path / "logs/mlflow/mlflow.db") as store:
        runs = store.execute("select status from runs order by start_time").fetchall()
        errors = store.execute(
            "select step, value from metrics where key = 'error_rate' order by step"
        ).fetchall()
        final = store.execute("select value from metrics where key = 'final.error_rate'").fetchall()
        params = dict(store.execute("select key, value from params").fetchall())
    assert runs == [("FINISHED",), ("KILLED",)]
    assert errors == [(step, 0.25 / step) for step in (1, 1, 2, 2, 3, 3)]
    assert final == [(0.08,)]
    assert (params["recipe.name"], params["base_lr"]) == ("deep", "0.01")
    assert params["model.arch"]


@pytest.mark.thorough  # a server takes ten seconds to start; its store is the one above
@pytest.mark.slow
def test_a_server_has_the_run(tmp_path: Path) -> None:
    """`mlflow server` on this machine takes the run over HTTP, from its start to FINISHED."""
    if not is_there("mlflow", tmp_path):
        return
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = f"--backend-store-uri sqlite:///{tmp_path}/served.db --port {port} --workers 1"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", *options.split()]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with Popen(command, env=environment, stdout=DEVNULL, stderr=DEVNULL, process_group=0) as server:
        try:
            wait_for(f"{address}/health", server)
            tell_run(tmp_path, "mlflow", MLFLOW_TRACKING_URI=address)
        finally:
            os.killpg(server.pid, SIGTERM)
    with sqlite3.connect(tmp_path / "served.db") as store:
        runs = store.execute("select status from runs").fetchall()
        final = store.execute("select value from metrics where key = 'final.error_rate'").fetchall()
    assert (runs, final) == ([("FINISHED",)], [(0.08,)])
    assert not (tmp_path / "logs/mlflow").exists()


def wait_for(address: str, server: Popen[bytes]) -> None:
    """Wait until a server answers; it is an error if it ends before."""
    while True:
        assert server.poll() is None
        with suppress(OSError):
            urlopen(address).close()
            return
        time.sleep(0.2)


@pytest.mark.thorough  # tests/train/test_tracking.py watches trackers that fail
@pytest.mark.slow
def test_a_server_that_is_away_costs_one_line(tmp_path: Path) -> None:
    """Nobody listens: that is said once, and the process ends in order."""
    if not is_there("mlflow", tmp_path):
        return
    said = tell_run(tmp_path, "mlflow", MLFLOW_TRACKING_URI=NO_SERVER)
    assert said.count("mlflow hears no more of this run, which goes on") == 1
