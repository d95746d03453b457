"""Path in a tar: the photo that a path means which leads into a tar, or into a folder of tars.

Where photos/ holds train.tar, with cat/1.jpg in it, photos/cat/1.jpg is the path that results have,
and photos/train.tar/cat/1.jpg is what people write, and what results of the tar alone have.
"""

import os
from pathlib import Path

from stages.base.errors import UserError
from stages.base.packed import Packed, PackedFile
from stages.dataset.packed_folder import COMPRESSED_TARS, TAR, is_packed, read_packed, read_tar
from stages.predict.photo_source import Unread, may_be_gone

_Holder = tuple[Path, Packed | Unread]  # a tar or a folder of tars, and what is in it


class TarPaths:
    """The photos in tars by their paths; each tar is looked through once."""

    def __init__(self) -> None:
        """Begin with no tar."""
        self._contents: dict[Path, Packed | Unread | None] = {}
        self._holders: dict[Path, list[_Holder]] = {}  # by the folder of a photo

    def find(self, path: Path) -> Path | PackedFile | Unread:
        """Return the photo in a tar that a path means, the path where it leads into no tar.

        One that is in no tar of a folder of tars does not exist; one in two of them, by parts of
        its path that are real folders, has a problem.
        """
        holders = self._holders_of(path.parent)
        if not holders or os.path.lexists(path):
            return path
        contents = [(content, _inside(path, root)) for root, content in holders]
        readable = [(one, inside) for one, inside in contents if isinstance(one, Packed)]
        files = {one / inside for one, inside in readable if inside in one.places}
        places = {(file.tar.absolute(), file.offset) for file in files}
        if len(places) > 1:
            both = " and ".join(str(file.tar) for file in sorted(files))
            return Unread(f"unreadable: two photos have this path, in {both}")
        if files:
            return min(files)
        content, inside = contents[0]
        return content if isinstance(content, Unread) else content / inside

    def _holders_of(self, folder: Path) -> list[_Holder]:
        """Return what holds a path in this folder, the nearest first; few paths have any."""
        if folder not in self._holders:
            self._holders[folder] = self._look_for_holders(folder)
        return self._holders[folder]

    def _look_for_holders(self, folder: Path) -> list[_Holder]:
        found: list[_Holder] = []
        for place in (folder, *folder.parents):
            if not os.path.lexists(place):
                continue
            content = self._content_of(place)
            if content is None:
                break
            found.append((place, content))
        return found

    def _content_of(self, place: Path) -> Packed | Unread | None:
        """Return what is in a tar or in a folder of tars, None for all else."""
        if place not in self._contents:
            try:
                self._contents[place] = _content(place)
            except UserError as error:
                self._contents[place] = problem_of_tars(error)
        return self._contents[place]


def is_missing(place: Path | PackedFile | Unread) -> bool:
    """Return whether nothing lies at a place; a link that leads nowhere lies there."""
    if isinstance(place, PackedFile):
        return not place.exists()
    return isinstance(place, Path) and not os.path.lexists(place)


def _content(place: Path) -> Packed | Unread | None:
    if os.path.isdir(place):  # noqa: PTH112 - of Path it raises where a name is too long
        return read_packed(place).packed if is_packed(place) else None
    name = place.name.lower()
    if not os.path.isfile(place):  # noqa: PTH113 - see above; to read a pipe would wait for ever
        return None
    if name.endswith(COMPRESSED_TARS):
        return Unread(
            f"unreadable: {place} is compressed, and one photo is read from an uncompressed tar"
            " alone; unpack it to .tar, or name the tar itself"
        )
    return read_tar(place).packed if name.endswith(TAR) else None


def _inside(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def problem_of_tars(error: UserError) -> Unread:
    """Return an error of tars as the problem of a photo: the line, and the first below it."""
    problem = " ".join(line.strip() for line in error.lines[:2])
    cause = error.__context__
    return Unread(problem, again=isinstance(cause, OSError) and may_be_gone(cause))
