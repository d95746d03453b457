"""Params of the sweep."""

from typing import Any

import pytest
from pydantic import ValidationError

from stages.train.lr_find_params import LrFindParams


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"end": 1e-6}, "100 times"),
        ({"steps": 10}, "greater than or equal to 20"),
        ({"start": 0.0}, "greater than 0"),
    ],
)
def test_impossible_sweeps_are_refused(changes: dict[str, Any], words: str) -> None:
    """A sweep that is too short to show anything is refused with the reason."""
    with pytest.raises(ValidationError, match=words):
        LrFindParams(**{"steps": 60, "start": 1e-7, "end": 10.0, **changes})
