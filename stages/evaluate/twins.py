"""Twins: photos that are one picture, within the set and among those that the model has seen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.dataset.duplicates import DUPLICATE_COLUMNS, Duplicate, find_duplicates, group_photos
from stages.dataset.hash_groups import NEAR_BITS, PIECES, near_groups
from stages.dataset.same_picture import Thumbnail, photo_thumbnail, picture_difference
from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.known_photos import KnownPhotos
from stages.images.picture import Pixels

Seen = Literal["training", "validation", "test"]
# Before the names of photos: those of the set come first, so that a group is named by one of them.
_NEW = "0/"
_KNOWN = "1/"
_SIDES: Mapping[str, Seen] = {"train": "training", "valid": "validation", "test": "test"}
# With which a photo of a series is compared, the nearest hashes: a copy saved again is among the
# nearest (at most 10 bits). A comparison takes 3.9 ms, so this bounds a series of any length.
_NEAREST = 16
_KEPT = 512  # thumbnails, of .3 MB each


@dataclass(frozen=True, kw_only=True)
class Twins:
    """What each photo of the set is a copy of."""

    seen: Mapping[str, Seen]  # photos of its training, its validation or its test set
    picture: Mapping[str, str]  # of each photo the first of the set that is the same picture


def find_twins(
    judged: Sequence[JudgedPhoto], known: KnownPhotos | None, image: Callable[[str], Pixels]
) -> Twins:
    """Return the twins of photos that were read, by the rules of the split.

    The same picture has the same bytes, or a near hash and pixels that differ no more than a
    copy's. Many that look alike are a series to the split, which compares none of them; here the
    safe side is that a photo was seen, so they are compared all the same. image: the presized
    pixels of a photo of the set, called for the few that the hashes propose.
    """
    facts = {photo.path: photo.facts for photo in judged if photo.facts}
    new = pd.DataFrame(
        [(_NEW + path, fact.sha256, fact.phash, "") for path, fact in facts.items()],
        columns=["path", "sha256", "phash", "split"],
        dtype="str",
    )
    if known is None:
        table = new
    else:
        others = known.photos.assign(path=_KNOWN + known.photos["path"])
        table = pd.concat([new, others], ignore_index=True)
        table["phash"] = _hashes_near_new(table)

    def pixels(key: str) -> NDArray[np.uint8]:
        if known is not None and key.startswith(_KNOWN):
            return known.store.image(key.removeprefix(_KNOWN))
        return image(key.removeprefix(_NEW))

    duplicates = find_duplicates(table, pixels, "exclude")
    in_series = pd.DataFrame(
        _same_in_series(duplicates, table, pixels), columns=DUPLICATE_COLUMNS, dtype="str"
    )
    duplicates = pd.concat([duplicates, in_series], ignore_index=True)
    group = group_photos(table["path"].tolist(), duplicates)
    sides = table["split"].groupby(group.to_numpy()).agg(set)
    picture = {path: group[_NEW + path] for path in facts}
    seen = {path: side for path, name in picture.items() if (side := _side(sides[name]))}
    return Twins(
        seen=seen, picture={path: name.removeprefix(_NEW) for path, name in picture.items()}
    )


def _same_in_series(
    duplicates: pd.DataFrame, table: pd.DataFrame, pixels: Callable[[str], NDArray[np.uint8]]
) -> Iterator[Duplicate]:
    """Yield the pairs of the same picture in every series: each new photo, and one before it.

    That is one of the model's project, of training first, or else the first of the set that is
    the same picture.
    """
    facts = table.set_index("path")[["phash", "split"]]
    thumbnail = lru_cache(_KEPT)(lambda path: photo_thumbnail(pixels(path)))
    series = duplicates[duplicates["kind"] == "series"]
    for first, others in series.groupby("twin")["path"]:
        paths = sorted([str(first), *others])
        members = facts.loc[paths]
        hashes = np.frombuffer(bytes.fromhex("".join(members["phash"])), np.uint64).reshape(-1, 4)
        known = [np.flatnonzero(members["split"] == split).tolist() for split in _SIDES]
        firsts: list[int] = []
        for row, path in enumerate(paths):
            if path.startswith(_NEW):
                found: Duplicate | None = None
                for rows in (*known, firsts):
                    found = found or _same_picture(row, rows, paths, hashes, thumbnail)
                if found:
                    yield found
                else:
                    firsts.append(row)


def _same_picture(
    row: int,
    others: Sequence[int],
    paths: Sequence[str],
    hashes: NDArray[np.uint64],
    thumbnail: Callable[[str], Thumbnail],
) -> Duplicate | None:
    """Return a photo with one of others that is the same picture, the nearest hash first.

    row, others: places among paths and hashes, (N, 4).
    """
    bits = np.bitwise_count(hashes[list(others)] ^ hashes[row]).sum(axis=1)
    for near in np.argsort(bits, kind="stable")[:_NEAREST]:
        if bits[near] > NEAR_BITS:
            break
        other = paths[others[near]]
        difference = picture_difference(thumbnail(paths[row]), thumbnail(other))
        if difference <= 1:
            return Duplicate(paths[row], other, "same", str(bits[near]), f"{difference:.2f}")
    return None


def _side(splits: set[str]) -> Seen | None:
    """Return on which side a picture was, training first, None for neither."""
    return next((side for split, side in _SIDES.items() if split in splits), None)


def _hashes_near_new(table: pd.DataFrame) -> pd.Series:
    """Return the hashes, "" for known photos that are near to no new one.

    What they are to each other is settled, and comparing their pixels again would take longer than
    all else.
    """
    hashes = table["phash"].copy()
    hashed = np.flatnonzero(hashes != "")
    words = np.frombuffer(bytes.fromhex("".join(hashes.iloc[hashed])), np.uint16)
    group = near_groups(words.reshape(-1, PIECES))
    is_new = table["path"].str.startswith(_NEW).to_numpy()[hashed]
    hashes.iloc[hashed[~np.isin(group, group[is_new])]] = ""
    return hashes
