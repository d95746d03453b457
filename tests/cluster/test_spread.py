"""Work spread over workers: every task has one answer, and a machine's fault costs none."""

import signal
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from stages.base.child_process import Death
from stages.base.errors import UserError
from stages.cluster.engine import Finished
from tests.cluster import tasks
from tests.cluster.thread_engine import ThreadEngine, cluster_of, work_of


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a folder, whose mark goes when the test ends, and with it all children."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    rmtree(tmp_path / "mark", ignore_errors=True)


def test_every_argument_has_one_answer(root: Path) -> None:
    """Two workers answer for all arguments, and both have some."""
    engine = ThreadEngine()
    cluster = cluster_of(engine, root, [])
    results = list(cluster.run(work_of(tasks.square, list(range(20)))))
    assert sorted(results) == [(number, number * number) for number in range(20)]
    assert set(engine.given) == {"a", "b"}
    assert cluster.state == "2 workers"


def test_no_work_needs_no_worker(root: Path) -> None:
    """Without arguments nothing is asked of the engine."""
    engine = ThreadEngine()
    assert list(cluster_of(engine, root, []).run(work_of(tasks.square, []))) == []
    assert engine.given == []


def test_a_task_whose_worker_ends_is_tried_again(root: Path) -> None:
    """What the system ends once has its answer in the end, and the end is told."""
    log: list[str] = []
    cluster = cluster_of(ThreadEngine(), root, log)
    files = [str(root / name) for name in "xy"]
    results = dict(cluster.run(work_of(tasks.kill_process_once, files)))
    assert results == {file: file for file in files}
    assert len(log) == 2
    assert all("SIGKILL of its child process" in line for line in log)
    assert cluster.state == "2 workers, 2 ended"


def test_a_worker_that_is_replaced_while_it_is_asked_is_asked_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that starts another process for the one that failed loses no worker by that."""
    engine = ThreadEngine()
    whole = engine.finished
    lost: list[Finished] = []

    def finished(seconds: float) -> list[Finished]:
        found = whole(seconds)
        if lost or not found:
            return found
        lost.extend(found)
        return [Finished(one.key, None, "it was killed", replaced=True) for one in found]

    monkeypatch.setattr(engine, "finished", finished)
    log: list[str] = []
    cluster = cluster_of(engine, root, log)
    assert len(list(cluster.run(work_of(tasks.square, list(range(20)))))) == 20
    assert "ended" not in cluster.state  # where the other did all the work it is still asked
    assert log == []


def test_a_worker_that_ends_each_time_it_is_asked_takes_no_work(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three ends it is named with the last failure; where it is the only one the run ends."""
    engine = ThreadEngine("a")
    whole = engine.finished

    def finished(seconds: float) -> list[Finished]:
        return [Finished(one.key, None, "it was killed", replaced=True) for one in whole(seconds)]

    monkeypatch.setattr(engine, "finished", finished)
    log: list[str] = []
    with pytest.raises(UserError, match="no worker of threads can take work"):
        list(cluster_of(engine, root, log).run(work_of(tasks.square, [1])))
    assert log == ["worker a takes no work: it ended 3 times before it answered (it was killed)"]
    assert engine.given == ["a"] * 3


@pytest.mark.thorough
def test_a_photo_at_which_workers_end_thrice_is_named(root: Path) -> None:
    """The third worker that ends at a photo ends the run, by the photo's name."""
    log: list[str] = []
    work = work_of(tasks.kill_process, [["bad.jpg"]], in_work=lambda names: names[0])
    with pytest.raises(UserError, match=r"bad\.jpg: 3 workers ended .*SIGKILL.*more memory"):
        list(cluster_of(ThreadEngine(), root, log).run(work))
    assert len(log) == 3


def test_a_task_of_many_is_split_to_find_the_photo(root: Path) -> None:
    """Where nobody knows which of a task's photos ended three workers, each is tried alone."""
    names = ["good_1.jpg", "good_2.jpg", "bad.jpg", "good_3.jpg"]
    work = work_of(
        tasks.kill_process,
        [names],
        in_work=lambda task: task[0] if len(task) == 1 else "",
        split=lambda task: [[name] for name in task],
    )
    with pytest.raises(UserError, match=r"^bad\.jpg: 3 workers ended"):
        list(cluster_of(ThreadEngine(), root, []).run(work))


def test_no_photo_is_named_for_workers_that_ended_at_others(root: Path) -> None:
    """Three ends at a task of many and one more at a photo of it are no reason to blame that."""
    (root / "kills").write_text("xxxx")
    names = ["1.jpg", "2.jpg", "3.jpg"]
    work = work_of(
        tasks.kill_process_at_first,
        [names],
        in_work=lambda task: task[0] if len(task) == 1 else "",
        split=lambda task: [[name] for name in task],
    )
    results = list(cluster_of(ThreadEngine(), root, []).run(work))
    assert all(given == answer for given, answer in results)
    assert sorted(given[0] for given, _ in results) == names
    assert (root / "kills").read_text() == ""


@pytest.mark.thorough
def test_ends_at_nothing_known_are_counted_too(root: Path) -> None:
    """A task that ends every worker before it has begun does not go on for ever."""
    work = work_of(tasks.kill_process, [["bad.jpg"]], in_work=lambda _: "")
    with pytest.raises(UserError, match="10 workers ended at one task"):
        list(cluster_of(ThreadEngine(), root, []).run(work))


def test_a_crash_is_an_answer(root: Path) -> None:
    """Where native code crashed, the caller hears of the signal, as it does without a cluster."""
    results = dict(cluster_of(ThreadEngine(), root, []).run(work_of(tasks.crash, [1, 2, 3, 4])))
    death = Death(-signal.SIGSEGV)
    assert results == {1: death, 2: 2, 3: death, 4: 4}


def seen_by(root: Path, worker: str, *names: str) -> dict[str, dict[str, str]]:
    """Return what a worker sees otherwise: another folder, which holds such files."""
    folder = root / worker
    folder.mkdir()
    for name in names:
        (folder / name).write_text("pixels")
    return {worker: {"folder": str(folder)}}


def unread(answer: tuple[str, str]) -> list[str]:
    """Return the photo of an answer that has no text."""
    return [] if answer[1] else [answer[0]]


def test_a_photo_that_one_worker_cannot_read_is_read_by_another(root: Path) -> None:
    """Every photo is read, and the worker without the folder takes no more work and is named."""
    log: list[str] = []
    names = [f"{number}.jpg" for number in range(12)]
    engine = ThreadEngine(odd=seen_by(root, "a", *names) | seen_by(root, "b"))
    cluster = cluster_of(engine, root, log)
    results = dict(cluster.run(work_of(tasks.read_text, names, unread=unread)))
    assert results == {name: (name, "pixels") for name in names}
    assert log == ["worker b takes no work: it cannot read photos that others read"]
    assert cluster.state == "1 worker, 1 barred"


def test_a_photo_that_nobody_can_read_is_answered_so(root: Path) -> None:
    """After three workers the answer is the caller's, and the workers are named."""
    log: list[str] = []
    engine = ThreadEngine("a", "b", "c", "d")
    results = dict(
        cluster_of(engine, root, log).run(work_of(tasks.read_text, ["x"], unread=unread))
    )
    assert results == {"x": ("x", "")}
    assert len([line for line in log if line.startswith("x cannot be read by ")]) == 1
    assert len(engine.given) == 4 + 3  # each was asked for its facts


def test_a_worker_that_fails_where_others_do_not_is_barred(root: Path) -> None:
    """As one whose disk is full: its tasks are done elsewhere, and it is named with its error."""
    log: list[str] = []
    (root / "a").mkdir()
    (root / "a/room").touch()
    engine = ThreadEngine(odd={"a": {"folder": str(root / "a")}})
    cluster = cluster_of(engine, root, log)
    results = dict(cluster.run(work_of(tasks.square_with_room, list(range(6)))))
    assert results == {number: number * number for number in range(6)}
    (line,) = log
    assert line.startswith("worker b takes no work: it fails where others do not: ")
    assert "No space left on device" in line


@pytest.mark.parametrize("count", [2, 6])
def test_an_outage_bars_no_worker(root: Path, count: int) -> None:
    """Where each fails once, at tasks that the others do later, all go on taking work."""
    log: list[str] = []
    engine = ThreadEngine(odd=seen_by(root, "a") | seen_by(root, "b"))
    cluster = cluster_of(engine, root, log)
    results = dict(cluster.run(work_of(tasks.square_after_a_failure, list(range(count)))))
    assert results == {number: number * number for number in range(count)}
    assert set(engine.given) == {"a", "b"}
    assert (cluster.state, log) == ("2 workers", [])


def test_what_comes_first_bars_a_worker_where_it_fails(root: Path) -> None:
    """Work may ask more of a worker than to import its function."""
    work = work_of(tasks.square, [1], first=(tasks.refuse, "no bucket"))
    with pytest.raises(UserError, match="can take work") as error:
        list(cluster_of(ThreadEngine(), root, []).run(work))
    assert error.value.lines[1:] == ["  a: no bucket", "  b: no bucket"]


def test_a_worker_with_other_source_takes_no_work(root: Path) -> None:
    """It is named with what differs, and the other worker answers for all."""
    log: list[str] = []
    expected = {"the source in stages/": "0123456789abcdef", "Python": "3.11"}
    engine = ThreadEngine(odd={"b": {"expected": expected}})
    results = list(cluster_of(engine, root, log).run(work_of(tasks.square, list(range(6)))))
    assert len(results) == 6
    (line,) = [line for line in log if "the source in stages/ is " in line]
    assert line.startswith("worker b takes no work: ")
    assert line.count("there, 0123456789abcdef here") == 1
    assert engine.given.count("b") == 1


def test_where_no_worker_can_work_the_run_ends(root: Path) -> None:
    """Workers that lack the source end the run at once, each with its reason."""
    nowhere = {"folder": str(root / "none")}
    engine = ThreadEngine(odd={"a": nowhere, "b": nowhere})
    with pytest.raises(UserError) as caught:
        list(cluster_of(engine, root, []).run(work_of(tasks.square, [1])))
    head, *lines = str(caught.value).splitlines()
    assert "no worker of threads can take work" in head
    assert [line.split(":")[0] for line in lines] == ["  a", "  b"]
    assert all("No such file or directory" in line for line in lines)


def test_what_a_lost_worker_had_is_given_to_another(root: Path) -> None:
    """A worker that is not there any more loses its task, which is answered all the same."""
    log: list[str] = []
    engine = ThreadEngine()
    results = cluster_of(engine, root, log).run(work_of(tasks.square, list(range(40))))
    found = [next(results)]
    del engine.workers["b"]
    found += results
    assert sorted(found) == [(number, number * number) for number in range(40)]
    assert all("worker b ended (it is not there any more)" in line for line in log)


def test_an_error_is_tried_elsewhere_and_then_raised(root: Path) -> None:
    """An error on every worker ends the run, with the name of one of them."""
    engine = ThreadEngine()
    with pytest.raises(UserError, match=r"worker [ab]: ZeroDivisionError: .*zero"):
        list(cluster_of(engine, root, []).run(work_of(tasks.fail, [1])))
    assert sorted(engine.given) == ["a", "a", "b", "b"]
