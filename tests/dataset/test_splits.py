"""The split keeps its promises whatever happens to the rest of the set."""

from hashlib import sha256
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Literal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.base.errors import UserError
from stages.dataset.duplicates import DUPLICATE_COLUMNS, NearDuplicates
from stages.dataset.splits import (
    SPLIT_VALUES,
    DatablockParams,
    SplitParams,
    assign_splits,
    list_class_names,
    read_splits,
    write_splits,
)

# The same examples on every run, and no time limit on a busy machine.
repeatable = settings(derandomize=True, deadline=None, max_examples=50)

# An image of a property test: what its bytes are, its class, its group of near-duplicates.
Photo = tuple[int, str, int]
photos = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from("abc"), st.integers(0, 9)),
    min_size=1,
    max_size=40,
)
Rule = Literal["hash", "stratified", "column", "folder"]
fractions = st.floats(0.01, 0.99)
rules = st.sampled_from(["hash", "stratified"])


def table(rows: list[Photo]) -> pd.DataFrame:
    """Return images whose bytes are a number; equal bytes are always in one group."""
    group = {content: group for content, _, group in rows}
    return pd.DataFrame(
        {
            "path": [f"{row:03}.jpg" for row in range(len(rows))],
            "label": [label for _, label, _ in rows],
            "sha256": [digest(content) for content, _, _ in rows],
            "group": [group[content] for content, _, _ in rows],
            "split": "",
        }
    )


def digest(content: int) -> str:
    """Return the sha256 of a number."""
    return sha256(str(content).encode()).hexdigest()


def distinct(count: int, label: str = "a") -> pd.DataFrame:
    """Return images that have nothing to do with each other."""
    images = table([(content, label, 0) for content in range(count)])
    return images.assign(group=range(count))


def duplicates_of(images: pd.DataFrame, kind: str = "same") -> pd.DataFrame:
    """Return the duplicates: equal bytes, and each pair of contents of one group."""
    rows = []
    images = images.sort_values("path")
    for _, group in images.groupby("group"):
        first = group.drop_duplicates("sha256")
        twin = group["sha256"].map(first.set_index("sha256")["path"])
        rows += [
            (path, original, "exact", "0", "0")
            for path, original in zip(group["path"], twin, strict=True)
            if path != original
        ]
        rows += [(b, a, kind, "10", "0.50") for a, b in combinations(first["path"], 2)]
    return pd.DataFrame(rows, columns=DUPLICATE_COLUMNS, dtype="str")


def split_by(
    images: pd.DataFrame, by: Rule, valid: float = 0.2, near: NearDuplicates = "exclude"
) -> pd.DataFrame:
    """Return the splits."""
    params = DatablockParams(split=SplitParams(by=by, valid=valid), near_duplicates=near)
    return assign_splits(images, params, duplicates_of(images))


def sides(images: pd.DataFrame, by: Rule = "hash", valid: float = 0.2) -> dict[str, str]:
    """Return path -> side."""
    splits = split_by(images, by, valid)
    return dict(zip(splits["path"], splits["split"], strict=True))


def validates(images: pd.DataFrame, by: Rule = "hash", valid: float = 0.2) -> set[str]:
    """Return the contents (not the names) of the validation images."""
    side = sides(images, by, valid)
    return {
        sha
        for path, sha in zip(images["path"], images["sha256"], strict=True)
        if side[path] == "valid"
    }


@repeatable
@given(photos, photos, fractions)
def test_adding_moves_nobody(rows: list[Photo], others: list[Photo], valid: float) -> None:
    """Under hash, adding images moves no image into or out of validation."""
    few = table(rows)
    many = table(rows + others)
    assert validates(few, valid=valid) == validates(many.iloc[: len(rows)], valid=valid)
    before = sides(few, valid=valid)
    after = sides(many, valid=valid)
    assert all((before[path] == "valid") == (after[path] == "valid") for path in before)


@repeatable
@given(photos, fractions, st.data())
def test_removing_moves_nobody(rows: list[Photo], valid: float, data: st.DataObject) -> None:
    """Under hash, removing images moves no image into or out of validation."""
    images = table(rows)
    mask = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    before = sides(images, valid=valid)
    after = sides(images[mask], valid=valid)
    assert all((before[path] == "valid") == (after[path] == "valid") for path in after)


@repeatable
@given(photos, fractions, st.randoms())
def test_renaming_and_reordering_move_nobody(
    rows: list[Photo], valid: float, random: Random
) -> None:
    """Under hash, other names, another order and other labels move no image across."""
    images = table(rows)
    names = [f"new/{number}.png" for number in range(len(rows))]
    random.shuffle(names)
    other = images.assign(path=names, label="z").sample(frac=1, random_state=random.randrange(99))
    assert validates(images, valid=valid) == validates(other, valid=valid)


@repeatable
@given(photos, fractions, fractions)
def test_a_larger_fraction_only_adds(
    rows: list[Photo], fraction: float, other_fraction: float
) -> None:
    """Under hash, a larger datablock.split.valid keeps every validation image there."""
    images = table(rows)
    low, high = sorted([fraction, other_fraction])
    assert validates(images, valid=low) <= validates(images, valid=high)


@repeatable
@given(photos, fractions, rules)
def test_no_duplicate_straddles(rows: list[Photo], valid: float, by: Rule) -> None:
    """No group of near-duplicates and no content has one image in train and one in valid."""
    images = table(rows)
    images["side"] = images["path"].map(sides(images, by, valid))
    for key in ("group", "sha256"):
        for _, same in images.groupby(key):
            assert not {"train", "valid"} <= set(same["side"])


@repeatable
@given(photos, fractions)
def test_excluded_names_a_validation_image(rows: list[Photo], valid: float) -> None:
    """Exactly the excluded images carry a reason, and it names a validation image of the group."""
    images = table(rows).set_index("path")
    splits = split_by(images.reset_index(), "hash", valid)
    side = dict(zip(splits["path"], splits["split"], strict=True))
    for path, where, reason in zip(splits["path"], splits["split"], splits["reason"], strict=True):
        assert (reason != "") == (where == "excluded")
        if reason:
            twin = reason.split(" of ")[1].split(" ")[0]
            assert side[twin] == "valid"
            assert images.loc[twin, "group"] == images.loc[path, "group"]


@repeatable
@given(photos, fractions)
def test_stratified_takes_the_smallest_hashes(rows: list[Photo], valid: float) -> None:
    """Under stratified, every class gives its smallest hashes: the fraction, one at least."""
    images = table(rows)
    images["group"] = range(len(rows))  # no near-duplicates, so nobody is excluded for them
    side = sides(images, "stratified", valid)
    for _, same_label in images.groupby("label"):
        digits = same_label["sha256"].str[8:]
        chosen = same_label["path"].map(side).eq("valid")
        if len(set(digits)) == 1:
            assert not chosen.any()
            continue
        assert digits[chosen].max() < digits[~chosen].min()
        wanted = max(1, round(valid * len(same_label)))
        assert chosen.sum() >= min(wanted, digits.lt(digits.max()).sum())
        assert digits[chosen].lt(digits[chosen].max()).sum() < wanted


@repeatable
@given(photos, fractions)
def test_stratified_loses_no_burst(rows: list[Photo], valid: float) -> None:
    """Under stratified, near-duplicates of one label go to one side, and every class trains."""
    images = table(rows)
    images["group"] = images["label"] + images["group"].astype(str)
    images["side"] = images["path"].map(sides(images, "stratified", valid))
    apart = images[images.groupby("sha256")["label"].transform("nunique").eq(1)]
    assert all(len(set(side)) == 1 for _, side in apart.groupby("group")["side"])
    if len(apart) == len(images):
        assert not images["side"].eq("excluded").any()
        assert images["side"].eq("train").groupby(images["label"]).any().all()


@repeatable
@given(photos, fractions, rules)
def test_every_split_is_a_known_value(rows: list[Photo], valid: float, by: Rule) -> None:
    """An image trains, validates or is excluded, and nothing else."""
    assert set(sides(table(rows), by, valid).values()) <= set(SPLIT_VALUES)
    assert SPLIT_VALUES == ["train", "valid", "test", "excluded"]


def test_a_class_of_one_burst_trains() -> None:
    """A class whose photos are all alike is not validated, and none of them is lost."""
    images = pd.concat([distinct(10), table([(50, "b", 0), (51, "b", 0)])], ignore_index=True)
    images["path"] = [f"{row:03}.jpg" for row in range(len(images))]
    images.loc[10:, "group"] = 99
    assert list(sides(images, "stratified").values())[10:] == ["train", "train"]


def test_stratified_counts_of_distinct_images() -> None:
    """Of 1, 2, 3, 10 and 100 distinct images a fifth validates: 0, 1, 1, 2 and 20."""
    for count, expected in [(1, 0), (2, 1), (3, 1), (10, 2), (100, 20)]:
        assert len(validates(distinct(count), "stratified")) == expected


def test_stratified_gives_one_to_validation() -> None:
    """Even at 1 % a class of two or more images gives one to validation."""
    assert [len(validates(distinct(count), "stratified", 0.01)) for count in (1, 2, 10)] == [
        0,
        1,
        1,
    ]


def test_stratified_leaves_one_to_train() -> None:
    """Even at 99 % a class keeps an image for training."""
    assert len(validates(distinct(10), "stratified", 0.99)) == 9


def test_hash_comes_near_the_fraction() -> None:
    """Of 2,000 images, hash takes the fraction within four standard deviations (72 images)."""
    assert abs(len(validates(distinct(2000))) - 400) < 72


def test_hash_is_the_known_rule() -> None:
    """The side is digits 9 to 21 of the sha256 as a fraction of 16**13, for good."""
    images = distinct(4).assign(
        sha256=[
            f"{'f' * 8}{digits}{'f' * 43}"
            for digits in ("0" * 13, "3" + "f" * 12, "4" + "0" * 12, "f" * 13)
        ]
    )
    assert list(sides(images, valid=0.25).values()) == ["valid", "valid", "train", "train"]


def test_shards_do_not_decide() -> None:
    """Each of the 16 first digits, which choose the shard, has images on both sides."""
    images = distinct(1000)
    side = images["path"].map(sides(images))
    assert side.groupby(images["sha256"].str[0]).nunique().tolist() == [2] * 16


def test_result_is_sorted_by_path() -> None:
    """The rows come sorted by path, whatever the order of the input."""
    images = distinct(5).iloc[::-1]
    splits = split_by(images, "hash", 0.2)
    assert splits["path"].tolist() == sorted(images["path"])
    assert list(splits.columns) == ["path", "label", "split", "reason"]


def test_exact_duplicates_are_called_so() -> None:
    """Equal bytes are excluded as such, whatever else looks like them."""
    images = distinct(2).assign(sha256=digest(0), group=0, split=["valid", "train"])
    splits = split_by(images, "column", 0.2)
    assert splits["split"].tolist() == ["valid", "excluded"]
    assert splits["reason"].tolist() == ["", "exact duplicate of 000.jpg"]


def test_near_duplicate_of_the_first_validation_image() -> None:
    """With several validation images in a group, the reason names the first by path."""
    images = distinct(3).assign(group=7, split=["train", "valid", "valid"])
    splits = split_by(images.iloc[::-1], "column", 0.2)
    assert splits["reason"].tolist() == ["near-duplicate of 001.jpg (difference 0.50)", "", ""]


def test_column_takes_what_is_given() -> None:
    """Under column, the split column decides, whatever the fraction."""
    images = distinct(3).assign(split=["valid", "train", "valid"])
    assert list(sides(images, "column").values()) == ["valid", "train", "valid"]


def test_column_without_a_split_column_names_the_parameter() -> None:
    """Under column without any given side, the error names ingest.label.split_column."""
    with pytest.raises(UserError, match=r"ingest\.label\.split_column"):
        sides(distinct(3), "column")


def test_column_lists_all_other_values() -> None:
    """Under column, every image with another value is named, with the value."""
    images = distinct(4).assign(split=["valid", "parrot", "train", ""])
    with pytest.raises(UserError, match="2 of 4 images differ") as caught:
        sides(images, "column")
    assert "001.jpg: parrot" in str(caught.value)
    assert "003.jpg: nothing" in str(caught.value)


@pytest.mark.parametrize("by", ["column", "folder"])
def test_a_test_side_is_set_aside(by: Rule) -> None:
    """Images of the side test neither train nor validate, and what repeats them does not train."""
    paths = ["test/a.jpg", "train/b.jpg", "train/c.jpg", "val/d.jpg"]
    images = distinct(4).assign(path=paths, group=[1, 1, 2, 3])
    images["split"] = ["test", "train", "train", "valid"]
    splits = split_by(images, by)
    assert splits["split"].tolist() == ["test", "excluded", "train", "valid"]
    assert splits["reason"].tolist()[1] == "near-duplicate of test/a.jpg (difference 0.50)"


def test_a_validation_image_is_never_excluded() -> None:
    """What repeats a test image stays in validation: there the given side decides."""
    images = distinct(3).assign(group=[1, 1, 2], split=["test", "valid", "train"])
    assert list(sides(images, "column").values()) == ["test", "valid", "train"]


def test_folder_reads_the_level_that_tells_sides_apart() -> None:
    """Under folder, a class called train is told from the side by its place."""
    paths = [f"{side}/{label}/1.jpg" for side in ("train", "valid") for label in ("bus", "train")]
    images = distinct(4).assign(path=paths)
    expected = {path: path.split("/")[0] for path in paths}
    assert sides(images, "folder") == expected


@pytest.mark.parametrize("near", ["warn", "off"])
def test_warn_and_off_exclude_equal_files_only(near: NearDuplicates) -> None:
    """With warn and off, near-duplicates train and equal files do not."""
    images = distinct(3).assign(group=1, split=["valid", "train", "train"])
    images["sha256"] = [digest(0), digest(1), digest(0)]
    splits = split_by(images, "column", near=near)
    assert splits["split"].tolist() == ["valid", "train", "excluded"]


@pytest.mark.parametrize("kind", ["alike", "series"])
def test_what_only_looks_alike_trains(kind: str) -> None:
    """Pairs that are not confirmed exclude nobody."""
    images = distinct(3).assign(group=1, split=["valid", "train", "train"])
    params = DatablockParams(split=SplitParams(by="column", valid=0.2), near_duplicates="exclude")
    splits = assign_splits(images, params, duplicates_of(images, kind))
    assert splits["split"].tolist() == ["valid", "train", "train"]


def test_near_duplicates_do_not_chain() -> None:
    """A copy of a copy trains where it is not itself the same picture as a validation image."""
    images = distinct(3).assign(split=["valid", "train", "train"])
    chain = [
        ("001.jpg", "000.jpg", "same", "9", "0.80"),
        ("002.jpg", "001.jpg", "same", "9", "0.80"),
    ]
    duplicates = pd.DataFrame(chain, columns=DUPLICATE_COLUMNS, dtype="str")
    params = DatablockParams(split=SplitParams(by="column", valid=0.2), near_duplicates="exclude")
    splits = assign_splits(images, params, duplicates)
    assert splits["split"].tolist() == ["valid", "excluded", "train"]


def test_stratified_keeps_look_alikes_on_one_side() -> None:
    """A burst that is not surely one picture falls on one side, and a class of one is divided."""
    images = distinct(20).assign(group=[n // 2 for n in range(20)])
    params = DatablockParams(split=SplitParams(by="stratified", valid=0.2), near_duplicates="warn")
    alike = duplicates_of(images, "alike")
    splits = assign_splits(images, params, alike)
    assert (splits["split"][::2].to_numpy() == splits["split"][1::2].to_numpy()).all()
    one = distinct(8).assign(group=1)
    splits = assign_splits(one, params, duplicates_of(one, "alike"))
    assert splits["split"].value_counts().to_dict() == {"train": 6, "valid": 2}
    series = assign_splits(one, params, duplicates_of(one, "series"))
    assert series.equals(splits)


@pytest.mark.parametrize("by", ["hash", "stratified", "column", "folder"])
def test_no_images_give_an_empty_table(by: Rule) -> None:
    """A set without images splits into an empty table, so that the summary can say so."""
    assert split_by(distinct(3).iloc[:0], by, 0.2).empty


def test_difficult_text_survives_the_file(tmp_path: Path) -> None:
    """Labels and paths such as NA, 007, commas, quotes and line ends come back as they were."""
    labels = ["NA", "007", "nan", "", "1e5", 'a,"b"', "é ", "null", "a\rb"]
    splits = pd.DataFrame(
        {
            "path": [f"{label}/\n.jpg" for label in labels],
            "label": labels,
            "split": "excluded",
            "reason": "near-duplicate of x,y.jpg",
        }
    )
    write_splits(tmp_path / "splits.csv", splits)
    again = read_splits(tmp_path / "splits.csv")
    assert again.to_dict("list") == splits.to_dict("list")


def test_a_missing_file_names_the_stage(tmp_path: Path) -> None:
    """Without the file, the error says what makes it."""
    with pytest.raises(UserError, match="dvc repro datablock"):
        read_splits(tmp_path / "splits.csv")


def test_class_names_are_sorted() -> None:
    """The class names are every label once, sorted as text."""
    assert list_class_names(pd.DataFrame({"label": ["b", "10", "a", "9", "b"]})) == [
        "10",
        "9",
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    "wrong", [{"by": "random"}, {"valid": 0.0}, {"valid": 1.0}, {"valid": "0.2"}, {"seed": 1}]
)
def test_params_refuse(wrong: dict[str, object]) -> None:
    """Another rule, a fraction of all or nothing, text and unknown keys are refused."""
    right = {"by": "hash", "valid": 0.2}
    section = {"split": right, "near_duplicates": "exclude"}
    assert DatablockParams.model_validate(section).split.valid == 0.2
    with pytest.raises(ValidationError):
        DatablockParams.model_validate(section | {"split": right | wrong})
