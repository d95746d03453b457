"""The split keeps its promises whatever happens to the rest of the set."""

from hashlib import sha256
from itertools import combinations
from random import Random
from typing import Literal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base.errors import UserError
from stages.dataset.duplicates import DUPLICATE_COLUMNS
from stages.dataset.folds import fold_sides
from stages.dataset.split_files import SPLIT_VALUES
from stages.dataset.split_params import DatablockParams, NearDuplicates, SplitParams
from stages.dataset.splits import assign_splits

# The same examples on every run, and no time limit on a busy machine.
repeatable = settings(derandomize=True, deadline=None, max_examples=20)

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
            "alike": [group[content] for content, _, _ in rows],
            "group": "",
            "split": "",
        }
    )


def digest(content: int) -> str:
    """Return the sha256 of a number."""
    return sha256(str(content).encode()).hexdigest()


def distinct(count: int, label: str = "a") -> pd.DataFrame:
    """Return images that have nothing to do with each other."""
    images = table([(content, label, 0) for content in range(count)])
    return images.assign(alike=range(count))


def duplicates_of(images: pd.DataFrame, kind: str = "same") -> pd.DataFrame:
    """Return the duplicates: equal bytes, and each pair of contents of one group."""
    rows = []
    images = images.sort_values("path")
    for _, group in images.groupby("alike"):
        first = group.drop_duplicates("sha256")
        twin = group["sha256"].map(first.set_index("sha256")["path"])
        rows += [
            (path, original, "exact", "0", "0")
            for path, original in zip(group["path"], twin, strict=True)
            if path != original
        ]
        rows += [(b, a, kind, "10", "0.50") for a, b in combinations(first["path"], 2)]
    return pd.DataFrame(rows, columns=DUPLICATE_COLUMNS, dtype="str")


def params_of(
    by: Rule, valid: float = 0.2, test: float = 0.0, near: NearDuplicates = "exclude"
) -> DatablockParams:
    """Return the section, with no declared groups, which stand in the images here."""
    split = SplitParams(by=by, valid=valid, folds=5, test=test, group="")
    return DatablockParams(split=split, near_duplicates=near)


def split_by(
    images: pd.DataFrame,
    by: Rule,
    valid: float = 0.2,
    near: NearDuplicates = "exclude",
    test: float = 0.0,
) -> pd.DataFrame:
    """Return the splits."""
    return assign_splits(images, params_of(by, valid, test, near), duplicates_of(images))


def sides(
    images: pd.DataFrame, by: Rule = "hash", valid: float = 0.2, test: float = 0.0
) -> dict[str, str]:
    """Return path -> side."""
    splits = split_by(images, by, valid, test=test)
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
    for key in ("alike", "sha256"):
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
            assert images.loc[twin, "alike"] == images.loc[path, "alike"]


@repeatable
@given(photos, fractions)
def test_stratified_takes_the_smallest_hashes(rows: list[Photo], valid: float) -> None:
    """Under stratified, every class gives its smallest hashes: the fraction, one at least."""
    images = table(rows)
    images["alike"] = range(len(rows))  # no near-duplicates, so nobody is excluded for them
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
    images["alike"] = images["label"] + images["alike"].astype(str)
    images["side"] = images["path"].map(sides(images, "stratified", valid))
    apart = images[images.groupby("sha256")["label"].transform("nunique").eq(1)]
    assert all(len(set(side)) == 1 for _, side in apart.groupby("alike")["side"])
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
    images.loc[10:, "alike"] = 99
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
    images = distinct(2).assign(sha256=digest(0), alike=0, split=["valid", "train"])
    splits = split_by(images, "column", 0.2)
    assert splits["split"].tolist() == ["valid", "excluded"]
    assert splits["reason"].tolist() == ["", "exact duplicate of 000.jpg"]


def test_near_duplicate_of_the_first_validation_image() -> None:
    """With several validation images in a group, the reason names the first by path."""
    images = distinct(3).assign(alike=7, split=["train", "valid", "valid"])
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
    images = distinct(4).assign(path=paths, alike=[1, 1, 2, 3])
    images["split"] = ["test", "train", "train", "valid"]
    splits = split_by(images, by)
    assert splits["split"].tolist() == ["test", "excluded", "train", "valid"]
    assert splits["reason"].tolist()[1] == "near-duplicate of test/a.jpg (difference 0.50)"


def test_validation_yields_to_the_test() -> None:
    """What repeats a test image does not validate, and what repeats that does not train either."""
    images = distinct(4).assign(alike=[1, 1, 2, 3], split=["test", "valid", "train", "valid"])
    splits = split_by(images, "column")
    assert splits["split"].tolist() == ["test", "excluded", "train", "valid"]
    assert splits["reason"].tolist()[1] == "near-duplicate of 000.jpg (difference 0.50)"
    copies = images.assign(sha256=digest(0), alike=1)
    assert list(sides(copies, "column").values()) == ["test", "excluded", "excluded", "excluded"]


def test_folder_reads_the_level_that_tells_sides_apart() -> None:
    """Under folder, a class called train is told from the side by its place."""
    paths = [f"{side}/{label}/1.jpg" for side in ("train", "valid") for label in ("bus", "train")]
    images = distinct(4).assign(path=paths)
    expected = {path: path.split("/")[0] for path in paths}
    assert sides(images, "folder") == expected


@pytest.mark.parametrize("near", ["warn", "off"])
def test_warn_and_off_exclude_equal_files_only(near: NearDuplicates) -> None:
    """With warn and off, near-duplicates train and equal files do not."""
    images = distinct(3).assign(alike=1, split=["valid", "train", "train"])
    images["sha256"] = [digest(0), digest(1), digest(0)]
    splits = split_by(images, "column", near=near)
    assert splits["split"].tolist() == ["valid", "train", "excluded"]


@pytest.mark.parametrize("kind", ["alike", "series"])
def test_what_only_looks_alike_trains(kind: str) -> None:
    """Pairs that are not confirmed exclude nobody."""
    images = distinct(3).assign(alike=1, split=["valid", "train", "train"])
    params = params_of("column")
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
    params = params_of("column")
    splits = assign_splits(images, params, duplicates)
    assert splits["split"].tolist() == ["valid", "excluded", "train"]


def test_stratified_keeps_look_alikes_on_one_side() -> None:
    """A burst that is not surely one picture falls on one side, and a class of one is divided."""
    images = distinct(20).assign(alike=[n // 2 for n in range(20)])
    params = params_of("stratified", near="warn")
    alike = duplicates_of(images, "alike")
    splits = assign_splits(images, params, alike)
    assert (splits["split"][::2].to_numpy() == splits["split"][1::2].to_numpy()).all()
    one = distinct(8).assign(alike=1)
    splits = assign_splits(one, params, duplicates_of(one, "alike"))
    assert splits["split"].value_counts().to_dict() == {"train": 6, "valid": 2}
    series = assign_splits(one, params, duplicates_of(one, "series"))
    assert series.equals(splits)


@pytest.mark.parametrize("by", ["hash", "stratified", "column", "folder"])
def test_no_images_give_an_empty_table(by: Rule) -> None:
    """A set without images splits into an empty table, so that the summary can say so."""
    assert split_by(distinct(3).iloc[:0], by, 0.2).empty


@repeatable
@given(photos, fractions, st.floats(0, 0.99))
def test_setting_a_test_moves_only_its_own_images(
    rows: list[Photo], valid: float, test: float
) -> None:
    """Under hash, a test set takes training images, and all others stay but for its twins."""
    images = table(rows)
    test *= 1 - valid
    before = sides(images, valid=valid)
    splits = split_by(images, "hash", valid, test=test).set_index("path")
    alike = dict(zip(images["path"], images["alike"], strict=True))
    after = dict(zip(splits.index, splits["split"], strict=True))
    tested = {alike[path] for path, side in after.items() if side == "test"}
    for path, side in after.items():
        if side == "test":
            assert before[path] in ("train", "excluded")
        elif side != before[path]:
            assert side == "excluded"
            assert alike[path] in tested


@repeatable
@given(photos, fractions, st.floats(0, 0.99), st.floats(0, 1))
def test_a_larger_test_keeps_what_it_has(
    rows: list[Photo], valid: float, test: float, share: float
) -> None:
    """Under hash, a larger test share, or another one for validation, lets no test image out."""
    images = table(rows)
    test *= 1 - valid
    few = sides(images, valid=valid, test=test * share)
    many = sides(images, valid=valid * share or valid, test=test)
    assert {p for p in few if few[p] == "test"} <= {p for p in many if many[p] == "test"}


def test_hash_takes_the_test_from_the_largest() -> None:
    """The test set is the images whose digits 9 to 21 are at least 1 minus the share."""
    digits = ("0" * 13, "b" + "f" * 12, "c" + "0" * 12, "f" * 13)
    images = distinct(4).assign(sha256=[f"{'f' * 8}{d}{'f' * 43}" for d in digits])
    assert list(sides(images, test=0.25).values()) == ["valid", "train", "test", "test"]


def test_hash_comes_near_the_share_of_the_test() -> None:
    """Of 2,000 images, a test of .15 gets 300, within four standard deviations (64 images)."""
    found = list(sides(distinct(2000), test=0.15).values())
    assert abs(found.count("test") - 300) < 64
    assert found.count("valid") == list(sides(distinct(2000)).values()).count("valid")


def test_stratified_counts_of_the_test() -> None:
    """Of 1, 2, 3, 10 and 100 images of a class a fifth is the test, from three on one at least."""
    for count, expected in [(1, 0), (2, 0), (3, 1), (10, 2), (100, 20)]:
        images = distinct(count)
        found = sides(images, "stratified", test=0.2)
        without = sides(images, "stratified")
        assert list(found.values()).count("test") == expected
        assert all(side in ("test", without[path]) for path, side in found.items())
        assert all(without[path] == "train" for path, side in found.items() if side == "test")


@repeatable
@given(photos, fractions, st.floats(0.01, 0.99), st.booleans())
def test_stratified_with_a_test_trains_every_class(
    rows: list[Photo], valid: float, test: float, grouped: bool
) -> None:
    """Under stratified, a class keeps a training image whatever is asked for, groups or none."""
    images = table(rows)
    images["alike"] = range(len(rows))
    images["sha256"] = [digest(row) for row in range(len(rows))]
    if grouped:
        images["group"] = images["label"] + images["sha256"].str[:1]
    side = images["path"].map(sides(images, "stratified", valid, test * (1 - valid)))
    assert side.eq("train").groupby(images["label"]).any().all()
    if grouped:
        assert all(len(set(same)) == 1 for _, same in side.groupby(images["group"]))


@repeatable
@given(photos, fractions, st.floats(0, 0.99), st.lists(st.sampled_from("pqr"), min_size=40), rules)
def test_a_group_stays_on_one_side(
    rows: list[Photo], valid: float, test: float, names: list[str], by: Rule
) -> None:
    """A declared group is on one side whatever its labels; copies elsewhere may exclude some."""
    images = table(rows)
    images["group"] = names[: len(rows)]
    images["side"] = images["path"].map(sides(images, by, valid, test * (1 - valid)))
    used = images[images["side"] != "excluded"]
    assert all(len(set(side)) == 1 for _, side in used.groupby("group")["side"])


def test_the_name_of_a_group_decides() -> None:
    """Under hash, images of a group are where the hash of its name says, whatever they show."""
    names = ["anna", "ben", "cleo", "dora", "emil", "fay", "gus", "hal"]
    images = distinct(40).assign(group=[names[n % 8] for n in range(40)])
    found = sides(images, valid=0.3, test=0.2)
    for name in names:
        fraction = int(sha256(name.encode()).hexdigest()[8:21], 16) / 16**13
        expected = "valid" if fraction < 0.3 else "test" if fraction >= 0.8 else "train"
        assert {found[p] for p in images["path"][images["group"] == name]} == {expected}


@given(photos, st.integers(2, 20), fractions)
@repeatable
def test_no_training_of_a_fold_sees_what_it_validates(
    rows: list[Photo], count: int, test: float
) -> None:
    """By folds no image trains that is, or repeats, one of the fold; each validates in one."""
    images = table(rows)
    params = params_of("hash", valid=0.01, test=test)
    split = params.split.model_copy(update={"by": "folds", "folds": count})
    duplicates = duplicates_of(images)
    splits = assign_splits(images, params.model_copy(update={"split": split}), duplicates)
    assert list(splits) == ["path", "label", "split", "reason", "fold", "twin_folds"]
    assert not splits["split"].eq("valid").any()
    assert splits["fold"].ne("").equals(splits["split"].eq("train"))
    alike = images.set_index("path")["alike"]
    held_out: set[str] = set()
    for sides_of_fold in fold_sides(splits).values():
        fold = splits.assign(split=sides_of_fold)
        by_side = {side: set(alike[part["path"]]) for side, part in fold.groupby("split")}
        assert not by_side.get("train", set()) & by_side["valid"]
        paths = fold.loc[fold["split"] == "valid", "path"]
        assert not held_out & set(paths)
        held_out.update(paths)
    assert held_out == set(splits.loc[splits["split"] == "train", "path"])


def test_folds_leave_the_test_as_it_is() -> None:
    """By folds the test images are those of hash, and all others train."""
    images = distinct(60)
    by_hash = split_by(images, "hash", test=0.3)
    split = params_of("hash", test=0.3).split.model_copy(update={"by": "folds"})
    params = DatablockParams(split=split, near_duplicates="exclude")
    by_folds = assign_splits(images, params, duplicates_of(images))
    tested = by_hash["split"].eq("test")
    assert tested.sum() > 10
    assert by_folds["split"].tolist() == tested.map({True: "test", False: "train"}).tolist()
    assert by_folds.loc[tested, "fold"].eq("").all()
