"""Row matching: the rows of a CSV for each photo, and a problem for each row without a photo."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stages.base.echo import echo
from stages.base.plural import count_noun
from stages.labels.csv_table import CsvRow
from stages.labels.path_match import PathMatch, match_paths
from stages.labels.path_ways import Fit
from stages.labels.problem import Problem


@dataclass(frozen=True, kw_only=True)
class MatchedRows:
    """The rows of each photo, the rows of none with the reason, and how paths were adjusted."""

    by_path: Mapping[str, Sequence[CsvRow]]
    unmatched: Sequence[tuple[CsvRow, Problem]]
    adjusted: Sequence[Problem]  # without a path: each way that was taken, or that would fit


def match_rows(
    rows: Iterable[CsvRow], column: str, paths: Sequence[str], *, renamed: bool = True
) -> MatchedRows:
    """Match rows with photos by the path in a column.

    A row may write a path in another way than the disk: see path_match.py, for `renamed` too.
    """
    rows = list(rows)
    match = match_paths((row.cells[column] for row in rows), paths, renamed=renamed)
    by_path: dict[str, list[CsvRow]] = {}
    unmatched = []
    for row in rows:
        written = row.cells[column]
        if written in match.photos:
            by_path.setdefault(match.photos[written], []).append(row)
        else:
            unmatched.append((row, _unmatched_problem(row.line, written)))
    return MatchedRows(by_path=by_path, unmatched=unmatched, adjusted=_adjusted(match))


def _adjusted(match: PathMatch) -> list[Problem]:
    """Return a problem for each way that was taken, and for the one that would fit."""
    problems = [Problem("", "paths adjusted", f"taken: {_in_words(fit)}") for fit in match.taken]
    if fit := match.offered:
        remedy = "write the paths so if they mean these"
        if fit.way.folders == "below":
            remedy = f"if they mean these, end ingest.images in {fit.prefix}"
        problems.append(Problem("", "paths would fit", f"not taken: {_in_words(fit)}; {remedy}"))
    return problems


def _in_words(fit: Fit) -> str:
    """Return how many paths fit in a way, with the first as an example."""
    written, photo = next(iter(fit.photos.items()))
    count = count_noun(len(fit.photos), "path")
    fits = "fits" if len(fit.photos) == 1 else "fit"
    return f"{count} {fits} one photo {fit}, such as {echo(written)} for {echo(photo)}"


def _unmatched_problem(line: int, written: str) -> Problem:
    """Return why a row's path is no photo's."""
    if not written.strip():
        return Problem(written, "empty path", f"line {line}")
    if re.match(r"\s*([/\\]|[A-Za-z]:[/\\])", written):
        detail = f"line {line}: paths are relative to ingest.images"
        return Problem(written, "absolute path", detail)
    if ".." in re.split(r"[/\\]", written.strip()):
        return Problem(written, "path leaves the folder", f"line {line}: .. is not allowed")
    return Problem(written, "row without photo", f"line {line}: ingest.images has no such image")
