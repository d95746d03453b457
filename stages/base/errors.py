"""Errors are for people: one line that names the file, key or value, and the remedy."""

from collections.abc import Sequence


class UserError(Exception):
    """A mistake that the user can correct; its message is one line with the remedy."""


def error_list(head: str, lines: Sequence[str], shown: int = 20) -> UserError:
    """Return one error for all failures of a kind: a headline, the first `shown`, how many more.

    >>> print(error_list("2 files have no label:", ["a.jpg", "b.jpg"]))
    2 files have no label:
      a.jpg
      b.jpg
    """
    rest = [f"... and {len(lines) - shown} more"] if len(lines) > shown else []
    return UserError("\n  ".join([head, *lines[:shown], *rest]))
