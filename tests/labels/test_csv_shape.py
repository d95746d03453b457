"""A table that the params do not describe is refused with the lines that would read it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.labels.label_csv import read_labels_csv
from stages.labels.labels import PhotoLabels
from tests.example_rule import example_rule

PHOTOS = [f"{('cat', 'dog')[number % 2]}/IMG_{number:04}.jpg" for number in range(8)]
LABELS = {photo: photo[:3] for photo in PHOTOS}


def lines(header: str, delimiter: str, row: Callable[[str], tuple[str, ...]]) -> str:
    """Return a table with a row for each photo."""
    rows = [delimiter.join(row(photo)) for photo in PHOTOS]
    return "\n".join([header, *rows] if header else rows) + "\n"


def base_name(photo: str) -> str:
    """Return the name of a photo's file."""
    return photo.partition("/")[2]


def read(tmp_path: Path, text: str, **changes: str) -> PhotoLabels:
    """Label PHOTOS by a table, with some params changed."""
    file = tmp_path / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return read_labels_csv(file, example_rule(by="csv", **changes), PHOTOS)


def refusal(tmp_path: Path, text: str, **changes: str) -> list[str]:
    """Return the lines of the error about a table."""
    with pytest.raises(UserError) as caught:
        read(tmp_path, text, **changes)
    return [line.strip() for line in caught.value.lines]


def pasted(suggestion: list[str], text: str) -> tuple[str, dict[str, str]]:
    """Return the table and the params after a person did what the lines say."""
    params = {}
    for line in suggestion:
        if match := re.fullmatch(r"(path_column|label_column|split_column|delimiter): (.+)", line):
            value = match[2]
            params[match[1]] = json.loads(value) if value.startswith('"') else value
        if match := re.search(r"put this line at its top: (.*)", line):
            text = f"{match[1]}\n{text}"
    return text, params


SHAPES = {
    "Kaggle": lines("id,breed", ",", lambda p: (base_name(p)[:-4], p[:3])),
    "base names": lines("image_id,label", ",", lambda p: (base_name(p), p[:3])),
    "boxes": lines(
        "filename,width,height,class,xmin", ",", lambda p: (p, "640", "480", p[:3], p[-6:-4])
    ),
    "semicolon": lines("path;label", ";", lambda p: (p, p[:3])),
    "tab": lines("path\tlabel", "\t", lambda p: (p, p[:3])),
    "pipe": lines("file|kind", "|", lambda p: (p, p[:3])),
    "spaces without header": lines("", " ", lambda p: (p, p[:3])),
    "no header": lines("", ",", lambda p: (p, p[:3])),
    "no header, label first": lines("", ",", lambda p: (p[:3], p)),
    "no header, three columns": lines("", ";", lambda p: ("0.5", p, p[:3])),
    "sep=": "sep=;\n" + lines("path;label", ";", lambda p: (p, p[:3])),
    "words in another case": lines("Image Path;Class Name", ";", lambda p: (p.upper(), p[:3])),
    "names that YAML reads otherwise": lines("no,yes", ",", lambda p: (p, p[:3])),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_common_shape_is_read_once_its_error_was_followed(tmp_path: Path, shape: str) -> None:
    """The error names the params or the header, and with them every photo gets its label."""
    suggestion = refusal(tmp_path, SHAPES[shape])
    text, params = pasted(suggestion, SHAPES[shape])
    assert read(tmp_path, text, **params).labels == LABELS


def test_the_error_shows_the_table_beside_the_photos(tmp_path: Path) -> None:
    """Its first lines stand beside the names of photos, and long ones are cut."""
    shown = refusal(tmp_path, "id,breed," + "x" * 12_000 + "\nIMG_0000,cat\n")
    assert shown[0].endswith("no column named 'path' in its header; see the columns and delimiter"
                             " of ingest.label")  # fmt: skip
    assert shown[1].startswith("its lines: 'id,breed,xxx")
    assert shown[1].endswith("'IMG_0000,cat'")
    assert shown[2] == f"the photos: {', '.join(map(repr, PHOTOS[:3]))}"
    assert max(map(len, shown)) < 200


def test_a_column_of_sides_is_found(tmp_path: Path) -> None:
    """Where a split column is asked for, the one that holds sides is named."""
    text = lines("file,kind,fold", ",", lambda p: (p, p[:3], "val" if "3" in p else "Train"))
    suggestion = refusal(tmp_path, text, split_column="side")
    assert "split_column: fold" in suggestion
    _, params = pasted(suggestion, text)
    assert set(read(tmp_path, text, **params).splits.values()) == {"train", "valid"}


def test_columns_that_may_all_be_labels_are_listed(tmp_path: Path) -> None:
    """Where no column stands out, the person chooses."""
    text = lines("path,a,b", ",", lambda p: (p, p[:3], p[0]))
    assert (
        refusal(tmp_path, text)[-1]
        == "set ingest.label.label_column to that of the labels, one of 'a', 'b'"
    )


def test_a_column_for_each_class_is_named_as_such(tmp_path: Path) -> None:
    """Zeros and ones by class are no labels, and the line says what to make of them."""
    text = lines("image,cat,dog", ",", lambda p: (p, str(int("c" in p)), str(int("d" in p))))
    assert refusal(tmp_path, text)[-1].startswith("it has a column for each class ('cat', 'dog')")


@pytest.mark.parametrize("text", ["", "\n", "hello\nworld\n", "a,b\n1,2\n", 'x"y\n'])
def test_where_nothing_is_known_nothing_is_suggested(tmp_path: Path, text: str) -> None:
    """A table that names no photo gets no lines to set."""
    assert not any(line.startswith("set in") for line in refusal(tmp_path, text))
