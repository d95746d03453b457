"""What is written to images.csv and labels.csv comes back as it was."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base.errors import UserError
from stages.dataset.manifest import (
    IMAGE_COLUMNS,
    LABEL_COLUMNS,
    labels_table,
    read_images,
    read_labels,
    write_images,
    write_labels,
)
from stages.labels.labels import PhotoLabels

ODD = [
    "NA",
    "null",
    "None",
    "nan",
    "007",
    "1e5",
    "true",
    "-inf",
    " lead",
    "a,b",
    'say "x"',
    "two\nlines",
    "old\rmac",
    "dos\r\nend",
    "\N{CAT FACE}",
    "\N{ZERO WIDTH NO-BREAK SPACE}bom",
    "tab\t",
    "'=1+1",
    "#",
]
texts = st.text(st.characters(blacklist_characters="\0", codec="utf-8"), min_size=1)


def images(paths: list[str]) -> pd.DataFrame:
    """Return a table of images with made-up facts."""
    facts = [(path, "0" * 64, "JPEG", 4000 + i, 3000) for i, path in enumerate(paths)]
    return pd.DataFrame(facts, columns=list(IMAGE_COLUMNS))


def test_odd_paths_and_labels_survive(tmp_path: Path) -> None:
    """Nothing is guessed to be a number or missing, whatever a path or label looks like."""
    write_images(tmp_path / "i.csv", images(ODD))
    read = read_images(tmp_path / "i.csv")
    assert read["path"].tolist() == sorted(ODD)
    assert dict(zip(read["path"], read["width"], strict=True)) == {
        p: 4000 + i for i, p in enumerate(ODD)
    }
    write_labels(tmp_path / "l.csv", labels_table(PhotoLabels({p: p for p in ODD}), "csv", {}))
    read = read_labels(tmp_path / "l.csv")
    assert read["path"].tolist() == read["label"].tolist() == sorted(ODD)
    assert set(read["split"]) == {""}


@given(st.dictionaries(texts, texts, min_size=1))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_any_text_survives(
    tmp_path_factory: pytest.TempPathFactory, labels: dict[str, str]
) -> None:
    """Paths and labels of any characters come back equal."""
    file = tmp_path_factory.mktemp("manifest") / "labels.csv"
    write_labels(file, labels_table(PhotoLabels(labels), "folder", {}))
    read = read_labels(file)
    assert dict(zip(read["path"], read["label"], strict=True)) == labels


def test_columns_have_their_types(tmp_path: Path) -> None:
    """Sizes are whole numbers, all else is text, also in an empty table."""
    cases: list[list[str]] = [["a"], []]
    for paths in cases:
        write_images(tmp_path / "i.csv", images(paths))
        read = read_images(tmp_path / "i.csv")
        assert list(read.columns) == list(IMAGE_COLUMNS)
        assert read["width"].dtype == read["height"].dtype == np.int64
        assert all(
            pd.api.types.is_string_dtype(read[name]) for name in ("path", "sha256", "format")
        )
        labels = PhotoLabels(dict.fromkeys(paths, "x"))
        write_labels(tmp_path / "l.csv", labels_table(labels, "csv", {}))
        read = read_labels(tmp_path / "l.csv")
        assert list(read.columns) == list(LABEL_COLUMNS)
        assert all(pd.api.types.is_string_dtype(read[name]) for name in LABEL_COLUMNS)


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    """Files are sorted by path, so the same photos are the same bytes; other columns stay out."""
    table = images(["b", "a", "B", "\N{LATIN SMALL LETTER E WITH ACUTE}", "a/b"])
    write_images(tmp_path / "1.csv", table)
    write_images(tmp_path / "2.csv", table[::-1].assign(size=1))
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert read_images(tmp_path / "1.csv")["path"].tolist() == ["B", "a", "a/b", "b", "é"]


def test_a_label_knows_where_it_comes_from() -> None:
    """The source is the rule, or correction; a split and a group are there where given."""
    labels = PhotoLabels(
        {"a": "cat", "b": "dog"}, splits={"b": "valid", "z": "train"}, groups={"a": "anna"}
    )
    table = labels_table(labels, "filename", {"b"})
    assert table.to_dict("list") == {
        "path": ["a", "b"],
        "label": ["cat", "dog"],
        "source": ["filename", "correction"],
        "split": ["", "valid"],
        "group": ["anna", ""],
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path,sha256,format,width\n", ["path, sha256, format, width where"]),
        ("path,sha256,format,height,width\n", ["where path, sha256, format, width, height belong"]),
        ("path,label,source,split\n", ["path, label, source, split where"]),
        ("", ["cannot be read"]),
        ("path,sha256,format,width,height\na,b,JPEG,x,1\n", ["'x'"]),
        ("path,sha256,format,width,height\na,b,JPEG,1,\n", ["''"]),
        ("path,sha256,format,width,height\na,b,,1,1\na,b,,1,1,1\n", ["cannot be read", "line 3"]),
        (b"path,sha256,format,width,height\n\xff,b,JPEG,1,1\n", ["cannot be read"]),
        (f"path,sha256,format,width,height\na,b,JPEG,{10**20},1\n", ["too large"]),
    ],
)
def test_another_table_is_refused_by_name(
    tmp_path: Path, content: str | bytes, words: list[str]
) -> None:
    """A table with wrong columns or values is refused in one line that says how to make it anew."""
    (tmp_path / "images.csv").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    with pytest.raises(UserError) as caught:
        read_images(tmp_path / "images.csv")
    assert "\n" not in str(caught.value)
    for word in ["images.csv", *words, "dvc repro ingest"]:
        assert word in str(caught.value)


def test_a_missing_table_says_which_stage_makes_it(tmp_path: Path) -> None:
    """Without the file there is one line, no traceback."""
    with pytest.raises(UserError, match=r"labels\.csv is missing; make it with: dvc repro ingest"):
        read_labels(tmp_path / "labels.csv")
