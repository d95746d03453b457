"""Layouts that people's photos have: what is proposed for each, and what stays open."""

from collections.abc import Sequence
from hashlib import md5
from pathlib import Path

import pytest

from stages.labels.csv_table import parse_table
from stages.labels.label_guess import Guess, guess_labels
from stages.labels.proposal import Proposal
from tests.example_rule import example_rule

CLASSES = ("cat", "great_dane")


def guess(paths: Sequence[str], *tables: str, **params: str) -> Guess:
    """Return the guess for photos and the texts of tables, with some params changed."""
    parsed = [parse_table(Path(f"t{at}.csv"), text, ",") for at, text in enumerate(tables)]
    return guess_labels(paths, parsed, example_rule(**params))


def best(paths: Sequence[str], *tables: str) -> Proposal:
    """Return the first proposal."""
    return guess(paths, *tables).proposals[0]


def photos(*folders: str, count: int = 6) -> list[str]:
    """Return numbered photos in each folder."""
    return [f"{folder}/{number}.jpg" for folder in folders for number in range(count)]


def numbered(*names: str, count: int = 6) -> list[str]:
    """Return numbered photos of each name, which has {} for the number."""
    return [name.format(number) for name in names for number in range(count)]


def test_a_folder_for_each_class() -> None:
    """Class folders are labels by folder, with the paths of each class and a split by hash."""
    proposal = best(photos(*CLASSES))
    assert (proposal.way, proposal.rule.by, proposal.split) == ("folder", "folder", "hash")
    assert {label: len(paths) for label, paths in proposal.classes.items()} == {
        "cat": 6,
        "great_dane": 6,
    }
    assert proposal.doubts == ()


def test_classes_within_train_and_val() -> None:
    """train/cat and val/cat are a class, and the folders above divide the photos."""
    proposal = best(photos("train/cat", "train/dog", "val/cat", "val/dog"))
    assert (proposal.rule.by, proposal.split) == ("folder", "folder")
    assert list(proposal.classes) == ["cat", "dog"]


def test_sides_within_classes() -> None:
    """cat/train and dog/train are labelled by the first folder, and divided by the second."""
    proposal = best(photos("cat/train", "cat/val", "dog/train", "dog/val"))
    assert (proposal.rule.on, proposal.rule.regex) == ("path", "^([^/]+)/")
    assert proposal.split == "folder"
    assert list(proposal.classes) == ["cat", "dog"]


def test_a_class_may_be_called_train() -> None:
    """Beside buses trains are a class, whose place is below the side."""
    proposal = best(photos("train/train", "train/bus", "valid/train", "valid/bus"))
    assert list(proposal.classes) == ["bus", "train"]
    assert proposal.split == "folder"
    assert list(best(photos("train", "bus", "plane")).classes) == ["bus", "plane", "train"]


def test_train_and_test_alone_leave_the_split_open() -> None:
    """Without a folder to validate on the split is by hash, and a doubt names the param."""
    proposal = best(photos("train/cat", "train/dog", "test/cat", "test/dog"))
    assert proposal.split == "hash"
    (doubt,) = proposal.doubts
    assert doubt.startswith("datablock.split.by ")
    assert "test and train" in doubt


def test_a_test_folder_without_classes_is_left_unlabelled() -> None:
    """Photos of a contest's test/ get no label, rather than a class called test."""
    proposal = best([*photos("train/cat", "train/dog"), *photos("test")])
    assert list(proposal.classes) == ["cat", "dog"]
    assert len(proposal.labels.unlabelled) == 6


@pytest.mark.parametrize(
    ("names", "regex", "classes"),
    [
        (("cat_{}.jpg", "great_dane_{}.jpg"), r"^(.+)_\d+\.\w+$", ["cat", "great_dane"]),
        (("cat.{}.jpg", "dog.{}.jpg"), r"^(.+)\.\d+\.\w+$", ["cat", "dog"]),
        (("{}_cat.jpg", "{}_dog.jpg"), r"^\d+[-_. ]+(.+)\.\w+$", ["cat", "dog"]),
        (("Tern_{0}_1{0}.jpg", "Gull_{0}_2{0}.jpg"), r"^(\D+?)[-_. ]*\(?\d", ["Gull", "Tern"]),
    ],
)
def test_names_of_classes_and_numbers(
    names: tuple[str, ...], regex: str, classes: list[str]
) -> None:
    """The class in a file name is caught by the pattern that most names of its kind follow."""
    proposal = best(numbered(*names))
    assert (proposal.rule.by, proposal.rule.on, proposal.rule.regex) == ("filename", "name", regex)
    assert list(proposal.classes) == classes


def test_names_within_train_and_valid() -> None:
    """Where folders are sides and no classes, names label and folders divide."""
    proposal = best(
        [
            f"{side}/{name}"
            for side in ("train", "valid")
            for name in numbered("a_{}.png", "b_{}.png")
        ]
    )
    assert (proposal.rule.by, proposal.split) == ("filename", "folder")


def test_names_go_before_folders_that_say_nothing() -> None:
    """part1/cat_1.jpg is labelled by its name; the folders are offered behind."""
    paths = [
        f"part{part}/{name}" for part in (1, 2) for name in numbered("cat_{}.jpg", "dog_{}.jpg")
    ]
    first, second = guess(paths).proposals
    assert list(first.classes) == ["cat", "dog"]
    assert list(second.classes) == ["part1", "part2"]


def test_numbers_are_classes_where_nothing_else_is() -> None:
    """Folders 0 and 1, as of digits, are proposed though numbers say little."""
    assert list(best(photos("0", "1")).classes) == ["0", "1"]


def test_folders_within_classes_may_be_groups() -> None:
    """cat/s1 is labelled by its first folder, and a doubt says how to keep s1 on one side."""
    proposal = best(photos("cat/s1", "cat/s2", "dog/s1", "dog/s2"))
    assert list(proposal.classes) == ["cat", "dog"]
    assert any(doubt.startswith("datablock.split.group: 4 folders") for doubt in proposal.doubts)


def test_what_two_ways_agree_on_is_one_proposal() -> None:
    """Folders and names that give the same labels are not two choices."""
    assert (
        len(
            guess([f"{name}/{name}_{n}.jpg" for name in ("cat", "dog") for n in range(4)]).proposals
        )
        == 1
    )


def test_mixed_photos_are_labelled_where_folders_say_so() -> None:
    """Of photos in folders and beside them the former are labelled, and the share is known."""
    proposal = best([*photos("cat", "dog"), *numbered("IMG_{}.jpg", count=3)])
    assert proposal.rule.by == "folder"
    assert proposal.share == pytest.approx(12 / 15)


@pytest.mark.parametrize(
    "paths",
    [
        numbered("IMG_{}.jpg", "DSC_{}.jpg"),
        [f"{md5(bytes([number])).hexdigest()}.jpg" for number in range(60)],
        photos("holiday"),
        photos("train", "val"),
        [f"{number}/only.jpg" for number in range(9)],
    ],
    ids=["camera", "hash", "one folder", "sides alone", "a folder for each"],
)
def test_nothing_is_proposed_where_nothing_is_said(paths: list[str]) -> None:
    """Names of cameras, hashes, one folder and sides alone are no classes."""
    assert guess(paths).proposals == []


def table(*lines: str) -> str:
    """Return the text of a table."""
    return "".join(f"{line}\n" for line in lines)


def test_a_table_with_columns_of_its_own() -> None:
    """Columns of other names, a semicolon and names without extension are read as they are."""
    rows = [f"{n};{'mel' if n % 2 else 'nev'};{30 + n}" for n in range(10)]
    proposal = best(numbered("{}.jpg", count=10), table("Image ID;Diagnosis;age", *rows))
    rule = proposal.rule
    assert (rule.by, rule.csv, rule.delimiter) == ("csv", "t0.csv", ";")
    assert (rule.path_column, rule.label_column) == ("Image ID", "Diagnosis")
    assert list(proposal.classes) == ["mel", "nev"]


def test_a_table_goes_before_folders_and_names() -> None:
    """Who wrote a table meant it, whatever the folders are called."""
    rows = [f"{path},{'red' if at % 2 else 'blue'}" for at, path in enumerate(photos("cat", "dog"))]
    ways = [one.way for one in guess(photos("cat", "dog"), table("path,label", *rows)).proposals]
    assert ways == ["csv", "folder"]


def test_a_column_of_sides_divides() -> None:
    """A column with train and val for each photo is the split; one without valid is a doubt."""
    paths = numbered("{}.jpg", count=12)
    rows = [
        f"{path},{'ab'[at % 2]},{'val' if at % 3 else 'train'}" for at, path in enumerate(paths)
    ]
    proposal = best(paths, table("file,kind,fold", *rows))
    assert (proposal.split, proposal.rule.split_column) == ("column", "fold")
    tested = [row.replace("val", "test") for row in rows]
    proposal = best(paths, table("file,kind,fold", *tested))
    assert (proposal.split, proposal.rule.split_column) == ("hash", "")
    assert "'fold'" in proposal.doubts[0]


@pytest.mark.parametrize(
    ("lines", "doubt"),
    [
        (["file,a,b", *(f"{n}.jpg,{n % 2},{1 - n % 2}" for n in range(9))], "a column for each"),
        ([f"{n}.jpg,{'ab'[n % 2]}" for n in range(9)], "no header; put one at its top, such as"),
        (["x,y", "a,b"], "no column of it names these photos"),
        (
            ["f,c1,c2", *(f"{n}.jpg,{n % 2},{n % 3}" for n in range(9))],
            "set ingest.label.label_column in params.yaml",
        ),
        (["file,label", *(f"{n}.jpg,{n}" for n in range(9))], "9 classes for 9 photos"),
        (["file,label", *(f"{n}.jpg,a" for n in range(9))], "1 class for 9 photos"),
    ],
    ids=["one-hot", "no header", "other photos", "numbers", "own labels", "one class"],
)
def test_a_table_that_decides_nothing_says_why(lines: list[str], doubt: str) -> None:
    """A table that cannot be taken is a doubt with its name and what to change."""
    found = guess(numbered("{}.jpg", count=9), table(*lines))
    assert found.proposals == []
    (line,) = found.doubts
    assert line.startswith("t0.csv")
    assert doubt in line


def test_what_a_proposal_does_not_use_stays() -> None:
    """The regex and the columns of the present params stay where a folder is the label."""
    rule = best(photos(*CLASSES)).rule
    assert rule == example_rule(by="folder")


def test_the_regex_of_params_is_tried() -> None:
    """Names that no pattern reads are labelled by the regex that a person set in params.yaml."""
    paths = [f"{md5(bytes([n])).hexdigest()[:6]}x{'ab'[n % 2]}y.jpg" for n in range(20)]
    regex = r"x([ab])y\.\w+$"
    (proposal,) = guess(paths, regex=regex).proposals
    assert (proposal.rule.regex, list(proposal.classes)) == (regex, ["a", "b"])
    assert guess(paths, regex=regex, by="folder").proposals == []


TWO_COLUMNS = ["file,kind,colour", *(f"{n}.jpg,{'ab'[n % 2]},{'cd'[n % 3 == 0]}" for n in range(9))]


def test_the_column_of_params_is_taken_unless_a_number_is_named() -> None:
    """Of the columns of the first table that which params.yaml names is taken, in any case."""
    paths = numbered("{}.jpg", count=9)
    for column, number in (("Colour", 2), ("kind", 1), ("label", 1)):
        found = guess(paths, table(*TWO_COLUMNS), label_column=column)
        assert found.number_of(example_rule(label_column=column)) == number
    assert guess(photos(*CLASSES)).number_of(example_rule()) == 1


def test_columns_of_one_table_keep_their_order() -> None:
    """A column without a cell or two stays before one that suits classes less."""
    rows = [f"{n}.jpg,{'' if n == 7 else 'ab'[n % 2]},bin{n % 4}" for n in range(40)]
    found = guess(numbered("{}.jpg", count=40), table("file,kind,place", *rows))
    assert [one.rule.label_column for one in found.proposals] == ["kind", "place"]
