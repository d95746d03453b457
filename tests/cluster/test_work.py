"""Work to be spread: what it need not say, and what each task begins with."""

from stages.cluster.work import Failure, Task, Work
from tests.cluster import tasks
from tests.cluster.thread_engine import work_of


def test_a_task_is_not_split_unless_the_work_says_how() -> None:
    """The parts of an argument are the argument."""
    work: Work[int, int] = work_of(tasks.square, [1])
    assert work.split(7) == [7]


def test_tasks_do_not_share_what_went_wrong() -> None:
    """A new task has no attempts, no ends and no workers that failed."""
    first, second = (Task(argument, argument) for argument in "ab")
    first.ends["x"] += 1
    first.failed_on["worker"] = Failure("why", 0)
    assert (second.attempts, second.ends.total(), second.failed_on) == (0, 0, {})
