"""The text names every class and finding, aligned, wrapped, and cut where it would be too long."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.checks.finding import Finding, warning_finding
from stages.checks.findings import check_images, count_classes
from stages.checks.findings_text import (
    aligned_table,
    class_table,
    dataset_line,
    excluded_text,
    findings_text,
    paragraph,
)
from tests.checks.example_images import ImageRow, image_rows, images_from, images_of

repeatable = settings(derandomize=True, deadline=None, max_examples=50)


def test_text_names_everything() -> None:
    """The text holds each class with its counts, the totals, and each finding with its paths."""
    images = images_of(cat=(80, 20, 1), dog=(8, 2))
    text = findings_text(count_classes(images), check_images(images, 128, "hash"))
    assert text.startswith("111 images in 2 classes: 88 train, 22 valid, 1 excluded\n")
    lines = {line.split()[0]: line.split()[1:4] for line in text.splitlines() if line.strip()}
    assert lines["cat"] == ["80", "20", "1"]
    assert lines["dog"] == ["8", "2", "0"]
    assert lines["all"] == ["88", "22", "1"]
    assert text.endswith("\n")
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_images_that_the_sentence_names_are_not_listed_again() -> None:
    """A pair that is spelled out stands once, and a name within another name is not named by it."""
    classes = count_classes(images_of(cat=(8, 2)))
    pair = warning_finding("pair", "1 pair: a b.jpg ~ x/1.jpg. None", ["a b.jpg", "x/1.jpg"])
    assert findings_text(classes, [pair]).count("x/1.jpg") == 1
    part = warning_finding("part", "1 pair: 11.jpg ~ x/1.jpg", ["1.jpg", "11.jpg"])
    assert findings_text(classes, [part]).splitlines()[-2:] == ["    1.jpg", "    11.jpg"]


def test_images_for_a_test_have_a_column() -> None:
    """Where images are set aside for a test, the line, the table and the bars count them too."""
    images = images_of(a=(18, 9, 9), b=(1, 1))
    images["split"] = images["split"].replace("excluded", "test")
    classes = count_classes(images)
    assert dataset_line(classes) == "38 images in 2 classes: 19 train, 10 valid, 9 test, 0 excluded"
    table = class_table(classes).splitlines()
    assert table[0].split()[:5] == ["class", "train", "valid", "test", "excluded"]
    assert table[1].endswith("  " + "█" * 18 + "▒" * 9 + "░" * 9)


def test_excluded_images_are_listed_with_their_twins() -> None:
    """Each excluded image has a line with its reason, and of many the first 20 are shown."""
    splits = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "split": ["excluded", "train"]})
    splits["reason"] = ["near-duplicate of v.jpg (difference 0.31)", ""]
    text = excluded_text(splits)
    assert "    a.jpg: near-duplicate of v.jpg (difference 0.31)\n" in text
    assert "b.jpg" not in text
    many = pd.concat([splits] * 30, ignore_index=True)
    assert "... and 10 more in data/splits.csv" in excluded_text(many)
    assert excluded_text(splits[1:]) == ""


def test_an_empty_set_has_no_table() -> None:
    """Without images the text is the counts and the findings."""
    classes = count_classes(images_of())
    text = findings_text(classes, [Finding("error", "no_images", "there is none", ("a.jpg",))])
    assert text == (
        "0 images in 0 classes: 0 train, 0 valid, 0 excluded\n\nerror: there is none\n    a.jpg\n"
    )


@repeatable
@given(image_rows)
def test_any_set_has_a_text(rows: list[ImageRow]) -> None:
    """Whatever the labels, the text begins with the count and has a part for each finding."""
    images = images_from(rows)
    findings = check_images(images, 128, "hash")
    text = findings_text(count_classes(images), findings)
    assert text.startswith(f"{len(rows)} image")
    starts = [line.split(":")[0] for line in text.split("\n\n")]
    assert [start for start in starts if start in ("error", "warning", "note")] == [
        finding.severity for finding in findings
    ]


def test_the_first_line_counts_images_classes_and_sides() -> None:
    """The line counts images, classes and sides, one image in the singular."""
    classes = count_classes(images_of(a=(1000, 234), b=(0, 0, 1)))
    assert dataset_line(classes) == "1,235 images in 2 classes: 1,000 train, 234 valid, 1 excluded"
    assert dataset_line(classes.iloc[1:]) == "1 image in 1 class: 0 train, 0 valid, 1 excluded"


def test_bars_are_in_proportion() -> None:
    """The longest class fills 36 marks, the others their share, each side its part."""
    table = class_table(count_classes(images_of(a=(54, 18, 0), b=(18, 12, 6))))
    assert table.splitlines()[1].endswith("  " + "█" * 27 + "▒" * 9)
    assert table.splitlines()[2].endswith("  " + "█" * 9 + "▒" * 6 + "·" * 3)


def test_rounding_never_lengthens_a_bar() -> None:
    """Three sides that each round up still fill the 36 marks of the longest class, no more."""
    table = class_table(count_classes(images_of(a=(7, 7, 7), b=(1, 0, 0))))
    assert sum(table.splitlines()[1].count(mark) for mark in "█▒·") == 36


def test_a_thousand_classes_show_the_smallest() -> None:
    """Of many classes the table shows the 60 with the fewest training images, and the totals."""
    classes = pd.DataFrame({"label": [f"c{n}" for n in range(1000)], "train": range(1000, 0, -1)})
    lines = class_table(classes.assign(valid=1, excluded=0)).splitlines()
    assert len(lines) == 63
    assert lines[1].startswith("c999 ")
    assert lines[-2].startswith("940 larger classes")
    assert lines[-1].split()[:2] == ["all", "500,500"]


def test_sixty_classes_are_all_shown() -> None:
    """At the limit every class has its line, in the order of their labels."""
    classes = pd.DataFrame({"label": [f"c{n:02}" for n in range(60)], "train": range(60, 0, -1)})
    lines = class_table(classes.assign(valid=1, excluded=0)).splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == classes["label"].tolist()


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("a  b\n c", "a b c"),
        ("word " * 20, "word word word word word word word..."),
        (" \n ", "' \\n '"),
        ("x" * 99, "..."),
    ],
)
def test_a_label_takes_one_short_line(label: str, shown: str) -> None:
    """A label is shortened at a space to 40 characters; one that would be empty is quoted."""
    classes = pd.DataFrame({"label": [label], "train": [1], "valid": [1], "excluded": [0]})
    assert class_table(classes).splitlines()[1].startswith(f"{shown}  ")


def test_long_lists_are_cut() -> None:
    """A sentence is wrapped at 96 characters and shows five paths, then how many more there are."""
    lines = paragraph("word " * 60, [f"{n}.jpg" for n in range(12)]).splitlines()
    assert max(map(len, lines)) <= 96
    assert lines[-2:] == ["    4.jpg", "    ... and 7 more in summary.json"]


def test_five_paths_are_all_shown() -> None:
    """At the limit no line says that there are more."""
    paths = [f"{n}.jpg" for n in range(5)]
    assert paragraph("Five.", paths).splitlines() == ["Five.", *(f"    {path}" for path in paths)]


def test_columns_are_aligned() -> None:
    """Columns take their widest cell, on the side asked for, without trailing spaces."""
    assert aligned_table([["a", "1", "x"], ["bcd", "22", ""]], "<><") == "a     1  x\nbcd  22"


@repeatable
@given(st.lists(st.tuples(*[st.text("ab ", max_size=5)] * 3), min_size=1, max_size=6))
def test_every_cell_stands_in_its_column(rows: list[tuple[str, str, str]]) -> None:
    """Cut at the widths of the columns, the lines give back the cells."""
    lines = aligned_table(rows, "<><").split("\n")
    first, second, third = (max(len(row[column]) for row in rows) for column in range(3))
    for row, line in zip(rows, lines, strict=True):
        padded = line.ljust(first + second + third + 4)
        assert padded[:first].rstrip() == row[0].rstrip()
        assert padded[first + 2 : first + 2 + second].strip() == row[1].strip()
        assert padded[first + second + 4 :].rstrip() == row[2].rstrip()
