"""What happened to the images between two revisions: added, removed, renamed, relabelled."""

from dataclasses import dataclass

import pandas as pd

from stages.compare.snapshot import Snapshot

KINDS = ("added", "removed", "relabelled", "labelled", "unlabelled", "replaced", "renamed")
OF_CLASS = KINDS[:5]  # that are told by class


@dataclass(frozen=True)
class DataChanges:
    """The images of one revision against those of another."""

    rows: (
        pd.DataFrame
    )  # path, kind (of KINDS), label (of the other; of the base where it has none), was

    def counts(self) -> dict[str, int]:
        """Return how many images of each kind, without zeros."""
        found = self.rows["kind"].value_counts()
        return {kind: int(found[kind]) for kind in KINDS if kind in found}

    def by_class(self) -> dict[str, dict[str, int]]:
        """Return label -> kind -> images, of those kinds that are told so; "" is no class."""
        found: dict[str, dict[str, int]] = {}
        for kind in OF_CLASS:
            rows = self.rows[(self.rows["kind"] == kind) & (self.rows["label"] != "")]
            for label, images in rows["label"].value_counts().sort_index().items():
                found.setdefault(str(label), {})[kind] = int(images)
        return found


def data_changes(base: Snapshot, other: Snapshot) -> DataChanges | None:
    """Return what changed in the photos and their labels; None where a list is not at hand."""
    if not all({"images", "labels"} <= side.tables.keys() for side in (base, other)):
        return None
    one, two = _labelled(base), _labelled(other)
    renames = renamed(one, two)
    rows = [(path, "renamed", two["label"][path], old) for old, path in renames.items()]
    added = two.index.difference(one.index).difference(list(renames.values()))
    removed = one.index.difference(two.index).difference(list(renames))
    rows += [(path, "added", two["label"][path], "") for path in added]
    rows += [(path, "removed", one["label"][path], "") for path in removed]
    both = [(path, path) for path in one.index.intersection(two.index)]
    for old, path in [*both, *renames.items()]:
        if one["sha256"][old] != two["sha256"][path]:
            rows.append((path, "replaced", two["label"][path], ""))
        before, after = one["label"][old], two["label"][path]
        if before != after:
            kind = "relabelled" if before and after else "labelled" if after else "unlabelled"
            rows.append((path, kind, after or before, before))
    table = pd.DataFrame(rows, columns=["path", "kind", "label", "was"])
    return DataChanges(table.sort_values(["kind", "path"], ignore_index=True))


def renamed(base: pd.DataFrame, other: pd.DataFrame) -> dict[str, str]:
    """Return old path -> new path of images whose content now stands under another name alone.

    Both tables have sha256 by path. A content that occurs twice on either side names nobody.
    """
    gone = base.loc[base.index.difference(other.index), "sha256"]
    new = other.loc[other.index.difference(base.index), "sha256"]
    once = [side[~side.duplicated(keep=False)] for side in (gone, new)]
    places = {content: path for path, content in once[1].items()}
    return {
        str(path): str(places[content]) for path, content in once[0].items() if content in places
    }


def _labelled(side: Snapshot) -> pd.DataFrame:
    """Return sha256 and label ("" for none) of the files that are images, by path."""
    files = side.tables["images"]
    images = files.loc[files["format"] != ""].set_index("path")[["sha256"]]
    labels = side.tables["labels"].set_index("path")["label"]
    return images.assign(label=labels.reindex(images.index).fillna(""))
