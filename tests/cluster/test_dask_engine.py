"""Ingest and presize over Dask: the bytes of one machine, through the death of any process.

.ci/run installs requirements-extra.txt for these tests; the thorough ones want it as well.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from stages.base.errors import UserError
from stages.cluster.dask_engine import DaskEngine
from stages.store.shard import progress_in
from tests.cluster.other_machine import hidden, replaced
from tests.cluster.running_dask import (
    Dask,
    free_port,
    kill,
    needs_dask,
    results,
    run_stage,
    running_dask,
    spread_project,
    start_stage,
    wait_until,
    without_results,
)
from tests.network_namespaces import ADDRESSES, network_namespaces
from tests.tiny_repo import Repo, copy_of, draw

pytestmark = pytest.mark.slow
PHOTOS = 40  # of each of three classes
SHARDS = 8  # of the project


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return a project in which one machine has run ingest and presize. Not to be changed."""
    return spread_project(tmp_path_factory.mktemp("expected") / "repo", PHOTOS)


@pytest.fixture
def repo(expected: Repo, tmp_path: Path) -> Repo:
    """Return a copy of it without results."""
    return without_results(expected, tmp_path / "repo")


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """Return a scheduler and two workers that no test harms."""
    with running_dask(tmp_path_factory.mktemp("dask")) as one:
        yield one


def many_photos(repo: Repo, count: int) -> None:
    """Replace the photos by so many large ones, which take some 20 ms each to presize."""
    folder = repo.path / "data" / "photos"
    shutil.rmtree(folder)
    folder.mkdir()
    for number in range(count):
        image = draw("disc", number).resize((1600, 1200))
        image.save(folder / f"disc_{number:04}.jpg", quality=90)
    draw("square", 1).save(folder / "square_0001.jpg")


def test_without_dask_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without Dask says which file installs it."""
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(UserError, match=r"not installed: pip install -r requirements-extra\.txt"):
        DaskEngine("tcp://127.0.0.1:1")


@pytest.mark.thorough  # test_cluster.py has the line
@needs_dask
def test_no_scheduler_is_one_line(repo: Repo) -> None:
    """Where nobody answers the run ends within seconds, with the command that starts one."""
    output = run_stage(repo, "ingest", f"dask://127.0.0.1:{free_port()}", code=1)
    assert "no scheduler of Dask answers at tcp://127.0.0.1" in output
    assert "Traceback" not in output


@needs_dask
def test_two_workers_write_the_bytes_of_one_machine(repo: Repo, expected: Repo, dask: Dask) -> None:
    """Manifest, store and reports have the same hashes."""
    for stage in ("ingest", "presize"):
        run_stage(repo, stage, dask.address)
    assert results(repo) == results(expected)
    assert not list(repo.path.glob(".finetrack/cluster/*"))


@pytest.mark.thorough  # two workers read a folder above
@needs_dask
def test_workers_read_photos_in_tars(repo: Repo, expected: Repo, dask: Dask) -> None:
    """From tars two workers write the bytes that one machine makes of the folder."""
    repo.run(sys.executable, "-m", "stages.tools.pack", "data/photos", "--out", "data/packed")
    shutil.rmtree(repo.path / "data" / "photos")
    repo.change({"ingest.images": "data/packed"})
    for stage in ("ingest", "presize"):
        run_stage(repo, stage, dask.address)
    assert results(repo) == results(expected)
    assert not list(repo.path.glob(".finetrack/cluster/*"))


@needs_dask
def test_a_scheduler_file_names_the_scheduler(repo: Repo, expected: Repo, dask: Dask) -> None:
    """The file that a scheduler writes on a shared folder serves as its address."""
    address = dask.address.replace("dask://", "tcp://")
    file = repo.path / "scheduler.json"
    file.write_text(f'{{"type": "Scheduler", "id": "x", "address": "{address}", "workers": {{}}}}')
    run_stage(repo, "ingest", "dask:scheduler.json")
    assert results(repo)["data/manifest"] == results(expected)["data/manifest"]


@needs_dask
def test_killed_workers_cost_nothing(repo: Repo, tmp_path: Path) -> None:
    """Each worker is killed once in the middle of its work; the store is that of one machine."""
    alone = presize_with_kills(repo, tmp_path, photos=150, kills=2)
    assert results(repo) == results(alone)


@needs_dask
@pytest.mark.thorough
def test_twenty_killed_workers_cost_nothing(repo: Repo, tmp_path: Path) -> None:
    """Twenty random kills during one presize leave the bytes of one machine."""
    alone = presize_with_kills(repo, tmp_path, photos=900, kills=20)
    assert results(repo) == results(alone)


def presize_with_kills(repo: Repo, tmp_path: Path, *, photos: int, kills: int) -> Repo:
    """Presize so many photos on two workers, of which one is killed so many times.

    Returns a copy that one machine has presized.
    """
    draws = random.Random(7)
    many_photos(repo, photos)
    run_stage(repo, "ingest", "local")
    alone = copy_of(repo, tmp_path / "alone")
    run_stage(alone, "presize", "local")
    with running_dask(tmp_path / "dask") as one:
        process = start_stage(repo, "presize", one.address)
        done = 0
        seen: set[str] = set()
        while done < kills and process.poll() is None:
            # Other photos than at the kill before: three kills at one would blame it.
            wait_until(lambda: others_in_work(repo, seen) or process.poll() is not None, 120)  # noqa: B023
            time.sleep(draws.uniform(0, 0.5))
            seen = in_work(repo)
            for victim in draws.sample(one.processes(), k=min(1, len(one.processes()))):
                kill(victim)
                done += 1
        output = process.communicate(timeout=300)[0]
    assert process.returncode == 0, output
    assert done == kills
    assert "Traceback" not in output
    return alone


def in_work(repo: Repo) -> set[str]:
    """Return the photos that the last attempts at shards are at, or were at when they ended."""
    last: dict[str, tuple[int, str]] = {}
    for file in repo.path.glob(".finetrack/presize/run-*/*/*.progress"):
        attempt = int(file.parent.name.rpartition("-")[2])
        with suppress(FileNotFoundError):  # the attempt has just become its shard
            last[file.name] = max(last.get(file.name, (0, "")), (attempt, progress_in(file)[1]))
    return {photo for _, photo in last.values()} - {""}


def others_in_work(repo: Repo, seen: set[str]) -> bool:
    """Return whether photos are in work, and none of those."""
    now = in_work(repo)
    return bool(now) and now.isdisjoint(seen)


@needs_dask
@pytest.mark.thorough
def test_a_killed_coordinator_goes_on(repo: Repo, tmp_path: Path) -> None:
    """Five times presize itself is killed; the last run reuses what is done, to the same bytes."""
    draws = random.Random(8)
    many_photos(repo, 600)
    run_stage(repo, "ingest", "local")
    alone = copy_of(repo, tmp_path / "alone")
    run_stage(alone, "presize", "local")
    with running_dask(tmp_path / "dask") as one:
        for _ in range(5):
            process = start_stage(repo, "presize", one.address)
            wait_until(lambda: bool(list(repo.path.glob(".finetrack/presize/run-*/*/*.progress"))))
            time.sleep(draws.uniform(0.2, 1))
            process.kill()
            process.communicate()
        output = run_stage(repo, "presize", one.address)
    assert " 0 reused" not in output
    assert results(repo) == results(alone)


def presize_at_work(repo: Repo, one: Dask) -> subprocess.Popen[str]:
    """Start presize on a cluster, and return it once a shard is under way."""
    process = start_stage(repo, "presize", one.address)
    wait_until(lambda: bool(list(repo.path.glob(".finetrack/presize/run-*/*/*.progress"))))
    return process


@needs_dask
@pytest.mark.thorough
def test_a_killed_scheduler_ends_the_run_with_one_line(repo: Repo, tmp_path: Path) -> None:
    """Within half a minute the run says that the scheduler is gone, and what to do."""
    many_photos(repo, 300)
    run_stage(repo, "ingest", "local")
    with running_dask(tmp_path / "dask") as one:
        process = presize_at_work(repo, one)
        one.scheduler.kill()
        killed = time.monotonic()
        output = process.communicate(timeout=120)[0]
        assert time.monotonic() - killed < 30
    assert process.returncode == 1
    assert f"the scheduler at tcp://127.0.0.1:{one.port} is gone" in output
    assert "Traceback" not in output


@needs_dask
@pytest.mark.thorough
def test_an_interrupted_run_leaves_the_workers_idle(repo: Repo, tmp_path: Path) -> None:
    """Ctrl-C ends the run with 130, and within seconds no process of it works on the cluster."""
    many_photos(repo, 300)
    run_stage(repo, "ingest", "local")
    with running_dask(tmp_path / "dask") as one:
        process = presize_at_work(repo, one)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)[0]
        assert process.returncode == 130, output
        wait_until(lambda: not task_servers(one), 30)
    assert not list(repo.path.glob(".finetrack/cluster/*"))


def task_servers(one: Dask) -> list[int]:
    """Return the processes that work for a run, on any of the workers."""
    found = []
    for nanny in one.workers:
        for child in psutil.Process(nanny.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it has ended, and waits for its parent perhaps
                found += [child.pid] if "stages.cluster.task_server" in child.cmdline() else []
    return found


@needs_dask
@pytest.mark.thorough
def test_a_slow_mount_costs_time_alone(repo: Repo, tmp_path: Path) -> None:
    """A worker that stands still, as where a mount does not answer, is waited for, not blamed."""
    many_photos(repo, 150)
    run_stage(repo, "ingest", "local")
    alone = copy_of(repo, tmp_path / "alone")
    run_stage(alone, "presize", "local")
    with running_dask(tmp_path / "dask") as one:
        process = presize_at_work(repo, one)
        slow = task_servers(one)[0]
        os.kill(slow, signal.SIGSTOP)
        # The other does what is left meanwhile, all but the shard that stands still.
        wait_until(lambda: len(shards_done(repo)) >= SHARDS - 1)
        os.kill(slow, signal.SIGCONT)
        output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    assert "takes no work" not in output
    assert "ended" not in output
    assert results(repo) == results(alone)


def shards_done(repo: Repo) -> set[str]:
    """Return the progress files of the shards that have answered."""
    return {file.name for file in repo.path.glob(".finetrack/presize/run-*/*.progress")}


@needs_dask
@pytest.mark.thorough
@pytest.mark.parametrize("lack", ["photos", "source", "the folder", "same source"])
def test_a_worker_that_lacks_something_is_named_and_spared(
    repo: Repo, expected: Repo, tmp_path: Path, lack: str
) -> None:
    """Another worker does all of the work, to the same bytes, and the run says what is lacking."""
    changed = tmp_path / "changed"
    shutil.copytree(repo.path / "stages", changed)
    with (changed / "ingest.py").open("a") as file:
        file.write("# changed\n")
    within, reason = {
        "photos": (hidden(repo.path / "data" / "photos"), "not to be read (No such file"),
        "source": (hidden(repo.path / "stages"), "No module named"),
        "the folder": (hidden(repo.path), "No module named"),
        "same source": (replaced(repo.path / "stages", changed), "the source in stages/ is "),
    }[lack]
    with running_dask(tmp_path / "dask", workers=1) as one:
        one.add_worker(within=within)
        wait_until(lambda: "Registered" in (one.folder / "worker-1.log").read_text())
        output = run_stage(repo, "ingest", one.address) + run_stage(repo, "presize", one.address)
    assert results(repo) == results(expected)
    named = [line for line in output.splitlines() if "takes no work" in line]
    assert named
    assert all(reason in line or "does not see" in line for line in named), output


@needs_dask
def test_where_all_workers_lack_the_source_the_run_does_not_hang(
    repo: Repo, tmp_path: Path
) -> None:
    """Every worker is named with what it lacks, and the run ends."""
    with running_dask(tmp_path / "dask", workers=0) as one:
        for _ in range(2):
            one.add_worker(within=hidden(repo.path / "stages"))
        output = run_stage(repo, "ingest", one.address, code=1)
    assert "can take work" in output
    assert "No module named" in output
    assert "Traceback" not in output


@pytest.mark.thorough  # takes long, and proves it once
@needs_dask
def test_a_machine_that_ends_each_worker_is_named(repo: Repo, tmp_path: Path) -> None:
    """A nanny gives each new worker another address; three ends of its workers end the wait."""
    changed = tmp_path / "changed"
    shutil.copytree(repo.path / "stages", changed)
    ends_its_worker = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n"
    (changed / "cluster/task_server.py").write_text(ends_its_worker)
    with running_dask(tmp_path / "dask", workers=0) as one:
        one.add_worker(within=replaced(repo.path / "stages", changed))
        output = run_stage(repo, "ingest", one.address, code=1)
    assert "it ended 3 times before it answered" in output
    assert "can take work" in output
    assert "Traceback" not in output


@needs_dask
@pytest.mark.thorough
def test_two_machines_that_share_a_folder_write_the_same(
    repo: Repo, expected: Repo, tmp_path: Path
) -> None:
    """Workers in two network namespaces, one of them beside the scheduler, give the same bytes."""
    with network_namespaces() as machines:
        inside = [["ip", "netns", "exec", name] for name in machines]
        one = Dask(tmp_path, ADDRESSES[0], within=inside[0])
        try:
            for machine, address in zip(inside, ADDRESSES, strict=True):
                one.add_worker("--host", address, within=machine)
            for stage in ("ingest", "presize"):
                command = [*inside[0], "python", "-m", f"stages.{stage}"]
                repo.run("env", f"FINETRACK_EXECUTOR={one.address}", *command)
        finally:
            one.stop()
    assert results(repo) == results(expected)
