"""Equal cells of several tables are one object in memory."""

import pandas as pd

from stages.compare.shared_text import SharedText


def table(prefix: str, rows: int) -> pd.DataFrame:
    """Return a table whose cells are objects of their own."""
    names = [f"{prefix} {number}" for number in range(rows)]
    return pd.DataFrame({"path": names, "label": names, "number": range(rows)})


def test_a_table_that_passes_is_equal() -> None:
    """Cells, types and rows are those of the table that came in."""
    before = table("a photo", 3)
    pd.testing.assert_frame_equal(SharedText().share(before, ["path"]), before)


def test_equal_cells_of_two_tables_are_one_object() -> None:
    """The second table has the objects of the first, in the columns named and in no other."""
    shared = SharedText()
    first = shared.share(table("a photo", 3), ["path"])
    second = shared.share(table("a photo", 3), ["path"])
    pairs = zip(first["path"], second["path"], strict=True)
    assert all(one is other for one, other in pairs)
    assert first["label"][0] is not second["label"][0]


def test_a_table_without_rows_passes() -> None:
    """A list that names no photo stays one of text."""
    assert SharedText().share(table("", 0), ["path"])["path"].dtype == "str"
