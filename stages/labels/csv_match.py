"""Row matching: the rows of a CSV for each photo, and a problem for each row without a photo."""

import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from heapq import nlargest

from stages.base.echo import echo
from stages.base.plural import count_noun
from stages.labels.csv_table import CsvRow
from stages.labels.path_match import PathMatch, match_paths
from stages.labels.path_ways import Fit
from stages.labels.problem import Problem

# Rows for which a photo of a similar name is looked for: among a million paths 3 s for all.
_MOST_MEANT = 20
_MOST_ALIKE = 2000  # paths in a row's folder, of its file name, of neither, with its numbers
_MOST_COMPARED = 50  # of these, letter by letter, which takes 1 ms for each where they are long


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
    for row in rows:
        if row.cells[column] in match.photos:
            by_path.setdefault(match.photos[row.cells[column]], []).append(row)
    others = [row for row in rows if row.cells[column] not in match.photos]
    searched = [row.cells[column] for row in others[:_MOST_MEANT]]
    meant = _meant(searched, paths, match.photos.values())
    unmatched = [
        (row, _unmatched_problem(row.line, row.cells[column], meant.get(row.cells[column], "")))
        for row in others
    ]
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


def _meant(
    written: Sequence[str], paths: Sequence[str], matched: Collection[str]
) -> dict[str, str]:
    """Return path as written -> the photo that it is a misspelling of, where one is like it.

    Its numbers are the same, since IMG_0412 is another photo than IMG_0413, and no other row has
    matched it.
    """
    alike: dict[Hashable, list[str]] = {key: [] for path in written for key in _likenesses(path)}
    taken = set(matched) if written else set()
    for path in paths if written else ():
        for key in _likenesses(path) if _numbers(path) in alike else ():
            found = alike.get(key)
            if found is not None and len(found) < _MOST_ALIKE and path not in taken:
                found.append(path)
    near = {path: _nearest(path.strip(), alike) for path in dict.fromkeys(written)}
    return {path: photo for path, photo in near.items() if photo}


def _likenesses(path: str) -> list[Hashable]:
    """Return by what paths may be alike: their numbers, alone or with the folder or file name."""
    numbers = _numbers(path)
    folder, _, name = path.strip().rpartition("/")
    return [(numbers, folder, ""), (numbers, "", name), numbers]


def _nearest(written: str, alike: Mapping[Hashable, Sequence[str]]) -> str:
    """Return the path that is most like the written one, "" where none is like it.

    Those that begin and end as it does are compared: they have its folder, or its file name.
    """
    found = dict.fromkeys(path for key in _likenesses(written) for path in alike[key])
    compared = nlargest(_MOST_COMPARED, found, key=lambda path: _shared_ends(written, path))
    return next(iter(get_close_matches(written, compared, n=1, cutoff=0.75)), "")


def _shared_ends(one: str, other: str) -> int:
    """Return how many characters two paths have in common from their ends inwards."""
    return _shared_start(one, other) + _shared_start(one[::-1], other[::-1])


def _shared_start(one: str, other: str) -> int:
    differing = (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(differing, min(len(one), len(other)))


def _numbers(path: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall("[0-9]{1,18}", path))


def _unmatched_problem(line: int, written: str, meant: str) -> Problem:
    """Return why a row's path is no photo's; meant: the photo that is like it."""
    if not written.strip():
        return Problem(written, "empty path", f"line {line}")
    if re.match(r"\s*([/\\]|[A-Za-z]:[/\\])", written):
        detail = f"line {line}: paths are relative to ingest.images"
        return Problem(written, "absolute path", detail)
    if ".." in re.split(r"[/\\]", written.strip()):
        return Problem(written, "path leaves the folder", f"line {line}: .. is not allowed")
    detail = f"line {line}: ingest.images has no such image, or it cannot be read"
    detail += f"; did you mean {echo(meant)}?" if meant else ""
    return Problem(written, "row without photo", detail)
