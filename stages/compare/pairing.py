"""Which validation images two revisions have in common, and why the others are not."""

from dataclasses import dataclass

import pandas as pd

from stages.compare.data_changes import renamed
from stages.compare.snapshot import Snapshot

# Why an image that one revision validates on is not paired, as the other revision sees it.
REASONS = {
    "relabelled": "both validate on it, under another label",
    "replaced": "another photo has its name",
    "added": "the base did not have it",
    "removed": "the other does not have it",
    "moved": "one of the two trains on it",
    "excluded": "one of the two keeps it out of training and validation",
    "rejected": "one of the two could not decode it",
    "unlabelled": "one of the two has no label for it, or drops it",
    "unknown": "the lists that would say why are not at hand",
}


@dataclass(frozen=True)
class Pairing:
    """The images that both validate on under the same label, and the rest with a reason."""

    common: pd.DataFrame  # base, other: its path in each; actual; sorted by other
    apart: pd.DataFrame  # path, side (base or other: who validates on it, or both), reason

    def counts(self) -> dict[str, int]:
        """Return how many images are not paired, by reason, without zeros."""
        found = self.apart["reason"].value_counts()
        return {reason: int(found[reason]) for reason in REASONS if reason in found}


def pair(base: Snapshot, other: Snapshot) -> Pairing:
    """Pair two revisions' validation images: by path, or by content where a file was renamed."""
    one, two = base.outcomes, other.outcomes
    if one is None or two is None:
        empty = pd.DataFrame({"base": [], "other": [], "actual": []}, dtype=str)
        return Pairing(empty, pd.DataFrame({"path": [], "side": [], "reason": []}, dtype=str))
    lists = [
        {name: table.set_index("path") for name, table in side.tables.items()}
        for side in (base, other)
    ]
    known = all("images" in tables for tables in lists)
    renames = renamed(*(tables["images"] for tables in lists)) if known else {}
    common, apart = [], []
    for old in one.index:
        path = renames.get(old, old)
        if path not in two.index:
            apart.append((old, "base", _reason(path, lists[1], "removed")))
        elif known and not _same_content(old, path, lists):
            apart.append((path, "both", "replaced"))
        elif one["actual"][old] != two["actual"][path]:
            apart.append((path, "both", "relabelled"))
        else:
            common.append((old, path, two["actual"][path]))
    before = {path: old for old, path in renames.items()}
    new = [path for path in two.index if before.get(path, path) not in one.index]
    apart += [(path, "other", _reason(before.get(path, path), lists[0], "added")) for path in new]
    table = pd.DataFrame(common, columns=["base", "other", "actual"])
    return Pairing(
        table.sort_values("other", ignore_index=True),
        pd.DataFrame(apart, columns=["path", "side", "reason"]),
    )


def _same_content(old: str, path: str, lists: list[dict[str, pd.DataFrame]]) -> bool:
    contents = [tables["images"]["sha256"] for tables in lists]
    return bool(contents[0].get(old) == contents[1].get(path))


def _reason(path: str, tables: dict[str, pd.DataFrame], absent: str) -> str:
    """Return why a revision does not validate on an image, as far as its lists say."""
    if "images" in tables and path not in tables["images"].index:
        return absent
    if "rejected" in tables and path in tables["rejected"].index:
        return "rejected"
    if "labels" in tables and path not in tables["labels"].index:
        return "unlabelled"
    if "splits" in tables and path in tables["splits"].index:
        return "excluded" if tables["splits"]["split"][path] == "excluded" else "moved"
    return "unknown"
