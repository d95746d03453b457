"""Findings about duplicates: what is excluded, what only looks alike, and labels that differ."""

import pandas as pd

from stages.checks.duplicate_findings import check_duplicates
from stages.checks.finding import Finding
from stages.dataset.duplicates import DUPLICATE_COLUMNS
from stages.dataset.split_params import DatablockParams, NearDuplicates, SplitParams, SplitRule
from tests.checks.example_images import images_of

Pair = tuple[str, str, str, str, str]


def params(by: SplitRule = "hash", near: NearDuplicates = "exclude") -> DatablockParams:
    """Return the params of the stage."""
    split = SplitParams(by=by, valid=0.2, folds=5, test=0.0, group="")
    return DatablockParams(split=split, near_duplicates=near)


def findings(images: pd.DataFrame, pairs: list[Pair], by: SplitRule = "hash") -> dict[str, Finding]:
    """Return check -> finding."""
    duplicates = pd.DataFrame(pairs, columns=DUPLICATE_COLUMNS, dtype="str")
    found = check_duplicates(images, duplicates, params(by))
    return {finding.check: finding for finding in found}


def same(path: str, twin: str) -> Pair:
    """Return a pair that is the same picture."""
    return (path, twin, "same", "8", "0.40")


def alike(path: str, twin: str, difference: str = "3.10") -> Pair:
    """Return a pair that only looks alike."""
    return (path, twin, "alike", "20", difference)


def test_without_duplicates_there_is_nothing_to_say() -> None:
    """Images that have nothing to do with each other give no finding."""
    assert findings(images_of(a=(8, 2), b=(8, 2)), []) == {}


def test_an_empty_set_has_no_findings() -> None:
    """No images, no findings, no error."""
    assert findings(images_of(), []) == {}


def test_excluded_images_are_counted_and_named() -> None:
    """Excluded images are one warning with their number and paths, sorted, and the way out."""
    images = images_of(a=(8, 2, 2), b=(8, 2, 1))
    warning = findings(images.iloc[::-1], [])["duplicates_across_the_split"]
    assert warning.message.startswith("3 images")
    assert "datablock.near_duplicates: warn" in warning.message
    assert warning.paths == ("a_0010.jpg", "a_0011.jpg", "b_0022.jpg")


def test_look_alikes_across_the_split_are_a_warning() -> None:
    """Pairs that only look alike are counted, the nearest first, and nothing is excluded."""
    images = images_of(a=(8, 2), b=(8, 2))
    pairs = [alike("a_0008.jpg", "a_0000.jpg", "9.00"), alike("b_0018.jpg", "b_0010.jpg")]
    warning = findings(images, [*pairs, alike("a_0001.jpg", "a_0002.jpg")])
    message = warning["look_alikes_across_the_split"].message
    assert message.startswith("2 pairs")
    assert "b_0018.jpg ~ b_0010.jpg, a_0008.jpg ~ a_0000.jpg" in message
    assert "None is excluded" in message
    assert warning["look_alikes_across_the_split"].paths == (
        *("a_0000.jpg", "a_0008.jpg", "b_0010.jpg", "b_0018.jpg"),
    )
    assert set(warning) == {"look_alikes_across_the_split"}


def test_a_series_is_one_warning() -> None:
    """A series is counted with its first image, and the advice follows the rule of the split."""
    images = images_of(a=(20, 4), b=(8, 2))
    pairs: list[Pair] = [(f"a_{n:04}.jpg", "a_0000.jpg", "series", "", "") for n in range(1, 24)]
    warning = findings(images, pairs)["series"]
    assert "24 images in 1 series" in warning.message
    assert "a_0000.jpg and 23 more" in warning.message
    assert "not all one picture, or more than 8, which are not compared" in warning.message
    assert len(warning.paths) == 24
    for by in ("stratified", "column", "folder"):
        assert (
            by == "stratified" or "stratified" not in findings(images, pairs, by)["series"].message
        )


def test_many_pairs_are_a_short_warning() -> None:
    """Of forty pairs three are named, and the rest are in duplicates.csv."""
    images = images_of(a=(40, 40), b=(8, 2))
    pairs = [alike(f"a_{n + 40:04}.jpg", f"a_{n:04}.jpg") for n in range(40)]
    warning = findings(images, pairs)["look_alikes_across_the_split"]
    assert "37 more" in warning.message
    assert "data/duplicates.csv" in warning.message
    assert len(warning.message) < 600


def test_disagreeing_copies_show_their_labels() -> None:
    """Copies with different labels are one warning that calls none of them right or wrong."""
    images = images_of(a=(8, 2), b=(8, 2))
    pairs = [same("b_0010.jpg", "a_0000.jpg"), same("a_0002.jpg", "a_0001.jpg")]
    warning = findings(images, pairs)["duplicates_disagree"]
    assert "a_0000.jpg (a) ~ b_0010.jpg (b)" in warning.message
    assert "at most one is right" not in warning.message
    assert warning.paths == ("a_0000.jpg", "b_0010.jpg")


def exact(path: str, twin: str) -> Pair:
    """Return a pair of equal files."""
    return (path, twin, "exact", "0", "0")


def test_equal_files_that_disagree_are_no_look_alikes() -> None:
    """Files that are equal to the byte have a warning of their own, which is sure of it."""
    images = images_of(a=(8, 2), b=(8, 2))
    pairs = [exact("b_0010.jpg", "a_0000.jpg"), same("b_0011.jpg", "a_0001.jpg")]
    found = findings(images, pairs)
    warning = found["equal_files_disagree"]
    assert warning.message == (
        "1 file with different labels on equal copies of it, to the byte: a_0000.jpg (a) ~"
        " b_0010.jpg (b). At most one of two labels is right: correct the other in"
        " data/corrections.csv"
    )
    assert warning.paths == ("a_0000.jpg", "b_0010.jpg")
    assert found["duplicates_disagree"].paths == ("a_0001.jpg", "b_0011.jpg")
    assert "where they are copies, at most" in found["duplicates_in_training"].message


def test_a_picture_is_told_once_where_equal_files_of_it_disagree() -> None:
    """A near copy of two equal files is no second warning, and nothing is conditional."""
    images = images_of(a=(8, 2), b=(8, 2))
    pairs = [exact("b_0010.jpg", "a_0000.jpg"), same("a_0001.jpg", "a_0000.jpg")]
    found = findings(images, pairs)
    assert "duplicates_disagree" not in found
    assert found["duplicates_in_training"].message.endswith(
        "under several labels, of which training learns all: at most one label is right"
    )
    images = images_of(a=(8, 2), b=(8, 2), c=(8, 2))
    by_valid = [exact("b_0010.jpg", "a_0008.jpg"), exact("c_0020.jpg", "a_0008.jpg")]
    note = findings(images, by_valid)["duplicates_in_training"]
    assert note.message.endswith("learns all: at most one label is right")
    near = [exact("a_0001.jpg", "a_0000.jpg"), same("b_0010.jpg", "a_0000.jpg")]
    assert findings(images, near).keys() == {"duplicates_disagree", "duplicates_in_training"}


def test_labels_of_look_alikes_may_differ() -> None:
    """Photos that only look alike, as of a fixed camera, may have any labels."""
    images = images_of(a=(8, 2), b=(8, 2))
    pairs = [alike("b_0010.jpg", "a_0000.jpg"), ("b_0011.jpg", "a_0000.jpg", "series", "", "")]
    assert "duplicates_disagree" not in findings(images, pairs)


def test_copies_on_both_sides_are_named_where_nothing_excludes_them() -> None:
    """With warn, the same picture on both sides is a warning."""
    images = images_of(a=(8, 2), b=(8, 2))
    warning = findings(images, [same("a_0008.jpg", "a_0000.jpg")])["same_picture_on_both_sides"]
    assert "a_0008.jpg ~ a_0000.jpg" in warning.message
    assert warning.paths == ("a_0000.jpg", "a_0008.jpg")
    assert warning.severity == "warning"
    assert warning.leak.startswith("the same pictures train and validate: a_0008.jpg ~ a_0000.jpg")


def test_a_copy_in_the_test_set_stays_in_the_summary() -> None:
    """What trains and is tested is a warning, but nothing that the page says of validation."""
    images = images_of(a=(8, 2), b=(8, 2))
    images.loc[images["path"] == "a_0008.jpg", "split"] = "test"
    warning = findings(images, [same("a_0008.jpg", "a_0000.jpg")])["same_picture_on_both_sides"]
    assert warning.leak == ""


def test_copies_in_training_are_a_note() -> None:
    """Copies within training are noted, each but the first."""
    images = images_of(a=(8, 2), b=(8, 2))
    pairs = [same("a_0002.jpg", "a_0001.jpg"), same("a_0003.jpg", "a_0001.jpg")]
    note = findings(images, pairs)["duplicates_in_training"]
    assert note.severity == "note"
    assert note.paths == ("a_0002.jpg", "a_0003.jpg")
    assert note.message == (
        "2 training images are the same picture as another one there, with the same label, which"
        " does no harm"
    )


def test_copies_in_training_under_another_label_do_harm() -> None:
    """The note counts the pictures with several labels, not the copies that such a picture has."""
    images = images_of(a=(8, 2), b=(8, 2))
    pairs = [same("b_0010.jpg", "a_0000.jpg")]
    message = findings(images, pairs)["duplicates_in_training"].message
    assert message == (
        "1 training image is the same picture as another one there, and 1 picture has copies under"
        " several labels, of which training learns all: where they are copies, at most one label is"
        " right"
    )
    pairs += [same("a_0001.jpg", "a_0000.jpg"), same("a_0003.jpg", "a_0002.jpg")]
    more = findings(images, pairs)["duplicates_in_training"].message
    assert more.startswith("3 training images are the same picture as another one there, and 1 pic")
    assert "no harm" not in more
    pairs += [same("b_0011.jpg", "a_0002.jpg")]
    two = findings(images, pairs)["duplicates_in_training"].message
    assert ", and 2 pictures have copies under" in two


def test_by_folds_a_pair_counts_where_some_training_has_both_sides() -> None:
    """Pairs in two folds are warned about, unless twin_folds keeps them apart."""
    images = images_of(a=(4,), b=(4,)).assign(fold=list("12121212"), twin_folds="")
    names = images["path"].tolist()
    pairs = [same(names[1], names[0]), alike(names[3], names[2]), alike(names[6], names[4])]
    found = findings(images, pairs, "folds")
    assert found["same_picture_on_both_sides"].message.startswith("1 picture on two sides")
    assert found["look_alikes_across_the_split"].message.startswith("1 pair on two sides")
    images.loc[[0, 1], "twin_folds"] = ["2", "1"]
    assert "same_picture_on_both_sides" not in findings(images, pairs, "folds")
    assert findings(images, pairs, "folds")["duplicates_in_training"].severity == "note"
