"""Sides of a given split: the words for train, valid and test, and the folders that name them.

People divide their photos in many words: train/ and val/, Training/ and Testing/, a column with
dev. Here is the one place that understands them. A word counts by its place, not by its name
alone, since a class may well be called train or test.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal

from stages.base.errors import UserError, error_list

Side = Literal["train", "valid", "test"]

SIDE_WORDS: dict[Side, tuple[str, ...]] = {
    "train": ("train", "training", "trn"),
    "valid": ("valid", "val", "validation", "dev", "development"),
    "test": ("test", "testing", "tst"),
}
_SIDES: dict[str, Side] = {word: side for side, words in SIDE_WORDS.items() for word in words}


def side_of_word(word: str) -> Side | None:
    """Return the side that a word of a folder or a CSV means, None when it means none.

    >>> [side_of_word(word) for word in ("Val", "training_set", " TEST ", "parrot")]
    ['valid', 'train', 'test', None]
    """
    letters = "".join(word.casefold().split()).replace("_", "").replace("-", "")
    return _SIDES.get(letters.removesuffix("set"))


def folder_sides(paths: Sequence[str]) -> dict[str, Side]:
    """Return path -> side, as the folders at one level of the paths name it.

    Raises UserError when a path names no side at that level, or when nothing is left to train or
    to validate with.

    >>> folder_sides(["train/train/1.jpg", "val/train/2.jpg"])
    {'train/train/1.jpg': 'train', 'val/train/2.jpg': 'valid'}
    """
    level = split_level(paths)
    found = {path: _side_at(path, level) for path in paths}
    if unclear := [path for path, side in found.items() if side is None]:
        raise error_list(
            f"datablock.split.by is folder, so {_place(level)} must say train, valid or test;"
            f" {len(unclear)} of {len(paths)} images differ:",
            [f"{path}: {_word_at(path, level) or 'no such folder'}" for path in sorted(unclear)],
        )
    sides = {path: side for path, side in found.items() if side is not None}
    needed: tuple[Side, ...] = ("train", "valid")
    missing = [side for side in needed if side not in sides.values()]
    if paths and missing:
        words = " or ".join(f"{word}/" for word in SIDE_WORDS[missing[0]][:3])
        present = " and ".join(sorted({f"{_word_at(path, level)}/" for path in paths}))
        raise UserError(
            f"datablock.split.by is folder, and the photos lie in {present}: none is in {words};"
            f" name a folder so, or set datablock.split.by to hash, which divides all of them"
        )
    return sides


def split_level(paths: Sequence[str]) -> int:
    """Return which folder of the paths names the side, from 0 for the first.

    It is the level at which most paths have a word for a side; of equals the first that has more
    than one side, then the first.

    >>> split_level(["cat/train/1.jpg", "train/val/2.jpg", "cat/test/3.jpg"])
    1
    """
    depth = max((len(PurePosixPath(path).parent.parts) for path in paths), default=0)
    levels = [[_side_at(path, level) for path in paths] for level in range(depth)]
    counts = [(sum(map(bool, sides)), len(set(sides) - {None}) > 1) for sides in levels]
    return counts.index(max(counts)) if counts else 0


def named_sides(paths: Sequence[str]) -> set[Side]:
    """Return the sides that folders name, at the level that `split_level` finds.

    >>> sorted(named_sides(["train/cat/1.jpg", "test/cat/2.jpg", "new/cat/3.jpg"]))
    ['test', 'train']
    """
    level = split_level(paths)
    sides = (_side_at(path, level) for path in paths)
    return {side for side in sides if side is not None}


def _word_at(path: str, level: int) -> str:
    """Return the name of the folder at a level of a path, "" where the path is less deep."""
    folders = PurePosixPath(path).parent.parts
    return folders[level] if level < len(folders) else ""


def _side_at(path: str, level: int) -> Side | None:
    return side_of_word(_word_at(path, level))


def _place(level: int) -> str:
    """Return which folder of a path it is, in words."""
    return f"the {('first', 'second', 'third')[level]} folder" if level < 3 else "one folder"
