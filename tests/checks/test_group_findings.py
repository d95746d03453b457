"""What declared groups leave out or part is said."""

import pytest

from stages.checks.finding import Finding
from stages.checks.group_findings import check_groups
from stages.dataset.photo_groups import declared_groups
from stages.dataset.split_params import SplitParams, SplitRule
from tests.checks.example_images import images_of, named_photos

UNDECLARED = SplitParams(by="hash", valid=0.2, folds=5, test=0.0, group="")


def found(groups: list[str], by: SplitRule = "hash") -> dict[str, Finding]:
    """Return the findings by check for 8 training and 4 validation images with these groups."""
    images = images_of(cat=(8, 4)).assign(group=groups)
    params = SplitParams(by=by, valid=0.2, folds=5, test=0.0, group="column")
    return {finding.check: finding for finding in check_groups(images, params)}


def test_without_a_declaration_nothing_is_said() -> None:
    """Without groups in params.yaml there is no finding about declared ones."""
    images = images_of(cat=(8, 4)).assign(group="", phash="")
    assert check_groups(images, UNDECLARED) == []


def test_names_that_go_with_pictures_are_a_warning() -> None:
    """Where photos of one name look alike, the warning has the regex; a declaration ends it."""
    images = named_photos(20, 6, 60).assign(group="", split="train")
    [warning] = check_groups(images, UNDECLARED)
    assert warning.check == "undeclared_groups"
    assert "(20 names; by chance 50 %)" in warning.message
    regex = warning.message.split("'")[1]
    assert declared_groups(images, regex).nunique() == 20
    assert warning.leak == ""
    declared = images.assign(group=declared_groups(images, regex))
    params = SplitParams(by="hash", valid=0.2, folds=5, test=0.0, group=regex)
    assert [finding.check for finding in check_groups(declared, params)] == ["groups"]


@pytest.mark.parametrize("by", ["folder", "column", "hash", "folds"])
def test_undeclared_groups_on_both_sides_are_a_leak(by: SplitRule) -> None:
    """Names of which photos train and validate are counted, by whatever rule they were divided."""
    images = named_photos(20, 6, 60).assign(group="", split="train")
    other = images["path"].str.match("p0[05]_[45]")
    side = images["split"].mask(other, "valid")
    images = images.assign(fold=side.str[:1]) if by == "folds" else images.assign(split=side)
    [warning] = check_groups(images, UNDECLARED.model_copy(update={"by": by}))
    told = "photos that may belong together train and validate: 2 names on several sides"
    assert warning.leak == f"{told}, p00, p05"


def test_sizes_are_noted() -> None:
    """A note says how many groups there are and how large, and few in validation are a warning."""
    findings = found(["x"] * 6 + ["y"] * 2 + ["z"] * 4)
    assert findings["groups"].message == "12 images in 3 groups of 2 to 6"
    assert "only 1 group in validation" in findings["few_groups_in_validation"].message
    assert set(findings) == {"groups", "few_groups_in_validation"}


def test_images_without_a_group_are_named() -> None:
    """Photos that no rule names are a warning with their paths."""
    findings = found(["x"] * 6 + ["y"] + [""] + ["z"] * 4)
    assert findings["without_group"].paths == ("cat_0007.jpg",)


def test_a_given_split_may_part_groups() -> None:
    """A group on two sides, as a column may give it, is a warning with its name and images."""
    warning = found(["x"] * 7 + ["y"] + ["y"] * 4, "column")["groups_across_the_split"]
    assert "1 group on several sides of the split: y" in warning.message
    assert len(warning.paths) == 5
    assert warning.leak == "photos of one group train and validate: 1 name on several sides, y"


def test_many_groups_in_validation_are_no_warning() -> None:
    """Ten groups in validation are enough."""
    images = images_of(cat=(8, 10)).assign(group=[*"abcdefgh", *"ijklmnopqr"])
    params = SplitParams(by="hash", valid=0.2, folds=5, test=0.0, group="column")
    assert [finding.check for finding in check_groups(images, params)] == ["groups"]


def test_by_folds_all_groups_are_in_validation() -> None:
    """By folds every group validates, and where they are few no fraction is to be raised."""
    images = images_of(cat=(12,)).assign(group=[*"abcdefghijkl"], fold="1")
    params = SplitParams(by="folds", valid=0.2, folds=5, test=0.0, group="column")
    assert [finding.check for finding in check_groups(images, params)] == ["groups"]
    [_, warning] = check_groups(images.iloc[:9], params)
    assert warning.message.startswith("only 9 groups in validation")
    assert warning.message.endswith("which counts images; add groups")
