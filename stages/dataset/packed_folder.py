"""Packed folder: one in which every file is a tar, whose members are the photos.

A member's path is its path in the tar, so that a folder and what it was packed to have the same
paths, and all that goes by them: labels, sides, corrections.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

from stages.base.bucket import PhotoFolder, photo_folder
from stages.base.echo import echo
from stages.base.errors import UserError, error_list
from stages.base.fingerprint import fingerprint
from stages.base.packed import Packed, PackedPlace
from stages.base.parts import PRIVATE_FOLDER
from stages.base.plural import count_noun
from stages.dataset.folder_listing import list_files
from stages.dataset.system_names import is_system_name
from stages.dataset.tar_index import index_tar
from stages.dataset.tar_names import folder_without_names
from stages.labels.problem import Problem

TAR = ".tar"
_RECORD_OF_SHARDS = "dataset.json"
_RECORDS = PRIVATE_FOLDER / "packed"
_MOST_FOLDERS = 20  # that are remembered, each photo with 20 bytes beside its path
COMPRESSED_TARS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")


class MemberProblem(NamedTuple):
    """Why a member of a tar is no file to be read."""

    problem: Problem
    tar: str  # path below the folder


@dataclass(frozen=True)
class PackedContent:
    """What is in the tars of a folder."""

    packed: Packed
    member_problems: list[MemberProblem]  # sorted
    hidden: int  # files and folders passed over


def open_photos(images: str) -> PhotoFolder:
    """Return the folder of photos that params.yaml or a command names: packed where it is.

    UserError as of read_packed, and for a URL that has a password in it.
    """
    folder = photo_folder(images)
    if isinstance(folder, Path) and is_packed(folder):
        return read_packed(folder).packed
    return folder


def is_packed(root: Path) -> bool:
    """Return whether all files of a folder and its subfolders are tars, hidden ones left out.

    It looks no further than to the first that is none. UserError where all are tars, some of them
    compressed: there the place of a photo could not be told without unpacking all before it. And
    for the shards that make shards wrote, whose record lies beside them.
    """
    names = []
    of_shards = False
    folders = [root]
    while folders:
        for entry in _entries(folders.pop()):
            if is_system_name(entry.name.lower()):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif entry.name.lower().endswith((TAR, *COMPRESSED_TARS)):
                names.append(entry.name)
            elif entry.name == _RECORD_OF_SHARDS and _is_of_shards(Path(entry.path)):
                of_shards = True
            else:
                return False
    if of_shards:
        raise UserError(
            f"{root} holds what make shards wrote, presized photos for other trainers; name the"
            f" folder of photos that it was made of, or, to read these, move {_RECORD_OF_SHARDS} to"
            " another folder: their labels then come from a table"
        )
    _refuse_compressed(root, names)
    return bool(names)


def _refuse_compressed(root: Path, tars: Sequence[str]) -> None:
    if compressed := sorted(name for name in tars if not name.lower().endswith(TAR)):
        raise UserError(
            f"{root} holds {count_noun(len(compressed), 'compressed tar')}, such as"
            f" {echo(compressed[0])}, and photos are read from uncompressed ones; unpack them to"
            " .tar (as gunzip does of .tar.gz): photos are compressed as they are"
        )


def has_tars_alone(paths: Sequence[str]) -> bool:
    """Return whether there are files and all of them are tars, compressed or not."""
    return bool(paths) and all(path.lower().endswith((TAR, *COMPRESSED_TARS)) for path in paths)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a folder; none of one that cannot be read, which its listing names."""
    with suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _is_of_shards(record: Path) -> bool:
    """Return whether a file is the record of shards as store/sample_shards.py writes it."""
    try:
        return {"class_names", "shards"} == set(json.loads(record.read_bytes()))
    except (OSError, ValueError, TypeError):
        return False


def read_packed(root: Path) -> PackedContent:
    """Return what is in the tars of a folder; no photo is read.

    UserError for a tar that is damaged or cannot be read, where a path is there twice, and where
    make pack was killed before all tars of the folder, or of one below it, had their names.
    """
    if lacking := folder_without_names(root):  # a listing of the few tars alone
        raise UserError(
            f"{lacking} lacks tars, since a make pack was killed before all had their names; run it"
            f" again: make pack PHOTOS=folder OUT={lacking}"
        )
    tars, unread, hidden = list_files(root)
    if unread:
        raise error_list(f"{root} holds what cannot be read as a tar:", [*map(str, unread)])
    records = _RECORDS / fingerprint(str(root.absolute()))
    files = {tar: records / f"{fingerprint(tar)}.json" for tar in tars}
    with suppress(OSError):  # of a tar that is gone nobody asks again
        for record in set(records.iterdir()) - set(files.values()):
            record.unlink()
    _note_use(records)
    return _content_of_tars(root, files, hidden)


def read_tar(tar: Path) -> PackedContent:
    """Return what is in one tar, whatever lies beside it; UserError as of read_packed."""
    records = _RECORDS / fingerprint(str(tar.parent.absolute()), "beside others")
    _note_use(records)
    record = records / f"{fingerprint(tar.name)}.json"
    return _content_of_tars(tar.parent, {tar.name: record}, 0)


def _content_of_tars(root: Path, records: Mapping[str, Path], hidden: int) -> PackedContent:
    """Return what is in tars of a folder, by their paths, each with the file of its record."""
    places: dict[str, PackedPlace] = {}
    problems: list[MemberProblem] = []
    passed_over: set[str] = set()
    twice: list[str] = []
    for tar, record in records.items():
        index = index_tar(root / tar, record)
        for path, offset, size in zip(index.paths, index.offsets, index.sizes, strict=True):
            if path in places:
                twice.append(f"{echo(path)}: in {places[path].tar} and {tar}")
            places[path] = PackedPlace(tar, offset, size)
        problems += [MemberProblem(problem, tar) for problem in index.problems]
        passed_over.update(index.hidden)
    if twice:
        raise _twice(root, twice)
    return PackedContent(Packed(root, places), sorted(problems), hidden + len(passed_over))


def files_in(tars: Collection[Path], root: Path) -> list[str]:
    """Return the paths of the files in some tars of a folder, sorted."""
    if not tars:
        return []
    names = {tar.relative_to(root).as_posix() for tar in tars}
    places = read_packed(root).packed.places
    return sorted(path for path, place in places.items() if place.tar in names)


def _twice(root: Path, twice: Sequence[str]) -> UserError:
    paths = count_noun(len(twice), "path")
    return error_list(
        f"{root}: {paths} more than once in its tars, which would be one photo; remove one of them"
        " (tar --delete of GNU tar), or pack them under other paths:",
        twice,
    )


def _note_use(records: Path) -> None:
    """Note that the records of a folder are in use, and remove those of folders long not read.

    Another process that reads one of these loses only time.
    """
    with suppress(OSError):
        records.mkdir(parents=True, exist_ok=True)
        os.utime(records)
        by_use = sorted(_RECORDS.iterdir(), key=lambda folder: folder.stat().st_mtime_ns)
        for folder in by_use[:-_MOST_FOLDERS]:
            rmtree(folder, ignore_errors=True)
