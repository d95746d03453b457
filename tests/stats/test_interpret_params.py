"""Params of the report."""

import pytest
from pydantic import ValidationError

from stages.stats.interpret_params import InterpretParams


@pytest.mark.parametrize("wrong", [{"top_losses": 0}, {"most_confused": 101}, {"suspects": -1}])
def test_the_page_has_bounds(wrong: dict[str, int]) -> None:
    """Lists that would be empty or endless are refused; a list of no suspects is one."""
    right = {"top_losses": 1, "most_confused": 1, "suspects": 0}
    assert InterpretParams(**right).suspects == 0
    with pytest.raises(ValidationError):
        InterpretParams(**right | wrong)
