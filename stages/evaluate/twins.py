"""Twins: photos that are one picture, within the set and among those that the model has seen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.dataset.duplicates import find_duplicates, group_photos
from stages.dataset.hash_groups import PIECES, near_groups
from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.known_photos import KnownPhotos
from stages.images.picture import Pixels

Seen = Literal["training", "validation"]
# Before the names of photos: those of the set come first, so that a group is named by one of them.
_NEW = "0/"
_KNOWN = "1/"
_SIDES: Mapping[str, Seen] = {"train": "training", "valid": "validation"}


@dataclass(frozen=True, kw_only=True)
class Twins:
    """What each photo of the set is a copy of."""

    seen: Mapping[str, Seen]  # photos that the model was trained on, or else validated on
    picture: Mapping[str, str]  # of each photo the first of the set that is the same picture


def find_twins(
    judged: Sequence[JudgedPhoto], known: KnownPhotos | None, image: Callable[[str], Pixels]
) -> Twins:
    """Return the twins of photos that were read, by the rules of the split.

    The same picture has the same bytes, or a near hash and pixels that differ no more than a
    copy's. image: the presized pixels of a photo of the set, called for the few that the hashes
    propose.
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
    group = group_photos(table["path"].tolist(), duplicates)
    sides = table["split"].groupby(group.to_numpy()).agg(set)
    picture = {path: group[_NEW + path] for path in facts}
    seen = {path: side for path, name in picture.items() if (side := _side(sides[name]))}
    return Twins(
        seen=seen, picture={path: name.removeprefix(_NEW) for path, name in picture.items()}
    )


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
