"""Errors are for people: one line that names the file, key or value, and the remedy."""

from collections.abc import Sequence

from stages.base.terminal import printable

# What to do once the fault is mended; the command may be one of the tools, or dvc's.
RUN_AGAIN = "run `make repro` or your command again"


class UserError(Exception):
    """A mistake that the user can correct: a line with the remedy, or a headline and its lines.

    A newline inside a line, as in the name of a file, is escaped, as all that acts on a terminal.
    """

    def __init__(self, line: str, *more: str) -> None:
        """Take the line; more: lines below it, as `error_list` makes them."""
        super().__init__(line, *more)

    @property
    def lines(self) -> list[str]:
        """The lines, as they are printed."""
        return [printable(line) for line in self.args]

    def __str__(self) -> str:
        """Return the lines as one text."""
        return "\n".join(self.lines)


def error_list(head: str, lines: Sequence[str], shown: int = 20) -> UserError:
    """Return one error for all failures of a kind: a headline, the first `shown`, how many more.

    >>> print(error_list("2 files have no label:", ["a.jpg", "b.jpg"]))
    2 files have no label:
      a.jpg
      b.jpg
    """
    rest = [f"... and {len(lines) - shown} more"] if len(lines) > shown else []
    return UserError(head, *(f"  {line}" for line in [*lines[:shown], *rest]))
