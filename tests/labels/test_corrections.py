"""Corrections are laid over the labels while they fit, and are problems when they no longer do."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base.errors import UserError
from stages.labels.corrections import (
    CORRECTION_COLUMNS,
    Corrections,
    apply_corrections,
    read_corrections,
)
from stages.labels.labels import PhotoLabels
from stages.labels.problem import Problem

Reader = Callable[..., Corrections]  # of rows, and of a header where it is not the right one

HEADER = ",".join(CORRECTION_COLUMNS) + "\n"
HASHES = {"a.jpg": "a" * 64, "b.jpg": "b" * 64, "c.jpg": "c" * 64}
LABELS = {"a.jpg": "cat", "b.jpg": "dog"}


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Return a function that reads corrections of three photos, one of them without a label."""

    def run(rows: str, header: str = HEADER) -> Corrections:
        (tmp_path / "corrections.csv").write_text(header + rows, encoding="utf-8")
        return read_corrections(tmp_path / "corrections.csv", LABELS, HASHES)

    return run


def kinds(corrections: Corrections) -> list[tuple[str, str]]:
    """Return path and problem of each refused row."""
    return [(problem.path, problem.problem) for problem in corrections.problems]


def test_the_committed_file_corrects_nothing(read: Reader) -> None:
    """A header alone is no correction and no problem."""
    corrections = read("")
    assert (corrections.relabelled, corrections.dropped, corrections.problems) == ({}, {}, [])


def test_a_photo_is_relabelled_or_dropped(read: Reader) -> None:
    """Rows that fit are applied; the note of a dropped photo stays with it."""
    corrections = read(
        f'a.jpg,{"a" * 64},relabel, dog ,was a dog\nb.jpg,{"B" * 64},drop,,"blurred, dark"\n'
    )
    assert corrections.relabelled == {"a.jpg": "dog"}
    assert corrections.dropped == {"b.jpg": "blurred, dark"}
    assert corrections.problems == []


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_quote_behind_another_delimiter_is_text(read: Reader, delimiter: str) -> None:
    """A quoted note may hold quotes behind the delimiter that this file does not use."""
    corrections = read(f'a.jpg,,drop,,"see ""a""{delimiter} ""b"" is blurry"\n')
    assert corrections.dropped["a.jpg"].split() == f'see "a"{delimiter} "b" is blurry'.split()


def test_the_rows_that_are_applied_are_counted(read: Reader) -> None:
    """A sentence has the rows that hold and all rows; of an empty file there is none."""
    corrections = read("a.jpg,,relabel,dog,\nb.jpg,,drop,,\ngone.jpg,,drop,,\n")
    assert corrections.sentence() == ("2 of 3 corrections applied: 1 relabelled, 1 dropped, 0 kept")
    assert read("").sentence() == ""


def test_without_a_hash_a_row_holds_for_any_content(read: Reader) -> None:
    """Rows written by hand need no hash."""
    assert read("a.jpg,,relabel,dog,\n").relabelled == {"a.jpg": "dog"}


def test_a_photo_without_label_can_be_given_one(read: Reader) -> None:
    """A correction may give the label that the rule could not read."""
    assert read("c.jpg,,relabel,dog,\n").relabelled == {"c.jpg": "dog"}


@pytest.mark.parametrize(
    ("row", "problem", "detail"),
    [
        ("z.jpg,,drop,,", "row without photo", "no such image"),
        ("/a.jpg,,drop,,", "absolute path", "relative"),
        ("../a.jpg,,drop,,", "path leaves the folder", ".."),
        (",,drop,,", "empty path", ""),
        (f"a.jpg,{'b' * 64},drop,,", "content changed", "look again"),
        ("a.jpg,aaaa,drop,,", "content changed", ""),
        ("a.jpg,,delete,,", "unknown action", "'delete' is none of relabel, new class, drop, keep"),
        ("a.jpg,,,,", "unknown action", "''"),
        ("a.jpg", "unknown action", "''"),
        ("a.jpg,,Drop it,,", "unknown action", "'Drop it'"),
        (f"a.jpg,,{'x' * 12000},,", "unknown action", "'xxx"),
        ("a.jpg,,relabel,dgo,", "unknown label", "did you mean 'dog'?"),
        ("a.jpg,,relabel,,", "unknown label", "''"),
        ("a.jpg,,relabel,Dog,", "unknown label", "'Dog'"),
        ("a.jpg,,relabel,platypus,", "unknown label", "the action is new class"),
        ("a.jpg,,new class,,", "unknown label", "''"),
        ("a.jpg,,keep,dog,", "label changed", "now the rule says 'cat'"),
        ("a.jpg,,drop,,a,b", "malformed row", "6 cells"),
    ],
)
def test_a_row_that_does_not_fit_is_a_problem_and_changes_nothing(
    read: Reader, row: str, problem: str, detail: str
) -> None:
    """Each refused row names its line and the reason."""
    corrections = read(row + "\n")
    assert kinds(corrections) == [(row.split(",", maxsplit=1)[0], f"correction: {problem}")]
    assert corrections.problems[0].detail.startswith("line 2")
    assert len(corrections.problems[0].detail) < 300
    assert detail in corrections.problems[0].detail
    assert (corrections.relabelled, corrections.dropped) == ({}, {})


@pytest.mark.parametrize("action", ["Relabel", " RELABEL ", "relabel\u200b", "re\u00adlabel"])
def test_case_and_spaces_of_an_action_do_not_matter(read: Reader, action: str) -> None:
    """An action is understood as a spreadsheet writes it, and the table has it in one form."""
    corrections = read(f"a.jpg,,{action},dog,\nb.jpg,,New_Class,cow,\n")
    assert corrections.relabelled == {"a.jpg": "dog", "b.jpg": "cow"}
    assert list(corrections.table()["action"]) == ["relabel", "new class"]


@pytest.mark.parametrize(
    "header",
    [
        "Path,SHA256,Action,Label,Note\n",
        " path , sha256,action,label,note\n",
        "note,label,action,sha256,path\n",
        "path;sha256;action;label;note\n",
        "path\tsha256\taction\tlabel\tnote\n",
    ],
)
def test_a_header_as_spreadsheets_write_it_is_understood(read: Reader, header: str) -> None:
    """Case, spaces, order, and ; or a tab between columns do not matter."""
    delimiter = next(sign for sign in ",;\t" if sign in header)
    row = {"path": "a.jpg", "sha256": "", "action": "drop", "label": "", "note": "n"}
    names = [name.strip().lower() for name in header.split(delimiter)]
    assert read(delimiter.join(row[name] for name in names) + "\n", header).dropped == {
        "a.jpg": "n"
    }


def test_a_label_with_invisible_characters_is_the_one_without(read: Reader) -> None:
    """A name copied from a page relabels to the class that it shows."""
    assert read("a.jpg,,relabel,dog\u200b,\n").relabelled == {"a.jpg": "dog"}


def test_paths_in_another_spelling_are_found_and_reported(read: Reader) -> None:
    """Backslashes, %20 and case are understood; another extension or folder is not guessed at."""
    corrections = read("A.JPG,,drop,,\nb,,drop,,\nx/c.jpg,,drop,,\n")
    assert corrections.dropped == {"a.jpg": ""}
    assert kinds(corrections) == [
        ("", "correction: paths adjusted"),
        ("b", "correction: row without photo"),
        ("x/c.jpg", "correction: row without photo"),
    ]


def test_a_relabelled_photo_is_no_spelling_of_its_new_class(read: Reader) -> None:
    """How the rule's label was written is forgotten with the label."""
    by_rule = PhotoLabels(LABELS, written={"a.jpg": "cat\u200b", "b.jpg": "dog\u200b"})
    final = apply_corrections(by_rule, read("a.jpg,,relabel,dog,\n"))
    assert final.written == {"b.jpg": "dog\u200b"}


def test_a_new_class_is_one_that_a_row_says_is_new(read: Reader) -> None:
    """A label that no photo has needs the action that says so; others may then relabel to it."""
    corrections = read("a.jpg,,new class,cow,\nb.jpg,,relabel,cow,\n")
    assert corrections.relabelled == {"a.jpg": "cow", "b.jpg": "cow"}
    assert corrections.problems == []


def test_a_row_that_does_not_fit_brings_no_class(read: Reader) -> None:
    """What was decided about another content makes no label known."""
    corrections = read("a.jpg,bad,new class,cow,\nb.jpg,,relabel,cow,\n")
    assert kinds(corrections) == [
        ("a.jpg", "correction: content changed"),
        ("b.jpg", "correction: unknown label"),
    ]


def test_a_confirmed_label_changes_nothing(read: Reader) -> None:
    """A row that confirms the rule's label is counted and alters no label."""
    corrections = read("a.jpg,,keep,cat,\nb.jpg,,keep,,sure\n")
    assert corrections.counts() == {"relabelled": 0, "dropped": 0, "kept": 2}
    assert apply_corrections(PhotoLabels(LABELS), corrections).labels == LABELS
    assert corrections.problems == []


def test_the_table_has_every_row_as_written(read: Reader) -> None:
    """Cells come back as they were, in the order of the file, beside what became of each row."""
    rows = 'z.jpg,,drop,,"a, ""b"""\n./a.jpg,,relabel,dog,=cmd()\nb.jpg,,relabel, cow,\n'
    table = read(rows).table().to_dict("records")
    assert [tuple(row[column] for column in CORRECTION_COLUMNS) for row in table] == [
        ("z.jpg", "", "drop", "", 'a, "b"'),
        ("a.jpg", "", "relabel", "dog", "=cmd()"),
        ("b.jpg", "", "relabel", "cow", ""),
    ]
    assert [(row["before"], row["problem"]) for row in table] == [
        ("", "row without photo"),
        ("cat", ""),
        ("dog", "unknown label"),
    ]


def test_two_rows_for_one_photo_cancel_each_other(read: Reader) -> None:
    """Nobody can say which of two decisions holds, not even when a path is written in two ways."""
    corrections = read("a.jpg,,relabel,dog,\nb.jpg,,drop,,\n./a.jpg,,drop,,\n")
    assert corrections.relabelled == {}
    assert corrections.dropped == {"b.jpg": ""}
    assert kinds(corrections) == [("a.jpg", "correction: two rows for one photo")] * 2
    assert [problem.detail[:6] for problem in corrections.problems] == ["line 2", "line 4"]


@pytest.mark.parametrize("header", ["path,label\n", "", "path;sha256;action;label\n"])
def test_other_columns_are_refused(read: Reader, header: str) -> None:
    """A file with another header is refused as a whole, with the columns that belong there."""
    with pytest.raises(
        UserError, match="its columns are path, sha256, action, label, note"
    ) as caught:
        read("a.jpg,,drop,,\n" if header else "", header=header)
    assert "corrections.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_from_excel_is_read(tmp_path: Path) -> None:
    """A byte order mark and Windows line ends do no harm."""
    file = tmp_path / "corrections.csv"
    file.write_text(HEADER + "a.jpg,,drop,,\n", encoding="utf-8-sig", newline="\r\n")
    assert read_corrections(file, LABELS, HASHES).dropped == {"a.jpg": ""}


def test_corrected_photos_are_no_longer_unlabelled(read: Reader) -> None:
    """The labels change, dropped photos leave, and settled problems go; splits stay."""
    problems = [Problem("c.jpg", "no match", ""), Problem("d.jpg", "no match", "")]
    by_rule = PhotoLabels(
        LABELS, problems, {"a.jpg": "valid"}, [Problem("x", "row without photo", "")], 2
    )
    final = apply_corrections(by_rule, read("a.jpg,,drop,,\nc.jpg,,relabel,cat,\n"))
    assert final.labels == {"b.jpg": "dog", "c.jpg": "cat"}
    assert final.unlabelled == problems[1:]
    assert (final.splits, final.problems, final.merged_rows) == (
        by_rule.splits,
        by_rule.problems,
        2,
    )
    assert by_rule.labels == LABELS


def test_a_dropped_photo_without_label_is_no_problem(read: Reader) -> None:
    """A photo that a correction drops is not listed for having no label."""
    by_rule = PhotoLabels(LABELS, [Problem("c.jpg", "no match", "")])
    assert apply_corrections(by_rule, read("c.jpg,,drop,,\n")).unlabelled == []


row_lists = st.lists(
    st.tuples(
        st.sampled_from(["a.jpg", "b.jpg", "c.jpg", "./a.jpg", "z.jpg", "/a.jpg", ""]),
        st.sampled_from(["", "a" * 64, "b" * 64]),
        st.sampled_from(["relabel", "drop", "", "Drop", "delete", "keep", "new class"]),
        st.sampled_from(["cat", "dog", "cow", ""]),
    ),
    max_size=6,
)


@given(row_lists)
@settings(derandomize=True, deadline=None, max_examples=100)
def test_every_row_is_applied_or_a_problem(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str, str]]
) -> None:
    """Whatever the rows, each is either in force or a problem, and labels stay known ones."""
    file = tmp_path_factory.mktemp("corrections") / "corrections.csv"
    lines = [f"{path},{sha256},{action},{label}," for path, sha256, action, label in rows]
    file.write_text(HEADER + "".join(line + "\n" for line in lines))
    corrections = read_corrections(file, LABELS, HASHES)
    assert sum(corrections.counts().values()) + len(corrections.problems) == len(rows)
    assert len(corrections.table()) == len(rows)
    assert not corrections.relabelled.keys() & corrections.dropped.keys()
    new = {label for _, _, action, label in rows if action == "new class"}
    assert set(corrections.relabelled.values()) <= {"cat", "dog"} | new - {""}
    refused_lines = [problem.detail.split(":")[0] for problem in corrections.problems]
    assert len(refused_lines) == len(set(refused_lines))


def test_a_content_that_is_not_known_is_not_compared(tmp_path: Path) -> None:
    """Where no hash is at hand a row with any sha256 holds, as one without holds always."""
    file = tmp_path / "corrections.csv"
    file.write_text(f"{HEADER}a.jpg,{'0' * 64},drop,,\nb.jpg,{'0' * 64},drop,,\n")
    corrections = read_corrections(file, LABELS, {"a.jpg": None, "b.jpg": "b" * 64})
    assert list(corrections.dropped) == ["a.jpg"]
    assert kinds(corrections) == [("b.jpg", "correction: content changed")]
