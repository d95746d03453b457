"""Undeclared groups: whether parts of the names go with pictures that look alike.

A name such as anna_02.jpg may say who it is, and such photos belong on one side of the split. A
part of the names alone proves nothing, since it may as well be a number. So the hashes of the
pictures judge it: where it names one person, object or scene, a photo mostly looks more like
another of the same name than like one of another name in its class.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import pandas as pd

from stages.base.seed import derive

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS = 8  # of a path, from its first, that are tried
_SHARE_ALIKE = 0.9  # of the paths that must have as many words
_SHARE_GROUPED = 0.5  # of the photos that must have a mate of their class, and others in it
_MIN_GROUPS = 10
_MOST_PHOTOS = 2000  # that are judged, in well under a second
# Whose names are read, since those of a million photos, word by word, take 300 MB; in runs of
# neighbours by path, of which groups that a name begins with lose few.
_MOST_NAMES = 200_000
_RUN = 2000
# Of 30 people, 15 photos each, in three classes, 70 % are nearer to their own (6.5 deviations). In
# nine sets without groups (pets, digits, steel, trash, road and hand signs, insects, smiles,
# textures) no part of the names passes, and of 140 random divisions of seven sets none does; the
# furthest is 2.1 deviations from a half.
_MIN_NEARER = 0.6
_MIN_DEVIATIONS = 5.0


@dataclass(frozen=True, kw_only=True)
class NamedGroups:
    """A part of the names that goes with what the pictures show."""

    regex: str  # for datablock.split.group
    groups: int
    nearer: float  # share of photos that look more like one of their group than like another
    examples: Sequence[str]  # names of the largest groups


def find_named_groups(images: pd.DataFrame) -> NamedGroups | None:
    """Return the coarsest part of the names by which pictures are alike, None where none is.

    images: path, label, phash ("" of a blank picture), sorted by path.
    """
    table = images.loc[images["phash"] != "", ["path", "label", "phash"]]
    table = table.iloc[rows_in_runs(len(table), _MOST_NAMES, _RUN)].reset_index(drop=True)
    found = [
        NamedGroups(regex=regex, groups=groups, nearer=nearer, examples=_largest(names))
        for regex, names in _parts_of_names(table["path"].tolist())
        for groups, nearer, deviations in [judge_names(table, names)]
        if groups >= _MIN_GROUPS and nearer >= _MIN_NEARER and deviations >= _MIN_DEVIATIONS
    ]
    return min(found, key=lambda part: part.groups, default=None)


def rows_in_runs(rows: int, most: int, run: int) -> np.ndarray:
    """Return all row numbers, or where there are more than `most`, evenly spaced runs of them."""
    if rows <= most:
        return np.arange(rows)
    starts = np.linspace(0, rows - run, most // run).astype(int)
    return np.unique(starts[:, None] + np.arange(run))


def judge_names(table: pd.DataFrame, names: Sequence[str]) -> tuple[int, float, float]:
    """Return how many groups are judged, how often a photo is nearer to its group, and how sure.

    The last is in standard deviations of chance, where nearer is a half; 0 groups where too few
    photos have a mate. Each photo is compared once: with one of its group and class, and with one
    of another group in its class. Groups count once each, since their photos are alike.
    """
    group = table["label"].str.cat(pd.Series(names, table.index), sep="\0")
    has_mate = group.groupby(group).transform("size").gt(1)
    has_others = group.groupby(table["label"]).transform("nunique").gt(1)
    named = pd.Series(names, table.index).ne("")
    usable = np.flatnonzero(has_mate & has_others & named)
    if len(usable) < _SHARE_GROUPED * len(table):
        return 0, 0.0, 0.0
    generator = derive(0, "undeclared groups")
    chosen = np.sort(generator.permutation(usable)[:_MOST_PHOTOS])
    words = np.frombuffer(bytes.fromhex("".join(table["phash"])), np.uint64).reshape(-1, 4)
    in_group = _rows_of(group)
    in_class = _rows_of(table["label"])
    numbers = group.to_numpy()
    mates = np.array([_draw(in_group[numbers[row]], row, generator) for row in chosen])
    others = np.array(
        [
            _draw_other(in_class[label], numbers, row, generator)
            for row, label in zip(chosen, table["label"].iloc[chosen], strict=True)
        ]
    )
    near = np.bitwise_count(words[chosen] ^ words[mates]).sum(axis=1)
    far = np.bitwise_count(words[chosen] ^ words[others]).sum(axis=1)
    nearer = pd.Series((near < far) + 0.5 * (near == far)).groupby(numbers[chosen]).mean()
    count = len(nearer)
    # By chance the mean of a group varies by at most .5, that of one photo.
    spread = max(float(nearer.std(ddof=0)), 0.1) / np.sqrt(count)
    mean = float(nearer.mean())
    return count, mean, float((mean - 0.5) / spread)


def _rows_of(names: pd.Series) -> dict[str, np.ndarray]:
    """Return name -> the rows that have it, rising."""
    return {str(name): np.asarray(rows) for name, rows in names.groupby(names).indices.items()}


def _draw(members: np.ndarray, row: int, generator: np.random.Generator) -> int:
    """Return another member of a group than the one in this row."""
    place = int(generator.integers(len(members) - 1))
    at = int(np.searchsorted(members, row))
    return int(members[place + (place >= at)])


def _draw_other(
    members: np.ndarray, numbers: np.ndarray, row: int, generator: np.random.Generator
) -> int:
    """Return a member of a class that is of another group than the one in this row."""
    others = members[numbers[members] != numbers[row]]
    return int(others[generator.integers(len(others))])


def _parts_of_names(paths: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield a regex and what it catches in each path, for the first words and for single ones.

    Words are letters and digits between other characters; the extension is none. Where the paths
    have different numbers of words there is no part. What divides the paths alike stands once.
    """
    words = [_WORD.findall(path.rpartition(".")[0] or path) for path in paths]
    counts = pd.Series([len(found) for found in words]).value_counts()
    if counts.empty or counts.iloc[0] < _SHARE_ALIKE * len(paths):
        return
    count = int(counts.index[0])
    word = r"[^\W_]+"
    between = r"[\W_]+"
    seen: set[bytes] = set()  # digests, since 16 divisions of a million paths take 640 MB
    parts = [(0, end) for end in range(1, min(count, _MOST_WORDS))]
    parts += [(at, at + 1) for at in range(min(count, _MOST_WORDS))]
    for start, end in parts:
        names = ["/".join(found[start:end]) if len(found) == count else "" for found in words]
        division = sha256(pd.factorize(np.array(names, dtype=object))[0].tobytes()).digest()
        if division not in seen:
            seen.add(division)
            before = rf"(?:{word}{between}){{{start}}}" if start else ""
            yield rf"^[\W_]*{before}({between.join([word] * (end - start))})[\W_]", names


def _largest(names: Sequence[str]) -> list[str]:
    sizes = pd.Series([name for name in names if name]).value_counts(sort=False)
    return [str(name) for name in sizes.sort_values(ascending=False, kind="stable").index[:2]]
