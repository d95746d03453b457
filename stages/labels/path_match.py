"""Path matching: the photo that each path in a CSV means, in whatever way the path is written.

A path that is the same but for its spelling (backslashes, %20, another case) is taken where it
fits exactly one photo. Where a part is missing or another (the extension, leading folders), it is
taken only if such paths fit at least half of the rows or of the photos. What fits by the name of
the file alone, or in one of several folders, is offered and never taken: train/1.jpg and test/1.jpg
may well be two photos.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from pathlib import PurePosixPath
from typing import get_args

from stages.labels.path_ways import (
    SPELLINGS,
    Extension,
    Fit,
    Folders,
    Way,
    fit_paths,
    loose_names,
    respelled,
)

_SAMPLE = 2_000  # paths
_UNTIDY = re.compile(r"(^|/)\.?(/|$)")  # what pathlib would leave out, at 5 us a path
_SPELLING_SETS = ((), *((words,) for words in SPELLINGS), tuple(SPELLINGS))


@dataclass(frozen=True, kw_only=True)
class PathMatch:
    """The photo of each path as written, and how paths fitted, or would fit, in other ways."""

    photos: Mapping[str, str]  # by the path as written; with the taken ones
    taken: Sequence[Fit] = field(default_factory=list)
    offered: Fit | None = None


def match_paths(
    written: Iterable[str], photos: Sequence[str], *, renamed: bool = True
) -> PathMatch:
    """Match paths as written with photos; a way never gives one photo to two of them.

    renamed: whether a part of a path may be missing or another, besides its spelling; else nothing
    is offered either.
    """
    found, rest = _plain_matches(dict.fromkeys(written), photos)
    enough = min(len(found) + len(rest), len(photos)) / 2
    taken: list[Fit] = []
    offered = None
    while rest:
        fits = _fits(rest, photos, set(found.values()))
        sure = [
            fit
            for fit in fits
            if fit.way.is_spelling or (renamed and len(fit.photos) >= enough and _is_clear(fit))
        ]
        if not sure:
            best = max(fits, key=_size, default=None) if renamed else None
            offered = best and _with_fewest_words(best)
            break
        taken.append(_with_fewest_words(max(sure, key=_size)))
        found |= taken[-1].photos
        rest = [path for path in rest if path not in found]
    return PathMatch(photos=found, taken=taken, offered=offered)


def _size(fit: Fit) -> int:
    return len(fit.photos)


def _is_clear(fit: Fit) -> bool:
    """Return whether another photo than the one that fits can hardly be meant."""
    return fit.way.folders not in ("below", "name") and not (fit.way.folders and fit.unclear)


def _plain_matches(
    written: Iterable[str], photos: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Return the photo of each path that is one but for ./, spaces around and Unicode's form.

    The second value has the other paths, but for empty ones.
    """
    # The exact path goes before one that is the same after composing.
    path_of = {unicodedata.normalize("NFC", path): path for path in photos}
    path_of.update((path, path) for path in photos)
    found = {}
    rest = []
    for path in written:
        photo = path_of.get(path) or path_of.get(_plain(path))
        if photo:
            found[path] = photo
        elif path.strip():
            rest.append(path)
    return found, rest


def _plain(path: str) -> str:
    path = unicodedata.normalize("NFC", path).strip()
    return PurePosixPath(path).as_posix() if _UNTIDY.search(path) else path


def _fits(written: Sequence[str], photos: Sequence[str], used: AbstractSet[str]) -> list[Fit]:
    """Return what fits in each way, simple ways first; none after one that leaves nothing over.

    used: photos that have a row already. Of many paths, a sample says which ways are worth trying.
    """
    plain, own = _alike(written, photos)
    paths = list(plain)
    sample = paths[:: max(1, len(paths) // _SAMPLE)]
    all_ways = (
        Way(spellings=spellings, extension=extension, folders=folders)
        for folders, extension, spellings in product(
            get_args(Folders), get_args(Extension), _SPELLING_SETS
        )
    )
    fits = list(_fits_in(all_ways, *_alike(sample, list(own)), used))
    if len(sample) == len(paths):
        return fits
    return list(_fits_in([fit.way for fit in fits], plain, own, used))


def _fits_in(
    ways: Iterable[Way],
    written: Mapping[str, str],
    photos: Mapping[str, str],
    used: AbstractSet[str],
) -> Iterator[Fit]:
    """Yield what fits in each of some ways, until one leaves nothing over."""
    most = min(len(written), len(photos.keys() - used))

    @cache
    def texts(spellings: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
        return _respelled_all(written, spellings), _respelled_all(photos, spellings)

    @cache
    def fit(way: Way) -> Fit:
        return fit_paths(way, *texts(way.spellings), used)

    for way in ways:
        # What does not fit in the loosest spelling does in no other.
        if not fit(replace(way, spellings=tuple(SPELLINGS))).photos:
            continue
        if fit(way).photos:
            yield fit(way)
        if len(fit(way).photos) == most:
            return


def _respelled_all(plain: Mapping[str, str], spellings: Iterable[str]) -> dict[str, str]:
    return {path: respelled(text, spellings) for path, text in plain.items()}


def _with_fewest_words(fit: Fit) -> Fit:
    """Return the same fit without the spellings that it does not need."""
    if not fit.way.spellings:
        return fit
    written = {path: _plain(path) for path in fit.photos}
    photos = {photo: _plain(photo) for photo in fit.photos.values()}
    for spelling in fit.way.spellings:
        others = [other for other in fit.way.spellings if other != spelling]
        way = replace(fit.way, spellings=tuple(others))
        texts = (_respelled_all(written, others), _respelled_all(photos, others))
        same = fit_paths(way, *texts, frozenset())
        if same.photos == fit.photos:
            fit = same
    return fit


def _alike(written: Sequence[str], photos: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the paths and photos, each with its plain path, whose names are alike in some way.

    All others are left out, since no way fits them, and a CSV may name a hundred thousand.
    """
    loose = {photo: loose_names(photo)[-1] for photo in photos}
    names = {path: loose_names(path) for path in written}
    known = set(loose.values())
    plain = {path: _plain(path) for path in written if not known.isdisjoint(names[path])}
    wanted = {name for path in plain for name in names[path]}
    return plain, {photo: _plain(photo) for photo, name in loose.items() if name in wanted}
