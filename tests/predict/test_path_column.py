"""The column of paths is found, whatever parts the cells of a table."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.predict.path_column import read_path_column


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_delimiter_and_encoding(tmp_path: Path, delimiter: str, encoding: str) -> None:
    """The cells of the column come in the order of the rows; a short row has an empty one."""
    rows = [["label", "Path"], ["cat", "ä.jpg"], ["dog", '"a b.jpg"'], ["owl"]]
    text = "\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "a.csv").write_text(text, encoding=encoding)
    assert read_path_column(tmp_path / "a.csv", "path") == ["ä.jpg", "a b.jpg", ""]


def test_other_columns_are_named(tmp_path: Path) -> None:
    """Without the column, or with two of its name, the error shows the header and the remedy."""
    for header in ("file,label", "path,Path,PATH"):
        (tmp_path / "a.csv").write_text(f"{header}\na,b,c\n", encoding="utf-8")
        with pytest.raises(UserError, match="--column NAME"):
            read_path_column(tmp_path / "a.csv", "paTh")


def test_an_empty_table_is_refused(tmp_path: Path) -> None:
    """A file without a header has no column of paths."""
    (tmp_path / "a.csv").touch()
    with pytest.raises(UserError, match="no single column"):
        read_path_column(tmp_path / "a.csv", "path")


def test_predictions_are_read_again(tmp_path: Path) -> None:
    """A name with a comma, a quote and a line end, as predict writes it, comes back whole."""
    (tmp_path / "a.csv").write_text('path,sure\n"a,""b""\nc.jpg",no\n', encoding="utf-8")
    assert read_path_column(tmp_path / "a.csv", "path") == ['a,"b"\nc.jpg']
