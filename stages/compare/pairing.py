"""Pairing: which validation images two revisions have in common, and why the others are not."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from stages.compare.data_changes import renamed_images
from stages.compare.past_tables import dropped_paths
from stages.compare.snapshot import Snapshot

# Why an image that one revision validates on is not paired, as the other revision has it.
REASONS = {
    "relabelled": "both validate on it, under another label",
    "replaced": "another photo has its name",
    "added": "the base did not have it",
    "removed": "the other does not have it",
    "moved": "one of the two trains on it",
    "test": "one of the two sets it aside for the test",
    "excluded": "one of the two keeps it out of training and validation",
    "rejected": "one of the two could not decode it",
    "dropped": "one of the two drops it, in corrections.csv",
    "unlabelled": "one of the two has no label for it",
    "unknown": "the lists that would say why are not at hand",
}


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """The images that both validate on under the same label, and the rest with a reason."""

    common: pd.DataFrame  # base, other: its path in each; actual; sorted by other
    unpaired: pd.DataFrame  # path, side (base or other: who validates on it, or both), reason

    def counts(self) -> dict[str, int]:
        """Return how many images are not paired, by reason, without zeros."""
        counts = self.unpaired["reason"].value_counts()
        return {reason: int(counts[reason]) for reason in REASONS if reason in counts}


def pair_images(base: Snapshot, other: Snapshot) -> Pairing:
    """Pair two revisions' validation images: by path, or by content where a file was renamed."""
    base_outcomes = base.outcomes
    other_outcomes = other.outcomes
    if base_outcomes is None or other_outcomes is None:
        return _pairing([], [])
    base_lists = _lists(base)
    other_lists = _lists(other)
    base_images = base_lists.tables.get("images")
    other_images = other_lists.tables.get("images")
    contents_known = base_images is not None and other_images is not None
    new_paths = {}
    if base_images is not None and other_images is not None:
        new_paths = renamed_images(base_images, other_images)
    common = []
    unpaired = []
    for old_path in base_outcomes.index:
        path = new_paths.get(old_path, old_path)
        if path not in other_outcomes.index:
            unpaired.append((old_path, "base", _reason(path, other_lists, absent="removed")))
        elif contents_known and _content(old_path, base_lists) != _content(path, other_lists):
            unpaired.append((path, "both", "replaced"))
        elif base_outcomes["actual"][old_path] != other_outcomes["actual"][path]:
            unpaired.append((path, "both", "relabelled"))
        else:
            common.append((old_path, path, other_outcomes["actual"][path]))
    old_paths = {path: old_path for old_path, path in new_paths.items()}
    for path in other_outcomes.index:
        old_path = old_paths.get(path, path)
        if old_path not in base_outcomes.index:
            unpaired.append((path, "other", _reason(old_path, base_lists, absent="added")))
    return _pairing(common, unpaired)


def _pairing(common: list[tuple[str, str, str]], unpaired: list[tuple[str, str, str]]) -> Pairing:
    """Return a pairing from the rows of its tables."""
    common_table = pd.DataFrame(common, columns=["base", "other", "actual"], dtype="str")
    return Pairing(
        common=common_table.sort_values("other", ignore_index=True),
        unpaired=pd.DataFrame(unpaired, columns=["path", "side", "reason"], dtype="str"),
    )


@dataclass(frozen=True, kw_only=True)
class _Lists:
    """The lists of a revision."""

    tables: Mapping[str, pd.DataFrame]  # those of Snapshot, each indexed by path
    dropped: set[str]  # paths


def _lists(snapshot: Snapshot) -> _Lists:
    """Return the lists of a revision, its tables indexed by path."""
    return _Lists(
        tables={name: table.set_index("path") for name, table in snapshot.tables.items()},
        dropped=dropped_paths(snapshot.tables.get("corrections")),
    )


def _content(path: str, lists: _Lists) -> str | None:
    """Return the sha256 of an image; None where the list of images does not have it."""
    sha256: str | None = lists.tables["images"]["sha256"].get(path)
    return sha256


def _reason(path: str, lists: _Lists, absent: str) -> str:
    """Return why a revision does not validate on an image, as far as its lists say.

    absent: the reason where the revision does not have the image at all.
    """
    tables = lists.tables
    if "images" in tables and path not in tables["images"].index:
        return absent
    if "rejected" in tables and path in tables["rejected"].index:
        return "rejected"
    if "labels" in tables and path not in tables["labels"].index:
        return "dropped" if path in lists.dropped else "unlabelled"
    if "splits" in tables and path in tables["splits"].index:
        split = tables["splits"]["split"][path]
        return split if split in ("excluded", "test") else "moved"
    return "unknown"
