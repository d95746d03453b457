"""What a person wrote is shown short."""

import pytest

from stages.base.echo import cut, echo
from tests.measured_work import measured_work


@pytest.mark.parametrize("value", [1, 0.5, "auto", [1, "a"], {"a": None}, True])
def test_short_values_are_whole(value: object) -> None:
    """What fits a line is shown as Python writes it."""
    assert echo(value) == repr(value)


def test_long_and_deep_values_are_cut_at_once() -> None:
    """However much a value stands for, 80 characters of it are shown, in no time."""
    bomb: list[object] = []
    for _ in range(60):
        bomb = [bomb] * 9
    with measured_work() as work:
        for value in ("x" * 10**6, list(range(10**5)), bomb, 16**9000, 10**4000, {"k" * 9000: 1}):
            assert len(echo(value)) <= 80
    assert work.seconds < 1


def test_a_cut_text_has_dots() -> None:
    """A text keeps its beginning, and dots say that there was more."""
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdefg", 6) == "abc..."
