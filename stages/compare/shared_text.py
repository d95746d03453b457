"""Text of tables, each different cell once in memory, however many tables have it.

A path takes about 80 bytes as an object of Python and a sha256 113, and the lists of two runs name
the same million photos six times.
"""

from collections.abc import Sequence

import pandas as pd


class SharedText:
    """The cells seen so far; tables that pass through it have their equal cells in common."""

    def __init__(self) -> None:
        """Begin with no cell."""
        self._texts: dict[str, str] = {}

    def share(self, table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
        """Return an equal table whose cells in these columns of text are the ones seen first."""
        texts = self._texts
        return table.assign(
            **{
                column: pd.array(
                    [texts.setdefault(cell, cell) for cell in table[column]], dtype="str"
                )
                for column in columns
            }
        )
