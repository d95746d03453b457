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
    new_paths = _renamed(base, other)
    old_paths = {path: old_path for old_path, path in new_paths.items()}
    validated = {*base_outcomes.index, *other_outcomes.index}
    named = {names.get(path, path) for path in validated for names in (new_paths, old_paths)}
    base_lists = _lists(base, validated | named)
    other_lists = _lists(other, validated | named)
    contents_known = base_lists.sha256 is not None and other_lists.sha256 is not None
    base_actual = _labels(base_outcomes)
    other_actual = _labels(other_outcomes)
    common = []
    unpaired = []
    for old_path, label in base_actual.items():
        path = new_paths.get(old_path, old_path)
        if path not in other_actual:
            unpaired.append((old_path, "base", _reason(path, other_lists, absent="removed")))
        elif contents_known and base_lists.content(old_path) != other_lists.content(path):
            unpaired.append((path, "both", "replaced"))
        elif label != other_actual[path]:
            unpaired.append((path, "both", "relabelled"))
        else:
            common.append((old_path, path, label))
    for path in other_actual:
        old_path = old_paths.get(path, path)
        if old_path not in base_actual:
            unpaired.append((path, "other", _reason(old_path, base_lists, absent="added")))
    return _pairing(common, unpaired)


def _labels(outcomes: pd.DataFrame) -> dict[str, str]:
    """Return path -> actual label."""
    return dict(zip(outcomes.index, outcomes["actual"], strict=True))


def _renamed(base: Snapshot, other: Snapshot) -> dict[str, str]:
    """Return old path -> new path of renamed images; none where a list of images is missing."""
    if "images" not in base.tables or "images" not in other.tables:
        return {}
    return renamed_images(
        base.tables["images"].set_index("path"), other.tables["images"].set_index("path")
    )


def _pairing(common: list[tuple[str, str, str]], unpaired: list[tuple[str, str, str]]) -> Pairing:
    """Return a pairing from the rows of its tables."""
    common_table = pd.DataFrame(common, columns=["base", "other", "actual"], dtype="str")
    return Pairing(
        common=common_table.sort_values("other", ignore_index=True),
        unpaired=pd.DataFrame(unpaired, columns=["path", "side", "reason"], dtype="str"),
    )


@dataclass(frozen=True, kw_only=True)
class _Lists:
    """What the lists of a revision say of some photos; None of a list that is not at hand."""

    sha256: Mapping[str, str] | None  # path -> content of the image
    rejected: set[str] | None  # paths
    labelled: set[str] | None
    splits: Mapping[str, str] | None  # path -> split
    dropped: set[str]

    def content(self, path: str) -> str | None:
        """Return the sha256 of an image; None where the list of images does not have it."""
        return None if self.sha256 is None else self.sha256.get(path)


def _lists(snapshot: Snapshot, paths: set[str]) -> _Lists:
    """Return what a revision's lists say of these photos."""
    rows = {name: table[table["path"].isin(paths)] for name, table in snapshot.tables.items()}

    def column(name: str, wanted: str) -> dict[str, str] | None:
        if name not in rows:
            return None
        return dict(zip(rows[name]["path"], rows[name][wanted], strict=True))

    def listed(name: str) -> set[str] | None:
        return {*rows[name]["path"]} if name in rows else None

    return _Lists(
        sha256=column("images", "sha256"),
        rejected=listed("rejected"),
        labelled=listed("labels"),
        splits=column("splits", "split"),
        dropped=dropped_paths(rows.get("corrections")),
    )


def _reason(path: str, lists: _Lists, absent: str) -> str:
    """Return why a revision does not validate on an image, as far as its lists say.

    absent: the reason where the revision does not have the image at all.
    """
    if lists.sha256 is not None and path not in lists.sha256:
        return absent
    if lists.rejected is not None and path in lists.rejected:
        return "rejected"
    if lists.labelled is not None and path not in lists.labelled:
        return "dropped" if path in lists.dropped else "unlabelled"
    if lists.splits is not None and path in lists.splits:
        split = lists.splits[path]
        return split if split in ("excluded", "test") else "moved"
    return "unknown"
