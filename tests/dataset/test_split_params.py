"""Params of the split: contradictions are refused before an image is divided."""

import pytest
from pydantic import ValidationError

from stages.dataset.split_params import DatablockParams, SplitParams


@pytest.mark.parametrize(
    "wrong",
    [{"by": "column", "test": 0.1}, {"test": 0.8}, {"group": "person"}, {"group": "(a)(b)"}],
)
def test_contradictions_are_refused(wrong: dict[str, object]) -> None:
    """A test share beside a given split, shares without a rest, and a regex without one group."""
    shares: dict[str, object] = {"valid": 0.2, "folds": 5, "test": 0.0}
    right = {"by": "hash", **shares, "group": r"^(\w+)_"}
    assert SplitParams.model_validate(right).group == r"^(\w+)_"
    with pytest.raises(ValidationError):
        SplitParams.model_validate(right | wrong)


@pytest.mark.parametrize(
    "wrong", [{"by": "random"}, {"valid": 0.0}, {"valid": 1.0}, {"valid": "0.2"}, {"seed": 1}]
)
def test_params_refuse(wrong: dict[str, object]) -> None:
    """Another rule, a fraction of all or nothing, text and unknown keys are refused."""
    right = {"by": "hash", "valid": 0.2, "folds": 5, "test": 0.0, "group": ""}
    section = {"split": right, "near_duplicates": "exclude"}
    assert DatablockParams.model_validate(section).split.valid == 0.2
    with pytest.raises(ValidationError):
        DatablockParams.model_validate(section | {"split": right | wrong})


def test_a_fraction_that_folds_do_not_use_is_no_contradiction() -> None:
    """By folds valid and test may add up to more than all, since valid is not used."""
    section = {"by": "folds", "valid": 0.9, "folds": 3, "test": 0.2, "group": ""}
    assert SplitParams.model_validate(section).test == 0.2
    for count in (1, 21):
        with pytest.raises(ValidationError):
            SplitParams.model_validate(section | {"folds": count})
