"""Which rule of the split is advised, at and past the ends of what each one suits."""

import pytest

from stages.dataset.split_advice import advise_split, suits_folds


def advised(units: dict[str, int], valid: float = 0.2, unit: str = "photo") -> tuple[str, str]:
    """Return the rule and its reason, where each unit is one photo."""
    photos = sum(units.values())
    advice = advise_split(units, photos, drawn=photos, valid=valid, folds=5, unit=unit)
    return advice.by, advice.reason


@pytest.mark.parametrize(
    ("valid", "used", "suited"),
    [(59, 295, True), (60, 300, False), (0, 10, True), (59, 2000, True), (59, 2001, False)],
)
def test_folds_suit_few_validation_images_of_a_small_set(
    valid: int, used: int, suited: bool
) -> None:
    """Below 60 that validate folds are worth it, up to 2,000 images in all."""
    assert suits_folds(valid, used) is suited


def test_a_small_set_has_folds() -> None:
    """With 296 photos 59 would validate: folds, with the number of trainings; with 300 hash."""
    by, reason = advised({"a": 148, "b": 148})
    assert by == "folds"
    assert reason == (
        "only about 59 of 296 photos would validate, and fewer than 60 tell little; folds"
        " validates all of them, and trains 6 times"
    )
    assert advised({"a": 150, "b": 150})[0] == "hash"
    assert advised({"a": 3, "b": 3})[0] == "folds"


def test_a_small_class_is_stratified() -> None:
    """13 photos of a class have none in validation in 5.5 % of draws, 14 in 4.4 %."""
    by, reason = advised({"cat": 400, "lynx": 13})
    assert by == "stratified"
    assert reason.endswith("of 2 classes 'lynx' is the smallest, with 13 photos")
    assert advised({"cat": 400, "lynx": 14})[0] == "hash"


def test_many_classes_add_their_chances() -> None:
    """Twenty classes of 20 photos are stratified, where one such class would not be."""
    assert advised({f"c{number}": 20 for number in range(20)})[0] == "stratified"
    assert advised({"a": 20, "b": 400})[0] == "hash"


def test_a_class_of_one_photo_has_its_own_sentence() -> None:
    """No rule has a single photo on both sides, so it advises none, and is named."""
    by, reason = advised({"a": 400, "b": 1})
    assert by == "hash"
    assert reason == (
        "each class with two photos or more is large enough to have photos in validation, and none"
        " changes sides when others are added; 'b' has one photo, which cannot both train and"
        " validate"
    )
    by, reason = advised({"a": 400, "lynx": 13, "b": 1, "c": 1})
    assert by == "stratified"
    assert "of 2 classes with two photos or more 'lynx' is the smallest, with 13 photos; " in reason
    assert reason.endswith(
        "; 'b' and 'c' have one photo each, which cannot both train and validate"
    )


def test_classes_of_one_photo_alone_are_not_called_large() -> None:
    """Of 400 classes of one photo, and of two groups of 4,000 photos, nothing else is said."""
    by, reason = advised({f"c{number}": 1 for number in range(400)})
    assert by == "hash"
    assert reason == (
        "400 classes, such as 'c0', have one photo each, which cannot both train and validate"
    )
    advice = advise_split({"a": 1, "b": 1}, 4000, drawn=2, valid=0.2, folds=5, unit="group")
    assert advice.by == "hash"
    assert advice.reason.startswith("'a' and 'b' have one group each")


@pytest.mark.parametrize(
    ("units", "drawn", "rule"),
    [
        ({"a": 3, "b": 3}, 6, "folds"),
        ({"a": 3, "b": 3}, 5, "stratified"),  # one group is of both classes
        ({"a": 2, "b": 2}, 2, "stratified"),
        ({"a": 9, "b": 1}, 10, "stratified"),
    ],
)
def test_folds_need_two_units_a_class_and_more_units_than_folds(
    units: dict[str, int], drawn: int, rule: str
) -> None:
    """Of 200 photos in few groups no folds are advised, since some would be empty."""
    assert advise_split(units, 200, drawn=drawn, valid=0.2, folds=5, unit="group").by == rule


def test_groups_count_and_not_photos() -> None:
    """Two large classes of five groups each are stratified, and the reason counts groups."""
    advice = advise_split({"a": 5, "b": 5}, 4000, drawn=10, valid=0.2, folds=5, unit="group")
    assert advice.by == "stratified"
    assert advice.reason.endswith("with 5 groups")


def test_a_large_set_of_which_few_validate_has_no_folds() -> None:
    """Of 4,000 photos 40 were chosen to validate: six trainings would tell more than is asked."""
    assert advised({"a": 2000, "b": 2000}, valid=0.01)[0] == "hash"
