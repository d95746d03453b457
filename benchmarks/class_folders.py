"""The division of a folder as class folders of links, which the scripts of other libraries read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.training import photos_folder
from stages.dataset.split_files import list_class_names, read_splits


@dataclass(frozen=True, kw_only=True)
class ClassFolders:
    """How many classes the links have, and the class of each validation photo, (V,)."""

    classes: int
    targets: np.ndarray


def link_photos(folder: Path, to: Path, valid: str) -> ClassFolders:
    """Link the photos of a prepared folder as to/train/0003/000017.jpg and to/VALID/...

    The folder is the number of the class and the file that of the row in data/splits.csv, since
    libraries sort names by rules of their own. Every link ends in .jpg: they choose files by their
    ending and decode them by their content.
    """
    splits = read_splits(folder / "data/splits.csv")
    names = list_class_names(splits)
    photos = photos_folder(folder).resolve()
    sides = {"train": to / "train", "valid": to / valid}
    for row, (path, label, side) in enumerate(splits[["path", "label", "split"]].to_numpy()):
        if side in sides:
            link = sides[side] / f"{names.index(label):04}" / f"{row:06}.jpg"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(photos / path)
    if len(list(sides["train"].iterdir())) < len(names):
        raise SystemExit("a class has no photo in training, so the others' numbers would shift")
    labels = splits.loc[splits["split"].eq("valid"), "label"]
    return ClassFolders(
        classes=len(names), targets=np.array([names.index(label) for label in labels])
    )


def in_rows_order(names: list[str], pred_probs: np.ndarray) -> np.ndarray:
    """Return (V, C) in the order of data/splits.csv, of which the names of the links speak."""
    order = np.argsort([int(Path(name).stem) for name in names])
    ordered: np.ndarray = pred_probs[order]
    return ordered
