"""Sources that label photos differently are compared where they speak of the same classes."""

from pathlib import Path

import numpy as np
import pytest

from stages.labels.csv_table import parse_table
from stages.labels.label_conflicts import (
    LabelConflicts,
    compare_labels,
    compare_photo_labels,
    folder_conflicts,
    proposal_conflicts,
    source_words,
)
from stages.labels.label_guess import guess_labels
from stages.labels.labels import PhotoLabels
from tests.example_rule import example_rule

PHOTOS = [f"{name}/{number}.jpg" for name in ("cat", "dog") for number in range(4)]


def compared(labels: str, others: str) -> LabelConflicts | None:
    """Return the conflicts of photos with these labels, a word each, - for none."""
    first, second = ([word.strip("-") for word in text.split()] for text in (labels, others))
    return compare_labels([f"{at}.jpg" for at in range(len(first))], first, second)


def test_other_labels_are_counted_with_the_first() -> None:
    """Of the photos that both label, those with another class are listed in order."""
    found = compared("cat dog cat dog -", "cat cat dog dog dog")
    assert found
    assert (found.paths, found.compared) == (["1.jpg", "2.jpg"], 4)
    assert found.sentence("a.csv", "the folders") == (
        "a.csv and the folders disagree about 2 of 4 photos, such as '1.jpg': 'dog' and 'cat'"
    )


def test_labels_that_are_all_other_ones_contradict() -> None:
    """Where two classes are exchanged, no photo agrees, and each is listed."""
    found = compared("cat cat dog", "dog dog cat")
    assert found
    assert len(found.paths) == found.compared == 3


def test_a_class_that_one_source_lacks_contradicts() -> None:
    """A table may have a class that no folder has; a folder that no class of it says nothing."""
    assert compared("cat bird dog", "cat cat dog") == LabelConflicts(
        paths=["1.jpg"], compared=3, example="such as '1.jpg': 'bird' and 'cat'"
    )
    agreed = compared("cat cat dog", "cat misc dog")
    assert agreed == LabelConflicts(paths=[], compared=2, example="")
    assert agreed.sentence("a.csv", "the folders") == ""


@pytest.mark.parametrize(
    ("labels", "others"),
    [("cat dog cat", "day1 day2 day1"), ("cat dog cat", "x y cat"), ("cat -", "- cat"), ("", "")],
)
def test_sources_of_other_things_are_not_compared(labels: str, others: str) -> None:
    """Places beside classes, a chance word among them, and no photo in common are no conflict."""
    assert compared(labels, others) is None


def test_sources_that_agree_by_chance_speak_of_different_things() -> None:
    """Ratings and numbered folders share names, not a meaning; exchanged names do contradict."""
    paths = [f"{at}.jpg" for at in range(200)]
    draw = np.random.default_rng(1).integers(1, 6, (2, 200)).astype(str)
    assert compare_labels(paths, draw[0].tolist(), draw[1].tolist()) is None
    few_wrong = np.where(np.arange(200) < 20, draw[1], draw[0])
    found = compare_labels(paths, draw[0].tolist(), few_wrong.tolist())
    assert found
    assert 10 < len(found.paths) <= 20
    exchanged = ["dog" if at % 2 else "cat" for at in range(200)]
    found = compare_labels(paths, exchanged, [*exchanged[1:], exchanged[0]])
    assert found
    assert len(found.paths) == found.compared == 200
    alike = compare_labels(paths, ["cat"] * 200, ["cat"] * 200)
    assert alike
    assert alike.paths == []


def test_spellings_are_no_conflict() -> None:
    """Case and spaces make no other class."""
    found = compared("Cat dog", "cat DOG")
    assert found == LabelConflicts(paths=[], compared=2, example="")


def test_folders_are_compared_at_the_level_of_the_classes() -> None:
    """Sides and days above or below the class folder are passed over; without folders is none."""
    labels = ["dog", *["cat"] * 3, *["dog"] * 4]
    for form in ("{}", "train/{}", "{0}/day1/x"):
        paths = [form.format(path.partition("/")[0]) + f"/{path[-5:]}" for path in PHOTOS]
        found = folder_conflicts(paths, labels)
        assert found
        assert (found.paths, found.compared) == (paths[:1], 8)
    assert folder_conflicts(["1.jpg", "2.jpg"], ["cat", "dog"]) is None
    assert folder_conflicts([], []) is None


def test_labels_of_rules_are_compared_by_path() -> None:
    """Photos that one rule alone labels do not count, in whatever order they are."""
    first = PhotoLabels({"b": "dog", "a": "cat", "c": "dog"})
    second = PhotoLabels({"a": "dog", "b": "dog", "d": "cat"})
    found = compare_photo_labels(first, second)
    assert found
    assert (found.paths, found.compared) == (["a"], 2)


def test_each_two_proposals_of_two_sources_are_compared() -> None:
    """Table, names and folders are told apart, and the table stands first whichever is proposed."""
    photos = [path.replace("/", f"/{name}_") for path, name in zip(PHOTOS, "ab" * 4, strict=True)]
    names = [path.replace("a_", "cat_").replace("b_", "dog_") for path in photos]
    rows = "".join(f"{path},{'cat' if at else 'dog'}\n" for at, path in enumerate(names[:5]))
    table = parse_table(Path("t.csv"), f"path,label\n{rows}", ",")
    guess = guess_labels(names, [table], example_rule())
    assert guess.proposals[0].way == "folder"
    assert guess.doubts == list(proposal_conflicts(guess.proposals))
    assert [doubt.partition(", such")[0] for doubt in guess.doubts] == [
        "t.csv and the file names disagree about 3 of 5 photos",
        "t.csv and the folders disagree about 2 of 5 photos",
        "the file names and the folders disagree about 4 of 8 photos",
    ]


def test_columns_of_one_table_are_not_compared() -> None:
    """Two questions of one table, answered by yes and no, are no contradiction."""
    rows = "".join(f"{n}.jpg,{'yn'[n % 2]},{'yn'[n // 2 % 2]}\n" for n in range(20))
    table = parse_table(Path("t.csv"), f"path,smiles,hat\n{rows}", ",")
    guess = guess_labels([f"{n}.jpg" for n in range(20)], [table], example_rule())
    assert (len(guess.proposals), list(guess.doubts)) == (2, [])


def test_sources_have_names() -> None:
    """A table is called by its file, a regex by what it looks at."""
    assert source_words(example_rule(by="csv")) == "data/labels.csv"
    assert source_words(example_rule(by="folder")) == "the folders"
    assert source_words(example_rule(on="path")) == "the folders"
    assert source_words(example_rule()) == "the file names"
