"""A CSV of labels is read as people write it, and every row and photo is accounted for."""

import codecs
import csv
import io
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base.errors import UserError
from stages.labels.label_csv import read_labels_csv
from stages.labels.label_text import clean_label
from stages.labels.labels import PhotoLabels
from stages.labels.problem import Problem
from tests.example_rule import example_rule

repeatable = settings(derandomize=True, deadline=None, max_examples=60)
PHOTOS = ["a.jpg", "b.jpg", "c/d.jpg"]
Labeller = Callable[..., PhotoLabels]  # of a CSV, and of paths and params where they differ


@pytest.fixture
def labels(tmp_path: Path) -> Labeller:
    """Return a function that labels PHOTOS by a CSV given as text or bytes."""

    def run(content: str | bytes, paths: list[str] = PHOTOS, **changes: str) -> PhotoLabels:
        file = tmp_path / "labels.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_labels_csv(file, example_rule(**{"by": "csv"} | changes), paths)

    return run


def kinds(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """Return path and problem of each row, without the detail."""
    return [(problem.path, problem.problem) for problem in problems]


def test_every_photo_gets_the_label_of_its_row(labels: Labeller) -> None:
    """Labels are trimmed, columns may come in any order and in company."""
    result = labels("note,label,path\nx, cat ,a.jpg\n,dog,b.jpg\n,NA,c/d.jpg\n")
    assert result.labels == {"a.jpg": "cat", "b.jpg": "dog", "c/d.jpg": "NA"}
    assert (result.unlabelled, result.problems, result.splits, result.merged_rows) == (
        [],
        [],
        {},
        0,
    )


WIDE = "path;label\na.jpg;Kätzchen\nb.jpg;\N{DOG FACE}\n"


@pytest.mark.parametrize(
    "content",
    [
        WIDE.encode(),
        codecs.BOM_UTF8 + WIDE.encode(),
        codecs.BOM_UTF16_LE + WIDE.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + WIDE.encode("utf-16-be"),
        WIDE.replace("\n", "\r\n").encode(),
        WIDE.replace("\n", "\r").encode(),
        WIDE.rstrip().encode(),
        WIDE.replace("\n", "\n\n ;\n").encode(),
    ],
)
def test_encodings_and_line_ends_of_every_system_are_read(labels: Labeller, content: bytes) -> None:
    """UTF-8 with or without a mark, UTF-16 with one, any line end, blank lines, no last one."""
    result = labels(content, paths=["a.jpg", "b.jpg"], delimiter=";")
    assert result.labels == {"a.jpg": "Kätzchen", "b.jpg": "\N{DOG FACE}"}
    assert result.problems == []


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("path,label\na.jpg,cat\nb.jpg,k\xe4tzchen\n".encode("latin-1"), 3),
        (b"\xe4,label\n", 1),
        (codecs.BOM_UTF8 + b"path,label\na.jpg,\xff\n", 2),
        (codecs.BOM_UTF16_LE + "path,label\na.jpg,cat".encode("utf-16-le") + b"\x00", 2),
        ("path,label\n".encode("utf-16-le"), 1),
        (codecs.BOM_UTF16_BE + "path,label\n".encode("utf-16-be") + b"\xd8\x00\x00a", 2),
    ],
)
def test_another_encoding_is_refused_with_its_line(
    labels: Labeller, content: bytes, line: int
) -> None:
    """Labels in an unknown encoding are not guessed at."""
    with pytest.raises(UserError, match=rf"labels\.csv, line {line}: not UTF-8; save the file as"):
        labels(content)


def test_quotes_hold_delimiters_line_ends_and_quotes(labels: Labeller) -> None:
    """A quoted cell may hold anything, also after a space."""
    result = labels(
        'path,label\n"a,b.jpg", "the ""big"" one"\n"n\nl.jpg","x,y"\n', ["a,b.jpg", "n\nl.jpg"]
    )
    assert result.labels == {"a,b.jpg": 'the "big" one', "n\nl.jpg": "x,y"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
@given(
    rows=st.dictionaries(
        st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1).filter(
            lambda name: name == clean_label(name) and name[0] not in "/\\" and ":" not in name
        ),
        st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1).filter(
            lambda label: label == clean_label(label)
        ),
        min_size=1,
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    ends=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@repeatable
def test_what_a_csv_writer_writes_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    delimiter: str,
    rows: dict[str, str],
    encoding: str,
    ends: str,
    quoting: Literal[0, 1],
) -> None:
    """Any path and label survive any delimiter, quoting, line end and encoding."""
    text = io.StringIO()
    if any("\r" in name + label for name, label in rows.items()):
        quoting = csv.QUOTE_ALL  # Python 3.11 writes a lone \r unquoted, which nobody can read
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ends, quoting=quoting)
    writer.writerow(["path", "label"])
    writer.writerows(rows.items())
    file = tmp_path_factory.mktemp("csv") / "labels.csv"
    file.write_bytes(text.getvalue().encode(encoding))
    result = read_labels_csv(file, example_rule(by="csv", delimiter=delimiter), sorted(rows))
    assert result.labels == rows
    assert result.problems == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["no column named 'path'", "it is empty"]),
        ("\n", ["no column named 'path'"]),
        ("path,label,label\n", ["two columns named 'label'"]),
        ('path,label\na.jpg,"cat\nb.jpg,dog\n', ["line 2", "unexpected end", "close"]),
        ('path,label\na.jpg,cat\nb.jpg,"do"g\n', ["line 3", "quote"]),
        ("path,label\n" * 5 + 'a.jpg,"' + "x" * 200_000 + "\n", ["line 6", "unexpected end"]),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(
    labels: Labeller, content: str, words: list[str]
) -> None:
    """Wrong headers and broken quotes name the file and what to look at, and nothing at length."""
    with pytest.raises(UserError) as caught:
        labels(content)
    for word in ["labels.csv", *words]:
        assert word in str(caught.value)
    assert max(map(len, caught.value.lines)) < 400


def test_a_cell_may_be_longer_than_any_line(labels: Labeller) -> None:
    """An export that keeps outlines of 200 kB beside the label is read."""
    outline = "1 " * 100_000
    result = labels(
        f'path,label,polygon\na.jpg,cat,"{outline}"\nb.jpg,dog,\n', paths=["a.jpg", "b.jpg"]
    )
    assert result.labels == {"a.jpg": "cat", "b.jpg": "dog"}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Without the file there is one line, no traceback."""
    with pytest.raises(UserError, match=r"labels\.csv is missing"):
        read_labels_csv(tmp_path / "labels.csv", example_rule(by="csv"), PHOTOS)


def test_rows_without_photos_and_photos_without_rows(labels: Labeller) -> None:
    """A row without photo is a problem with its line, and so is a photo without row."""
    result = labels("path,label\na.jpg,cat\nz.jpg,dog\n")
    assert result.labels == {"a.jpg": "cat"}
    assert kinds(result.problems) == [("z.jpg", "row without photo")]
    assert result.problems[0].detail.startswith("line 3:")
    assert kinds(result.unlabelled) == [
        ("b.jpg", "photo without row"),
        ("c/d.jpg", "photo without row"),
    ]


def test_a_header_alone_labels_nothing(labels: Labeller) -> None:
    """The file as committed is fine, and no photo has a label."""
    result = labels("path,label\n")
    assert result.labels == {}
    assert len(result.unlabelled) == 3


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/z.jpg", "absolute path"),
        ("/home/me/z.jpg", "absolute path"),
        ("C:\\z.jpg", "absolute path"),
        ("c:/z.jpg", "absolute path"),
        ("\\\\server\\z.jpg", "absolute path"),
        ("../z.jpg", "path leaves the folder"),
        ("c/../z.jpg", "path leaves the folder"),
        ("..\\z.jpg", "path leaves the folder"),
        ("", "empty path"),
        ("  ", "empty path"),
        ("c", "row without photo"),
        (".", "row without photo"),
        ("e/f/d.jpg/", "row without photo"),
    ],
)
def test_a_path_that_fits_no_photo_says_why(labels: Labeller, path: str, problem: str) -> None:
    """A path that is absolute, leaves the folder, or names no photo in any way, is a problem."""
    result = labels(f'path,label\n"{path}",cat\n')
    assert kinds(result.problems) == [(path, problem)]
    assert "line 2" in result.problems[0].detail
    assert result.labels == {}


@pytest.mark.parametrize("path", ["./a.jpg", " a.jpg ", "a.jpg"])
def test_harmless_ways_to_write_a_path_are_understood(labels: Labeller, path: str) -> None:
    """A leading ./ and spaces around a path are no reason to lose a row."""
    assert labels(f"path,label\n{path},cat\n").labels == {"a.jpg": "cat"}


@pytest.mark.parametrize(("disk", "row"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_unicode_forms_of_disk_and_table_may_differ(
    labels: Labeller, disk: Literal["NFC", "NFD"], row: Literal["NFC", "NFD"]
) -> None:
    """A path written on Linux finds the photo that macOS named, and the path is the disk's."""
    path = unicodedata.normalize(disk, "é.jpg")
    result = labels(f"path,label\n{unicodedata.normalize(row, 'é.jpg')},cat\n", paths=[path])
    assert result.labels == {path: "cat"}


def test_two_files_that_differ_by_unicode_form_keep_their_own_rows(labels: Labeller) -> None:
    """An exact match goes before an equivalent one."""
    paths = [unicodedata.normalize("NFC", "é.jpg"), unicodedata.normalize("NFD", "é.jpg")]
    result = labels(f"path,label\n{paths[0]},cat\n{paths[1]},dog\n", paths=paths)
    assert result.labels == {paths[0]: "cat", paths[1]: "dog"}


def test_repeated_rows_are_merged_and_counted(labels: Labeller) -> None:
    """Rows that say the same once more are no problem."""
    result = labels("path,label\na.jpg,cat\na.jpg, cat\n./a.jpg,cat\nb.jpg,dog\n")
    assert result.labels == {"a.jpg": "cat", "b.jpg": "dog"}
    assert result.merged_rows == 2
    assert result.problems == []


def test_conflicting_rows_leave_a_photo_without_label(labels: Labeller) -> None:
    """When rows disagree, the problem names each label with its line, and none is taken."""
    result = labels("path,label\na.jpg,dog\nb.jpg,x\na.jpg,cat\na.jpg,dog\n")
    assert result.labels == {"b.jpg": "x"}
    assert result.merged_rows == 0
    assert result.unlabelled[0] == Problem(
        "a.jpg", "conflicting labels", "'dog' (line 2), 'cat' (line 4)"
    )


@pytest.mark.parametrize("row", ["a.jpg,", "a.jpg,  ", "a.jpg"])
def test_an_empty_label_is_one_problem(labels: Labeller, row: str) -> None:
    """An empty cell gives no label, and the photo is not listed a second time as without row."""
    result = labels(f"path,label\n{row}\n", paths=["a.jpg"])
    assert kinds(result.unlabelled) == [("a.jpg", "empty label")]
    assert result.problems == []


def test_a_row_with_too_many_cells_is_not_used(labels: Labeller) -> None:
    """An unquoted delimiter shifts cells, so the row is a problem instead of half read."""
    result = labels("path,label\na.jpg,cat, the big one\nb.jpg,dog,,\n")
    assert result.labels == {"b.jpg": "dog"}
    assert kinds(result.problems) == [("a.jpg", "malformed row")]
    assert "line 2: 3 cells under 2 columns" in result.problems[0].detail


def test_lines_are_counted_as_an_editor_does(labels: Labeller) -> None:
    """A cell over several lines does not shift the numbers of the rows after it."""
    result = labels('path,label\n"n\nl.jpg",cat\nz.jpg,cat\n')
    assert [p.detail.split(":")[0] for p in result.problems] == ["line 2", "line 4"]


def test_splits_are_read_beside_labels(labels: Labeller) -> None:
    """The split column says train or valid, and nothing where it is empty."""
    text = "path,label,side\na.jpg,cat,train\nb.jpg,dog, valid\nc/d.jpg,dog,\n"
    result = labels(text, split_column="side")
    assert result.splits == {"a.jpg": "train", "b.jpg": "valid"}
    assert result.problems == []
    assert len(result.labels) == 3


def test_a_wrong_split_is_a_problem_and_the_label_stays(labels: Labeller) -> None:
    """Another word than those for a side, or two of them, is a problem of the split alone."""
    text = "path,label,side\na.jpg,cat,yes\nb.jpg,dog,train\nb.jpg,dog,valid\nc/d.jpg,x,trial\n"
    result = labels(text, split_column="side")
    assert result.splits == {}
    assert result.labels == {"a.jpg": "cat", "b.jpg": "dog", "c/d.jpg": "x"}
    assert kinds(result.problems) == [
        ("a.jpg", "unknown split"),
        ("b.jpg", "conflicting splits"),
        ("c/d.jpg", "unknown split"),
    ]


def test_groups_are_read_beside_labels(labels: Labeller) -> None:
    """The group column names what a photo shows; two names for one photo are a problem."""
    text = "path,label,who\na.jpg,cat, anna \nb.jpg,dog,ben\nb.jpg,dog,cleo\nc/d.jpg,x,\n"
    result = labels(text, group_column="who")
    assert result.groups == {"a.jpg": "anna"}
    assert len(result.labels) == 3
    assert kinds(result.problems) == [("b.jpg", "conflicting groups")]


def test_sides_are_understood_in_the_words_that_people_use(labels: Labeller) -> None:
    """Train, val and TEST mean the sides that they name."""
    text = "path,label,side\na.jpg,cat,Train\nb.jpg,dog,val\nc/d.jpg,x, TEST\n"
    result = labels(text, split_column="side")
    assert result.splits == {"a.jpg": "train", "b.jpg": "valid", "c/d.jpg": "test"}
    assert result.problems == []


def test_invisible_characters_make_no_second_label(labels: Labeller) -> None:
    """A label is the same with a zero-width space in it, and how it was written is remembered."""
    result = labels("path,label\na.jpg,cat\nb.jpg,cat\u200b\nc/d.jpg,c\u00adat \n")
    assert set(result.labels.values()) == {"cat"}
    assert result.written == {"b.jpg": "cat\u200b", "c/d.jpg": "c\u00adat "}


def test_paths_in_another_way_are_matched_and_reported(labels: Labeller) -> None:
    """What was done to the paths is a problem without a path, with their number and an example."""
    result = labels("path,label\ndata\\photos\\A.JPG,cat\ndata\\photos\\c\\d.jpg,dog\n")
    assert result.labels == {"a.jpg": "cat", "c/d.jpg": "dog"}
    assert kinds(result.problems) == [("", "paths adjusted")]
    assert result.problems[0].detail.startswith("taken: 2 paths fit one photo with / for \\,")


def test_what_would_fit_is_offered(labels: Labeller) -> None:
    """Names in other folders are not taken for the photos, and the problem says so."""
    result = labels("path,label\nx/d.jpg,cat\n")
    assert result.labels == {}
    assert kinds(result.problems) == [
        ("x/d.jpg", "row without photo"),
        ("", "paths would fit"),
    ]
    assert "by the name of the file alone" in result.problems[1].detail


def test_long_values_are_cut_in_messages(labels: Labeller) -> None:
    """A label of 12 kB that contradicts another is not repeated in full."""
    result = labels(f"path,label\na.jpg,{'x' * 12_000}\na.jpg,{'y' * 12_000}\n")
    assert len(result.unlabelled[0].detail) < 300


def test_with_another_rule_the_csv_gives_the_split_alone(labels: Labeller) -> None:
    """The label column need not exist then, and a photo without row is a problem of its own."""
    result = labels("path,side\na.jpg,train\nb.jpg,valid\n", by="filename", split_column="side")
    assert result.splits == {"a.jpg": "train", "b.jpg": "valid"}
    assert (result.labels, result.unlabelled) == ({}, [])
    assert kinds(result.problems) == [("c/d.jpg", "photo without row")]
