"""A decision changes the rows of its photo, no other byte, and nothing of a hand-edited file."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.labels.corrections import read_corrections
from stages.labels.csv_table import parse_table
from stages.page.review import Correction
from stages.serve.corrections_file import (
    ChangedElsewhereError,
    DecidedRow,
    PhotoDecision,
    read_state,
    save_decision,
    with_rows,
)

PHOTOS = frozenset({"cat/1.jpg", "cat/2.jpg", "dog/3.jpg"})
HEADER = "path,sha256,action,label,note\n"


def row(
    path: str = "cat/1.jpg", action: str = "drop", label: str = "", note: str = ""
) -> DecidedRow:
    """Return a row."""
    return DecidedRow(path=path, sha256="", action=action, label=label, note=note)


def decide(file: Path, *rows: DecidedRow, path: str = "cat/1.jpg") -> str:
    """Save a decision on the file as it is; return its text then."""
    sha256 = sha256_bytes(file.read_bytes())
    state = save_decision(
        file, PhotoDecision(path=path, file_sha256=sha256, rows=list(rows)), PHOTOS
    )
    assert state.sha256 == sha256_bytes(file.read_bytes())
    return file.read_bytes().decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of corrections with its header."""
    path = tmp_path / "corrections.csv"
    path.write_text(HEADER)
    return path


def test_a_decision_is_a_row_at_the_end(file: Path) -> None:
    """The first decision on a photo is added, the next one takes its place, none takes it away."""
    assert decide(file, row()) == f"{HEADER}cat/1.jpg,,drop,,\n"
    decide(file, row("dog/3.jpg", "keep", "dog"), path="dog/3.jpg")
    changed = decide(file, row(action="relabel", label="dog", note="a dog"))
    assert changed == f"{HEADER}cat/1.jpg,,relabel,dog,a dog\ndog/3.jpg,,keep,dog,\n"
    assert decide(file) == f"{HEADER}dog/3.jpg,,keep,dog,\n"


def test_other_rows_and_columns_stay_as_they_are(file: Path) -> None:
    """Another order, a column of one's own, semicolons, blank lines and line ends stay."""
    text = (
        "Note;path;reviewer;Action;label;sha256\r\n"
        '"a ""b""\r\nc";cat/2.jpg;Ann; Keep ;cat;\r\n'
        "\r\n"
        "old;cat/1.jpg;Bob;drop;;\r\n"
        "\r\n"
        ";gone.jpg;Eve;drop;;;;;"
    )
    file.write_bytes(text.encode())
    changed = decide(file, row(action="relabel", label="a;b", note=" x"))
    assert (
        changed
        == text.replace("old;cat/1.jpg;Bob;drop;;", '" x";cat/1.jpg;;relabel;"a;b";') + "\r\n"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encoding_stays(file: Path, encoding: str) -> None:
    """A file in another encoding of Unicode, as spreadsheets write it, is written in that one."""
    file.write_bytes(f"{HEADER}cat/2.jpg,,keep,кошка,\n".encode(encoding))
    sha256 = sha256_bytes(file.read_bytes())
    save_decision(
        file, PhotoDecision(path="cat/1.jpg", file_sha256=sha256, rows=[row(note="é")]), PHOTOS
    )
    expected = f"{HEADER}cat/2.jpg,,keep,кошка,\ncat/1.jpg,,drop,,é\n"
    assert file.read_bytes() == expected.encode(encoding)


def test_a_path_in_another_spelling_is_the_same_photo(file: Path) -> None:
    """A row with a backslash is that of cat/1.jpg, is shown so, and is replaced."""
    file.write_text(f"{HEADER}cat\\1.jpg,,Drop,,\n")
    assert [each["path"] for each in read_state(file, PHOTOS, ()).rows] == ["cat/1.jpg"]
    assert decide(file, row(action="keep", label="cat")) == f"{HEADER}cat/1.jpg,,keep,cat,\n"


def test_two_rows_for_a_photo_become_one(file: Path) -> None:
    """Rows that cancel each other are all replaced by the decision."""
    file.write_text(f"{HEADER}cat/1.jpg,,drop,,\ndog/3.jpg,,drop,,\ncat/1.jpg,,keep,cat,\n")
    assert decide(file, row(note="x")) == f"{HEADER}cat/1.jpg,,drop,,x\ndog/3.jpg,,drop,,\n"


def test_a_file_that_changed_is_not_touched(file: Path) -> None:
    """A decision that rests on another content is refused with what the file says now."""
    old = sha256_bytes(file.read_bytes())
    by_hand = f"{HEADER}cat/1.jpg,,keep,cat,by hand\n"
    file.write_text(by_hand)
    with pytest.raises(ChangedElsewhereError) as error:
        save_decision(file, PhotoDecision(path="cat/1.jpg", file_sha256=old, rows=[row()]), PHOTOS)
    assert error.value.state.sha256 == sha256_bytes(by_hand.encode())
    assert error.value.state.rows[0]["note"] == "by hand"
    assert file.read_text() == by_hand


def test_a_row_that_the_page_shows_keeps_its_problem(file: Path) -> None:
    """What did not fit when the page was made still does not, unless the row is another."""
    shown = Correction(
        path="cat/1.jpg", sha256="", action="drop", label="", note="", problem="content changed"
    )
    file.write_text(f"{HEADER}cat/1.jpg,,drop,,\ncat/2.jpg,,drop,,\n")
    assert [each["problem"] for each in read_state(file, PHOTOS, [shown]).rows] == [
        "content changed",
        "",
    ]


def test_what_is_no_table_of_corrections_is_an_error(file: Path) -> None:
    """A file that lost a column is refused by its name, and stays."""
    file.write_text("path,label\n")
    with pytest.raises(UserError, match=r"corrections\.csv"):
        decide(file, row())
    assert file.read_text() == "path,label\n"


def test_a_decision_is_what_its_model_says() -> None:
    """Unknown keys, other types and texts of a megabyte are refused."""
    good: dict[str, object] = {"path": "a", "file_sha256": "", "rows": []}
    PhotoDecision.model_validate(good)
    changes: list[dict[str, object]] = [
        {"file": "/etc/passwd"},
        {"path": 1},
        {"path": ""},
        {"path": "a" * 10_001},
        {"rows": [{}]},
    ]
    for change in changes:
        with pytest.raises(ValidationError):
            PhotoDecision.model_validate(good | change)


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12) | st.sampled_from(
    ['"', ",", "a,b", 'x"y', " a ", "\n", "a\r\nb", "=1", "é"]
)


@given(st.lists(TEXTS, min_size=4, max_size=4), st.sampled_from(",;\t"))
def test_every_text_is_read_back(cells: list[str], delimiter: str) -> None:
    """Whatever stands in a cell, Python's reader finds the same text there."""
    header = delimiter.join(("path", "sha256", "action", "label", "note"))
    table = parse_table(Path("x"), f"{header}\n", delimiter)
    text = with_rows(table, [], [["photo", *cells]])
    assert list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))[1] == [
        "photo",
        *cells,
    ]


def test_ingest_reads_what_is_saved(file: Path) -> None:
    """The corrections that the next run applies are the decisions."""
    decide(file, row(action="relabel", label="dog"))
    decide(file, row("dog/3.jpg", "drop", note="blurred"), path="dog/3.jpg")
    labels = dict.fromkeys(PHOTOS, "cat") | {"dog/3.jpg": "dog"}
    corrections = read_corrections(file, labels, dict.fromkeys(PHOTOS, "0"))
    assert corrections.relabelled == {"cat/1.jpg": "dog"}
    assert corrections.dropped == {"dog/3.jpg": "blurred"}
