"""The crew: workers are asked once, proven or barred, and their absence ends the wait."""

import pytest

from stages.base.errors import UserError
from stages.cluster import crew as crew_module
from stages.cluster.crew import Crew, least_busy
from stages.cluster.work import Failure
from tests.cluster.thread_engine import ThreadEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ThreadEngine:
    """Return an engine of two workers, at which a crew may look as often as it likes."""
    monkeypatch.setattr(crew_module, "SECONDS_BETWEEN_LOOKS", 0)
    return ThreadEngine()


def test_a_worker_takes_work_once_it_has_proven_itself(engine: ThreadEngine) -> None:
    """New workers are to be asked; of those asked only the proven are at hand."""
    crew = Crew(engine, print)
    crew.look()
    assert (crew.unasked(), crew.at_hand()) == (["a", "b"], [])
    crew.asked("a")
    assert crew.unasked() == ["b"]
    crew.prove("a")
    assert crew.at_hand() == ["a"]


def test_a_barred_worker_is_told_of_once(engine: ThreadEngine) -> None:
    """A worker that differs is named with its reason, however often it is found so."""
    log: list[str] = []
    crew = Crew(engine, log.append)
    crew.look()
    crew.prove("a")
    crew.bar("a", "no photos")
    crew.bar("a", "no photos")
    assert log == ["worker a takes no work: no photos"]
    assert crew.at_hand() == []
    assert crew.unasked() == ["b"]


def test_a_worker_that_comes_back_is_asked_again(engine: ThreadEngine) -> None:
    """One that ended before it answered is new when it is there again."""
    crew = Crew(engine, print)
    crew.look()
    crew.asked("b")
    del engine.workers["b"]
    crew.look()
    engine.workers["b"] = 1
    crew.look()
    assert "b" in crew.unasked()


def test_a_worker_that_ends_each_time_is_barred_under_its_new_names(engine: ThreadEngine) -> None:
    """Three ends before an answer count together where one keeper starts the workers."""
    log: list[str] = []
    crew = Crew(engine, log.append)
    for number in range(1, 5):
        engine.workers = {f"a{number}": 1, "b": 1}
        crew.look()
        assert (f"a{number}" in crew.unasked()) == (number < 4)
        if number < 4:
            crew.asked(f"a{number}")
            crew.ask_again(f"a{number}", "killed")
    assert log == ["worker a3 takes no work: it ended 3 times before it answered (killed)"]
    assert crew.candidates() == {"b"}
    engine.workers = {"a5": 1}
    crew.look()
    with pytest.raises(UserError, match=r"a5: it ended 3 times before it answered"):
        crew.require_some()


def test_a_worker_that_has_done_a_task_since_it_failed_is_not_barred(engine: ThreadEngine) -> None:
    """What others do bars the idle that only fail; the last one that is left stays."""
    log: list[str] = []
    crew = Crew(engine, log.append)
    crew.look()
    failure = crew.failed("a", "no room")
    assert failure == Failure("no room", 0)
    crew.answered("a")
    crew.suspect("a", failure, at_work=False)
    assert crew.candidates() == {"a", "b"}
    crew.suspect("a", crew.failed("a", "no room"), at_work=False)
    crew.suspect("b", crew.failed("b", "no room"), at_work=False)
    assert crew.candidates() == {"b"}
    assert log == ["worker a takes no work: no room"]


def test_a_suspect_at_work_is_judged_by_that(engine: ThreadEngine) -> None:
    """Doing its task clears a worker, another failure bars it, unless it is the last one."""
    log: list[str] = []
    crew = Crew(engine, log.append)
    crew.look()
    crew.suspect("a", crew.failed("a", "first"), at_work=True)
    crew.answered("a")
    crew.suspect("b", crew.failed("b", "first"), at_work=True)
    for worker in "aba":
        crew.failed(worker, "second")
    crew.suspect("a", crew.failed("a", "third"), at_work=True)
    crew.failed("a", "fourth")
    assert crew.candidates() == {"a"}
    assert log == ["worker b takes no work: second"]


def test_barred_workers_that_have_gone_are_named(
    engine: ThreadEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no worker is left, the end says why those that were there took no work."""
    crew = Crew(engine, print)
    crew.look()
    crew.bar("a", "it ended")
    engine.workers.clear()
    crew.look()
    monkeypatch.setattr(crew_module, "_SECONDS_WITHOUT_WORKERS", -1)
    with pytest.raises(UserError, match="a: it ended"):
        crew.require_some()


def test_without_workers_the_wait_ends(
    engine: ThreadEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler without workers ends the run after a while, with the command that starts one."""
    crew = Crew(engine, print)
    engine.workers.clear()
    crew.look()
    crew.require_some()
    monkeypatch.setattr(crew_module, "_SECONDS_WITHOUT_WORKERS", -1)
    with pytest.raises(UserError, match="has no worker; start one on each machine"):
        crew.require_some()


def test_a_worker_that_is_asked_has_longer_to_answer(
    engine: ThreadEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose process starts slowly is waited for when none at all would end the run."""
    crew = Crew(engine, print)
    monkeypatch.setattr(crew_module, "_SECONDS_WITHOUT_WORKERS", -1)
    crew.look()
    crew.asked("a")
    crew.require_some()
    monkeypatch.setattr(crew_module, "_SECONDS_TO_ANSWER", -1)
    with pytest.raises(UserError, match="no worker of threads can take work"):
        crew.require_some()


def test_workers_that_have_ended_are_waited_for(
    engine: ThreadEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where workers took work before, a cluster without any may start them again."""
    crew = Crew(engine, print)
    monkeypatch.setattr(crew_module, "_SECONDS_WITHOUT_WORKERS", -1)
    crew.look()
    crew.prove("a")
    engine.workers.clear()
    crew.look()
    crew.require_some()
    monkeypatch.setattr(crew_module, "_SECONDS_TO_ANSWER", -1)
    with pytest.raises(UserError, match="has no worker"):
        crew.require_some()


def test_a_free_worker_is_the_one_with_most_free_slots() -> None:
    """Workers are given work by the share of their slots that is taken; full ones get none."""
    slots = {"a": 1, "b": 4, "c": 2}
    assert least_busy(["a", "b", "c"], slots, ["a", "b", "c"]) == ["b", "c"]
    assert least_busy(["a", "b"], slots, []) == ["a", "b"]


def test_a_worker_that_is_still_asked_may_turn_out_able(engine: ThreadEngine) -> None:
    """Candidates are all but the barred, so that a task waits for one that has not answered yet."""
    crew = Crew(engine, print)
    crew.look()
    crew.prove("a")
    crew.asked("b")
    assert crew.candidates() == {"a", "b"}
    crew.bar("b", "no source")
    assert crew.candidates() == {"a"}
