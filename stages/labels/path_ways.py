"""Ways of reading paths: by spelling, extension or folders, until each fits the photo it means."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from stages.labels.label_text import clean_label

Extension = Literal["", "add", "other"]
Folders = Literal["", "prefix", "tail", "below", "name"]
SPELLINGS: dict[str, Callable[[str], str]] = {
    "with / for \\": lambda path: path.replace("\\", "/"),
    "with its % codes read": unquote,
    "without invisible characters": clean_label,
    "in another case": str.casefold,
}


@dataclass(frozen=True, kw_only=True)
class Way:
    """What is done to paths as written, and to those of photos, before they are compared."""

    spellings: tuple[str, ...] = ()  # keys of SPELLINGS
    extension: Extension = ""  # add: only the photos have one; other: it does not count
    folders: Folders = ""  # prefix: without leading ones; tail, below: below others; name: none

    @property
    def is_spelling(self) -> bool:
        """Whether all parts of the paths are the same."""
        return not self.extension and not self.folders


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The paths that fit one photo each in a way."""

    way: Way
    photos: Mapping[str, str]  # by the path as written
    prefix: str = ""  # the folders that are left out, in the CSV (prefix) or on the disk (below)
    unclear: int = 0  # paths that fit several photos

    def __str__(self) -> str:
        """Return the way in words."""
        way = self.way
        parts = {
            "add": "with an extension",
            "other": "with another extension",
            "prefix": f"without the leading {self.prefix}",
            "tail": "below a folder",
            "below": f"below {self.prefix}",
            "name": "by the name of the file alone",
        }
        words = [*way.spellings, *(parts[part] for part in (way.extension, way.folders) if part)]
        return ", ".join(words)


def respelled(path: str, spellings: Iterable[str] = tuple(SPELLINGS)) -> str:
    r"""Return a path after some spellings of SPELLINGS.

    >>> respelled("Cats\\My%20Cat.JPG")
    'cats/my cat.jpg'
    """
    for words in spellings:
        path = SPELLINGS[words](path)
    return path


def without_extension(path: str) -> str:
    """Return a path without what stands behind the last dot of its name.

    >>> without_extension("v1.2/cat.1.jpg"), without_extension("v1.2/cat")
    ('v1.2/cat.1', 'v1.2/cat')
    """
    stem, dot, extension = path.rpartition(".")
    named = stem.rpartition("/")[2] != ""
    return stem if dot and named and "/" not in extension else path


def loose_names(path: str) -> tuple[str, str]:
    """Return the name of a file in its loosest spelling, with and without its extension.

    Paths fit in some way only if these are alike.
    """
    name = respelled(path).rpartition("/")[2]
    return name, without_extension(name)


def fit_paths(
    way: Way, written: Mapping[str, str], photos: Mapping[str, str], used: AbstractSet[str]
) -> Fit:
    """Return which paths fit one photo alone that no other path fits.

    written, photos: path -> the path after the way's spellings. used: photos that have a row.
    """
    if way.extension == "other":
        written = {path: without_extension(key) for path, key in written.items()}
    if way.extension:
        photos = {photo: without_extension(key) for photo, key in photos.items()}
    prefix = ""
    if way.folders == "prefix":
        prefix = _leading_folders(written.values(), set(photos.values()))
        written = _without_prefix(prefix, written)
    elif way.folders == "below":
        prefix = _leading_folders(photos.values(), set(written.values()))
        photos = _without_prefix(prefix, photos)
    elif way.folders == "name":
        written = {path: key.rpartition("/")[2] for path, key in written.items()}
        photos = {photo: key.rpartition("/")[2] for photo, key in photos.items()}
    photo_of: dict[str, str] = {}  # "" where several photos have the key
    for photo, whole in photos.items():
        for key in (whole, *(_tails(whole) if way.folders == "tail" else ())):
            photo_of[key] = "" if photo_of.get(key, photo) != photo else photo
    found = {path: photo_of[key] for path, key in written.items() if key in photo_of}
    claims = Counter(found.values())
    sure = {
        path: photo
        for path, photo in found.items()
        if photo and claims[photo] == 1 and photo not in used
    }
    return Fit(way=way, prefix=prefix, photos=sure, unclear=claims[""])


def _tails(path: str) -> Iterator[str]:
    """Yield a path without its first folder, without the first two, and so on."""
    while "/" in path:
        path = path.partition("/")[2]
        yield path


def _leading_folders(paths: Iterable[str], known: AbstractSet[str]) -> str:
    """Return the leading folders, up to a /, without which most paths are known; "" for none."""
    counts: Counter[str] = Counter()
    for path in paths:
        counts.update(path[: len(path) - len(tail)] for tail in _tails(path) if tail in known)
    return max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default="")


def _without_prefix(prefix: str, keys: Mapping[str, str]) -> dict[str, str]:
    """Return the keys that begin with a prefix, without it; none where the prefix is empty."""
    return {
        path: key[len(prefix) :] for path, key in keys.items() if prefix and key.startswith(prefix)
    }
