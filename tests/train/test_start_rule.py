"""Whether training starts from the probe."""

import pytest

from stages.base.errors import UserError
from stages.train.start_rule import StartName, starts_from_probe


@pytest.mark.parametrize(
    ("start", "can_be_probe", "error", "expected"),
    [
        ("auto", True, 0.25, True),
        ("auto", True, 0.26, False),
        ("auto", False, 0.0, False),
        ("probe", True, 1.0, True),
        ("zero", True, 0.0, False),
        ("zero", False, 0.0, False),
    ],
)
def test_training_starts_from_a_good_probe(
    start: StartName, can_be_probe: bool, error: float, expected: bool
) -> None:
    """By itself where the probe errs on a quarter at most; otherwise as the param says."""
    assert starts_from_probe(start, can_be_probe, error) == expected


def test_a_start_that_cannot_be_is_refused() -> None:
    """Asking for the probe with a head or loss that cannot be it names the params to change."""
    with pytest.raises(UserError, match=r"fine_tune.start: only model.head: linear .* zero$"):
        starts_from_probe("probe", False, 0.1)
