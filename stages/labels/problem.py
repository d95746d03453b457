"""A problem: a file or a row of a table that cannot be used as it is, and why."""

from typing import NamedTuple

from stages.base.echo import cut

UNREADABLE = "unreadable"  # says nothing of the photo: perhaps this machine cannot read it
_MOST = 300  # characters of a path that a line shows


class Problem(NamedTuple):
    """A row of problems.csv: a file or row that cannot be used as it is, and why."""

    path: str
    problem: str
    detail: str

    def __str__(self) -> str:
        """Return a line to print; control characters in a name are shown escaped, its end cut."""
        path = cut(self.path, _MOST)
        path = path if path.isprintable() else repr(path)
        return ": ".join(part for part in (path, self.problem, cut(self.detail, 2 * _MOST)) if part)
