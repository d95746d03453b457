"""What folds are said to be, what they cannot judge, and who is offered them."""

import pandas as pd
import pytest

from stages.checks.finding import Finding
from stages.checks.fold_findings import check_folds
from stages.dataset.split_params import SplitParams, SplitRule
from tests.checks.example_images import images_of


def findings(
    images: pd.DataFrame, by: SplitRule = "folds", count: int = 2, group: str = ""
) -> dict[str, Finding]:
    """Return check -> finding; count: the folds that are asked for."""
    params = SplitParams(by=by, valid=0.2, folds=count, test=0.0, group=group)
    return {finding.check: finding for finding in check_folds(images, params)}


def folded(folds: str, twins: str = "", **classes: tuple[int, ...]) -> pd.DataFrame:
    """Return images in these folds, a digit each; twins: the twin folds of the first image."""
    images = images_of(**classes).assign(fold=list(folds), twin_folds="")
    images.loc[0, "twin_folds"] = twins
    return images


@pytest.mark.parametrize("by", ["hash", "stratified", "column", "folder"])
def test_few_validation_images_are_offered_folds(by: SplitRule) -> None:
    """With 59 of them one warning names the param and the trainings; with 60 there is none."""
    few = findings(images_of(a=(200, 30), b=(100, 29, 4)), by, 5)["few_validation_images"]
    assert "only 59 images in validation" in few.message
    assert "datablock.split.by: folds validates all 359" in few.message
    assert "trains 6 times" in few.message
    assert "few_validation_images" not in findings(images_of(a=(200, 30), b=(100, 30)), by)


def test_folds_are_not_offered_where_they_cost_much_or_nothing_validates() -> None:
    """Of a large set few were chosen to validate, and without any the error says so already."""
    assert findings(images_of(a=(2000, 10), b=(10, 10)), "hash") == {}
    assert findings(images_of(a=(20,), b=(20,)), "hash") == {}


@pytest.mark.parametrize(("images", "needed"), [(372, True), (373, False)])
def test_folds_that_a_set_has_outgrown_are_noted(images: int, needed: bool) -> None:
    """Where clearly more than 60 images would validate, the note names a rule of one training."""
    found = findings(folded("12" * (images // 2) + "1" * (images % 2), a=(images,)), count=5)
    assert ("folds_no_longer_needed" not in found) == needed
    if not needed:
        message = found["folds_no_longer_needed"].message
        assert message.startswith("of 373 images about 75 would validate without folds")
        assert "and folds 6 times" in message


def test_stratified_that_a_set_has_outgrown_is_noted() -> None:
    """Large classes need no stratified; a small one does, and groups count as one photo each."""
    large = images_of(a=(200, 50), b=(200, 50))
    note = findings(large, "stratified")["stratified_no_longer_needed"]
    assert note.severity == "note"
    assert "datablock.split.by: hash would do in place of stratified: each class is" in note.message
    assert findings(images_of(a=(400, 80), b=(8, 2)), "stratified") == {}
    assert findings(images_of(a=(400, 80), b=(1,)), "stratified") == {}
    few = large.assign(group=[f"{label}{n % 5}" for n, label in enumerate(large["label"])])
    assert findings(few, "stratified", group="column") == {}
    assert findings(large.head(0), "stratified") == {}


def test_folds_are_not_offered_or_noted_by_another_rule() -> None:
    """Sides that a person gave, and hash, have no note of outgrown rules."""
    for by in ("hash", "column", "folder"):
        assert findings(images_of(a=(200, 50), b=(200, 50)), by) == {}


def test_folds_are_noted_with_their_sizes() -> None:
    """A note has the folds that have images, their sizes and the number of trainings."""
    found = findings(folded("1113313311", a=(5,), b=(5,)))
    assert found["folds"].message.startswith("2 folds of 4 to 6 images, so 3 trainings")
    assert list(found) == ["folds"]


def test_folds_that_few_groups_leave_empty_are_a_warning() -> None:
    """Of three folds asked for two have images: the warning counts them, and what drew them."""
    images = folded("1113313311", a=(5,), b=(5,)).assign(group=list("xxxyyxyyxx"))
    by_groups = findings(images, count=3, group="column")["empty_folds"]
    assert by_groups.severity == "warning"
    assert by_groups.message.startswith("2 folds in place of the 3 of datablock.split.folds")
    assert "the hash of each group draws its fold, and of 2 groups none" in by_groups.message
    some = images.assign(group=["", "", *"xyyxyyxx"])
    assert "of 4 groups none" in findings(some, count=3, group="column")["empty_folds"].message
    assert "of 10 images none fell" in findings(images, count=3)["empty_folds"].message
    assert "empty_folds" not in findings(images, count=2)


def test_what_leaves_another_folds_training_is_noted() -> None:
    """An image that is the same picture as one in another fold is a note with its path."""
    found = findings(folded("1113313311", "3", a=(5,), b=(5,)))
    assert found["same_picture_in_another_fold"].paths == ("a_0000.jpg",)


def test_a_class_in_one_fold_is_a_warning() -> None:
    """Whoever validates such a class has never seen it; the final model has."""
    warning = findings(folded("1212122", a=(5,), lynx=(2,)))["class_in_one_fold"]
    assert warning.severity == "warning"
    assert "'lynx'" in warning.message
    assert "'a'" not in warning.message


@pytest.mark.parametrize("folds", ["1111111", "1111122"])
def test_a_fold_without_which_nothing_is_left_to_tell_apart_is_an_error(folds: str) -> None:
    """Where all images, or all of one of two classes, are in a fold, the error names the fold."""
    error = findings(folded(folds, a=(5,), b=(2,)))["fold_without_training_images"]
    assert error.severity == "error"
    assert "without fold" in error.message


def test_no_images_are_no_finding() -> None:
    """An empty set is told of elsewhere."""
    assert findings(images_of(a=(0,)).assign(fold="", twin_folds="")) == {}
