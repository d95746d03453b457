"""Changes of the data between two revisions: images added, removed, renamed, relabelled, dropped.

Dropped are those that a row of corrections.csv keeps out; unlabelled those that nothing labels.
"""

from dataclasses import dataclass

import pandas as pd

from stages.compare.past_tables import dropped_paths
from stages.compare.snapshot import Snapshot

_KINDS_BY_CLASS = (
    *("added", "removed", "relabelled", "labelled", "unlabelled"),
    *("dropped", "no longer dropped"),
)
_KINDS = (*_KINDS_BY_CLASS, "replaced", "renamed")


@dataclass(frozen=True)
class DataChanges:
    """The images of one revision against those of another."""

    # Columns: path; kind (of _KINDS); label (in the other, or in the base where the other has
    # none); was (the former path or label, where it changed).
    rows: pd.DataFrame

    def counts(self) -> dict[str, int]:
        """Return how many images of each kind, without zeros."""
        counts = self.rows["kind"].value_counts()
        return {kind: int(counts[kind]) for kind in _KINDS if kind in counts}

    def by_class(self) -> dict[str, dict[str, int]]:
        """Return label -> kind -> images, of the kinds that concern labels; no row without one."""
        images_by_class: dict[str, dict[str, int]] = {}
        for kind in _KINDS_BY_CLASS:
            rows = self.rows[(self.rows["kind"] == kind) & (self.rows["label"] != "")]
            for label, images in rows["label"].value_counts().sort_index().items():
                images_by_class.setdefault(str(label), {})[kind] = int(images)
        return images_by_class


def data_changes(base: Snapshot, other: Snapshot) -> DataChanges | None:
    """Return what changed in the photos and their labels; None where a list is not at hand."""
    if not all({"images", "labels"} <= snapshot.tables.keys() for snapshot in (base, other)):
        return None
    base_images = _labelled_images(base)
    other_images = _labelled_images(other)
    base_dropped = dropped_paths(base.tables.get("corrections"))
    other_dropped = dropped_paths(other.tables.get("corrections"))
    new_paths = renamed_images(base_images, other_images)
    added = other_images.index.difference(base_images.index).difference(list(new_paths.values()))
    removed = base_images.index.difference(other_images.index).difference(list(new_paths))
    rows = [
        *((path, "renamed", other_images["label"][path], old) for old, path in new_paths.items()),
        *((path, "added", other_images["label"][path], "") for path in added),
        *((path, "removed", base_images["label"][path], "") for path in removed),
    ]
    same_path = [(path, path) for path in base_images.index.intersection(other_images.index)]
    for old_path, path in [*same_path, *new_paths.items()]:
        old_label = base_images["label"][old_path]
        label = other_images["label"][path]
        if base_images["sha256"][old_path] != other_images["sha256"][path]:
            rows.append((path, "replaced", label, ""))
        if old_label != label:
            was_dropped = old_path in base_dropped
            kind = _label_change(old_label, label, was_dropped, path in other_dropped)
            rows.append((path, kind, label or old_label, old_label))
    table = pd.DataFrame(rows, columns=["path", "kind", "label", "was"])
    return DataChanges(table.sort_values(["kind", "path"], ignore_index=True))


def renamed_images(base: pd.DataFrame, other: pd.DataFrame) -> dict[str, str]:
    """Return old path -> new path of the images whose content has another name only.

    Both tables have sha256 by path. A content that several files of one side share renames none.
    """
    gone = base.loc[base.index.difference(other.index), "sha256"]
    new = other.loc[other.index.difference(base.index), "sha256"]
    unique_gone = gone[~gone.duplicated(keep=False)]
    unique_new = new[~new.duplicated(keep=False)]
    new_paths = {content: path for path, content in unique_new.items()}
    return {
        str(path): str(new_paths[content])
        for path, content in unique_gone.items()
        if content in new_paths
    }


def _label_change(old_label: str, label: str, was_dropped: bool, is_dropped: bool) -> str:
    """Return the kind of a change of the label, where "" is none.

    The last two: whether the image was and is dropped, which leaves it without a label.
    """
    if not label:
        return "dropped" if is_dropped else "unlabelled"
    if old_label:
        return "relabelled"
    return "no longer dropped" if was_dropped else "labelled"


def _labelled_images(snapshot: Snapshot) -> pd.DataFrame:
    """Return sha256 and label ("" for none) of the files that are images, by path."""
    files = snapshot.tables["images"]
    images = files.loc[files["format"] != ""].set_index("path")[["sha256"]]
    labels = snapshot.tables["labels"].set_index("path")["label"]
    return images.assign(label=labels.reindex(images.index).fillna(""))
