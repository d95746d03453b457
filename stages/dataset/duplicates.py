"""Duplicates: photos that are the same file, the same picture, or only look alike.

A perceptual hash sees 16 x 16 grey frequencies: it finds copies, and it also takes photos of a
fixed camera, or a shirt in three colours, for alike. So it only proposes pairs; what decides is
their pixels, in colour and place by place (same_picture.py). Only the same picture may be kept out
of training. What looks alike is named, and nothing more.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.base.csv_file import read_text_csv, write_csv
from stages.base.errors import UserError
from stages.dataset.hash_groups import (
    NEAR_BITS,
    PIECES,
    Ints,
    first_rows,
    join_groups,
    near_groups,
)
from stages.dataset.same_picture import photo_thumbnail, picture_difference
from stages.dataset.split_params import NearDuplicates

# Different files that look alike, of which each pair is judged by itself; more are a series (a
# fixed camera, or one product again and again), unless one of them is the same as all others.
MAX_ALIKE = 4
# More are a series in any case. No pixel tells copies from exposures of a scene in which nothing
# changed: of eight copies (qualities, sizes) pairs differ by .23 to .97, of eight exposures by .24
# to .75. But copies come in at most about eight (the sizes that a web site makes), exposures in
# dozens, or are most of a set (three lamps, eight exposures each): then they are a series as well.
# It also bounds the work: where every photo is in a group of eight, to about 20 ms a photo
# beside decoding (a thumbnail of 6.5 ms, and 3.5 comparisons of 3.9).
MAX_COPIES = 8
# Pairs that look alike and are not the same, from which on a set is one of look-alikes when they
# are the majority: then those that pass may be different photos too, such as solar cells.
MIN_DENIED = 10
# What is nearer than this is the same picture even there, as are all of 12 saved again at quality
# 70 (at most 4 bits, .64), 2 of 12 reduced to a half, and none of 1,811 pairs of different solar
# cells that pass.
_SURE_BITS = 4
_SURE_DIFFERENCE = 0.7

DUPLICATE_COLUMNS = ["path", "twin", "kind", "bits", "difference"]
Kind = Literal["exact", "same", "alike", "series"]
SAME_KINDS: tuple[Kind, ...] = ("exact", "same")
# A series is not among them: all of it on one side would leave the other empty.
ALIKE_KINDS: tuple[Kind, ...] = (*SAME_KINDS, "alike")


class Duplicate(NamedTuple):
    """A row of duplicates.csv: two photos, and how they are alike.

    kind: exact (the same bytes), same (the same picture), alike (the hashes say so, not the
    pixels) or series (one of more than MAX_ALIKE that are not all one picture, or of more than
    MAX_COPIES, which are not compared); bits: of 256 in which the hashes differ; difference: of the
    pixels, 1 at most for the same picture. The last two are empty in a series.
    """

    path: str
    twin: str
    kind: Kind
    bits: str = ""
    difference: str = ""


def find_duplicates(
    index: pd.DataFrame, image: Callable[[str], NDArray[np.uint8]], near: NearDuplicates
) -> pd.DataFrame:
    """Return all duplicates, a row for each pair, with DUPLICATE_COLUMNS as text.

    index: path, sha256, phash ("" is near to nothing), as the store has them. image: pixels
    (H, W, 3) by path, called once for each photo that the hashes propose. near: with off, only
    exact duplicates are looked for. Copies of one content are listed with their first path, and
    only this one in other pairs.
    """
    table = index[["path", "sha256", "phash"]].sort_values("path", ignore_index=True)
    first = table.drop_duplicates("sha256")
    twin = table["sha256"].map(first.set_index("sha256")["path"])
    copies = table["path"] != twin
    pairs = zip(table["path"][copies], twin[copies], strict=True)
    rows = [Duplicate(path, original, "exact", "0", "0") for path, original in pairs]
    if near != "off":
        rows += _near_duplicates(first, image)
    return pd.DataFrame(sorted(rows), columns=DUPLICATE_COLUMNS, dtype="str")


def group_photos(
    paths: Sequence[str], duplicates: pd.DataFrame, kinds: Sequence[Kind] = SAME_KINDS
) -> pd.Series:
    """Return the group of each path that pairs of these kinds make: its first path, by path."""
    names = pd.Index(sorted({*paths, *duplicates["path"], *duplicates["twin"]}))
    linked = duplicates[duplicates["kind"].isin(kinds)]
    a, b = (names.get_indexer(pd.Index(linked[end])) for end in ("path", "twin"))
    group = first_rows(join_groups(np.arange(len(names)), [(a, b)]))
    of_path = pd.Series(names.to_numpy()[group], names, dtype="str", name="group")
    return of_path[list(paths)]


def write_duplicates(file: Path, duplicates: pd.DataFrame) -> None:
    """Write data/duplicates.csv."""
    write_csv(file, duplicates[DUPLICATE_COLUMNS])


def read_duplicates(file: Path) -> pd.DataFrame:
    """Return data/duplicates.csv, all text."""
    try:
        return read_text_csv(file)[DUPLICATE_COLUMNS]
    except FileNotFoundError:
        raise UserError(f"{file} is missing; dvc repro datablock makes it") from None


def _near_duplicates(
    first: pd.DataFrame, image: Callable[[str], NDArray[np.uint8]]
) -> list[Duplicate]:
    """Return the pairs of different files that look alike (first: a row for each content)."""
    hashed = first[first["phash"] != ""]
    words = np.frombuffer(bytes.fromhex("".join(hashed["phash"])), np.uint16).reshape(-1, PIECES)
    paths = hashed["path"].tolist()
    compared: list[Duplicate] = []
    copies: list[list[Duplicate]] = []  # of each group of more than MAX_ALIKE
    series: list[Duplicate] = []
    for rows in _groups(near_groups(words)):
        members = [paths[row] for row in rows]
        few = len(rows) <= MAX_COPIES
        pairs = list(_compare(members, words[rows].view(np.uint64), image)) if few else []
        if len(rows) <= MAX_ALIKE:
            compared += pairs
        elif few and _is_one_picture(pairs, len(rows)):
            copies.append(pairs)
        else:
            series += _series(members)
    groups = [sorted({path for pair in pairs for path in pair[:2]}) for pairs in copies]
    if len(groups) > 1 and 2 * sum(map(len, groups)) > len(first):
        series += chain.from_iterable(map(_series, groups))
        copies = []
    return series + _without_look_alikes(compared, list(chain.from_iterable(copies)))


def _series(members: Sequence[str]) -> list[Duplicate]:
    return [Duplicate(path, members[0], "series") for path in members[1:]]


def _groups(group: Ints) -> Iterator[Ints]:
    """Yield the rows of each group of two or more."""
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    yield from (rows for rows in np.split(order, cuts) if len(rows) > 1)


def _compare(
    paths: Sequence[str], hashes: NDArray[np.uint64], image: Callable[[str], NDArray[np.uint8]]
) -> Iterator[Duplicate]:
    """Yield the pairs whose hashes (N, 4) are near, compared by their pixels."""
    thumbnails = [photo_thumbnail(image(path)) for path in paths]
    for a, b in combinations(range(len(paths)), 2):
        bits = int(np.bitwise_count(hashes[a] ^ hashes[b]).sum())
        if bits <= NEAR_BITS:
            difference = picture_difference(thumbnails[a], thumbnails[b])
            kind: Kind = "same" if difference <= 1 else "alike"
            yield Duplicate(paths[b], paths[a], kind, str(bits), f"{difference:.2f}")


def _is_one_picture(pairs: Sequence[Duplicate], size: int) -> bool:
    """Return whether one photo of a group of this size is the same picture as each other one."""
    same = Counter(path for pair in pairs if pair.kind == "same" for path in (pair.path, pair.twin))
    return max(same.values(), default=0) == size - 1


def _without_look_alikes(
    compared: Sequence[Duplicate], copies: Sequence[Duplicate]
) -> list[Duplicate]:
    """Return all pairs; in a set of look-alikes only those far below the limits are the same.

    copies: of large groups, whose many pairs have no vote in what the set is.
    """
    denied = sum(pair.kind == "alike" for pair in compared)
    pairs = [*compared, *copies]
    if denied < MIN_DENIED or denied <= len(compared) - denied:
        return pairs
    return [pair if _is_sure(pair) else pair._replace(kind="alike") for pair in pairs]


def _is_sure(pair: Duplicate) -> bool:
    return int(pair.bits) <= _SURE_BITS and float(pair.difference) <= _SURE_DIFFERENCE
