"""Calls by threads: their answers in order, few at a time, the first failure in its place."""

import threading
import time
from collections.abc import Iterator

import pytest

from stages.base.ahead import map_ahead


@pytest.mark.parametrize("count", [0, 1, 3, 50])
def test_answers_come_in_the_order_of_the_items(count: int) -> None:
    """However long each call takes, its answer stands where its item stood."""

    def square(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number**2

    assert list(map_ahead(square, range(count), 4)) == [number**2 for number in range(count)]


def test_only_some_calls_are_ahead() -> None:
    """Of an endless list no more is asked for than the threads and one, and all threads work."""
    asked = 0
    together = threading.Barrier(4)

    def endless() -> Iterator[int]:
        nonlocal asked
        while True:
            asked += 1
            yield asked

    def meet(number: int) -> int:
        if number <= 4:
            together.wait(10)  # which four calls at once end, and three do not
        return number

    answers = map_ahead(meet, endless(), 4)
    assert [next(answers) for _ in range(10)] == list(range(1, 11))
    answers.close()
    assert asked <= 15


def test_a_failure_is_raised_in_its_place_and_ends_the_rest() -> None:
    """What was answered before is given, then the exception, and what has not begun is left."""
    called: list[int] = []

    def fail_at_three(number: int) -> int:
        called.append(number)
        if number == 3:
            raise ValueError(number)
        return number

    answers = map_ahead(fail_at_three, range(1000), 2)
    given: list[int] = []
    with pytest.raises(ValueError, match="3"):
        given.extend(answers)
    assert given == [0, 1, 2]
    assert max(called) < 10
