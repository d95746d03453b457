"""Changes of the data between two revisions: images added, removed, renamed, relabelled, dropped.

Dropped are those that a row of corrections.csv keeps out; unlabelled those that nothing labels.
"""

from collections.abc import Mapping
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
    new_paths = renamed_images(base_images, other_images)
    added = other_images[~other_images.index.isin({*base_images.index, *new_paths.values()})]
    removed = base_images[~base_images.index.isin({*other_images.index, *new_paths})]
    rows = [
        *((path, "renamed", other_images["label"][path], old) for old, path in new_paths.items()),
        *((path, "added", label, "") for path, label in added["label"].items()),
        *((path, "removed", label, "") for path, label in removed["label"].items()),
        *_changes_of_kept(base_images, other_images, new_paths, _dropped(base), _dropped(other)),
    ]
    table = pd.DataFrame(rows, columns=["path", "kind", "label", "was"])
    return DataChanges(table.sort_values(["kind", "path"], ignore_index=True))


def _changes_of_kept(
    base: pd.DataFrame,
    other: pd.DataFrame,
    new_paths: Mapping[str, str],
    was_dropped: set[str],
    is_dropped: set[str],
) -> list[tuple[str, str, str, str]]:
    """Return the rows of the images that both have, under one name or two; see DataChanges."""
    kept = base.index[base.index.isin(other.index)]
    before = base.reindex(kept.append(pd.Index(list(new_paths), dtype="str")))
    after = other.reindex(kept.append(pd.Index(list(new_paths.values()), dtype="str")))
    replaced = before["sha256"].to_numpy() != after["sha256"].to_numpy()
    relabelled = before["label"].to_numpy() != after["label"].to_numpy()
    rows = [(path, "replaced", label, "") for path, label in after[replaced]["label"].items()]
    for (old_path, old_label), (path, label) in zip(
        before[relabelled]["label"].items(), after[relabelled]["label"].items(), strict=True
    ):
        kind = _label_change(old_label, label, old_path in was_dropped, path in is_dropped)
        rows.append((path, kind, label or old_label, old_label))
    return rows


def _dropped(snapshot: Snapshot) -> set[str]:
    """Return the photos that a revision's corrections drop."""
    return dropped_paths(snapshot.tables.get("corrections"))


def renamed_images(base: pd.DataFrame, other: pd.DataFrame) -> dict[str, str]:
    """Return old path -> new path of the images whose content has another name only.

    Both tables have sha256 by path. A content that several files of one side share renames none.
    """
    gone = base["sha256"][~base.index.isin(other.index)]
    new = other["sha256"][~other.index.isin(base.index)]
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
