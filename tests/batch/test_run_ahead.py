"""Running ahead of an iterator."""

import time
from collections.abc import Iterator

import pytest

from stages.batch.run_ahead import run_ahead


def noted(numbers: list[int], count: int) -> Iterator[int]:
    """Yield numbers from 0, each noted when it is made."""
    for number in range(count):
        numbers.append(number)
        yield number


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_all_items_come_in_order(count: int) -> None:
    """However many there are, each comes once and in its turn."""
    assert list(run_ahead(noted([], count), 2)) == list(range(count))


def test_the_first_items_are_made_before_they_are_asked_for() -> None:
    """Two are made at once, and a third when one is taken, but no more."""
    made: list[int] = []
    items = run_ahead(noted(made, 9), 2)
    for expected in ([0, 1], [0, 1, 2]):
        deadline = time.monotonic() + 10
        while len(made) < len(expected) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert made == expected
        next(items)


def test_an_error_is_raised_in_its_turn() -> None:
    """Items before an error come, then it is raised."""

    def failing() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    items = run_ahead(failing(), 2)
    assert next(items) == 1
    with pytest.raises(ZeroDivisionError):
        next(items)
