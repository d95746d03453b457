"""Finding sources: files, folders, patterns, lists, tables, tars and addresses become photos.

All but the names in a folder and in a table is found while photos are read, so that what is found
takes no memory.
"""

import glob
import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from stages.base.bucket import (
    Bucket,
    BucketFile,
    bucket_file,
    has_secret,
    is_bucket_url,
    local_path,
    photo_folder,
    refuse_secret,
    without_secret,
)
from stages.base.errors import UserError
from stages.base.file_names import refuse_locale, utf8_name
from stages.base.packed import Packed
from stages.base.plural import count_noun
from stages.base.provider import scheme_of
from stages.base.storage import SCHEMES
from stages.dataset.bucket_scan import list_bucket
from stages.dataset.folder_listing import list_files
from stages.dataset.packed_folder import is_packed, read_packed
from stages.dataset.photo_files import extension_of, is_named_photo
from stages.labels.problem import Problem
from stages.predict.path_column import read_path_column
from stages.predict.path_in_tar import TarPaths, is_missing, problem_of_tars
from stages.predict.photo_source import Address, PhotoSource, Unread
from stages.predict.tar_source import photos_in_tar

LIST_ON_STDIN = "-"
SECRET = Unread("a user name is in the URL, which results would keep: leave it out")
_WEB = ("http://", "https://")
_TABLES = (".csv", ".tsv")
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_PIECE = 2**16  # bytes of a list that are read at once


@dataclass(frozen=True)
class Found:
    """The photos behind one argument."""

    sources: Iterable[PhotoSource]
    count: int | None  # None where only reading them tells
    passed_over: str = ""  # a line about the files beside photos, "" where there are none


def find_sources(
    arguments: Sequence[str], path_column: str, stdin: BinaryIO, tars: TarPaths
) -> list[Found]:
    """Return the photos behind each argument; what cannot be one has its problem in its place.

    An argument is a photo, a folder, a pattern such as 'album/**/*.jpg', a table of paths (.csv),
    a tar of photos, an address (http or https), a bucket (s3://birds/2024), or `-` for a list on
    stdin, one a line or parted by NUL. A path may lead into a tar, as album.tar/1.jpg does. Raises
    UserError where a table or a bucket cannot be read.
    """
    alone = len(arguments) == 1
    found = []
    for argument in arguments:
        path = local_path(argument)  # of a folder on the disk more is known than fsspec lists
        if argument == LIST_ON_STDIN:
            found.append(Found(_in_list(stdin, tars), None))
        elif argument.startswith(_WEB):
            found.append(Found([_one(argument, Path(), tars)], 1))
        elif is_bucket_url(path):
            found.append(_in_bucket(path))
        else:
            found.append(_on_disk(path, path_column, alone, tars))
    return found


def _on_disk(argument: str, path_column: str, alone: bool, tars: TarPaths) -> Found:
    path = Path(argument)
    if path.is_dir():
        return _in_folder(path)
    if glob.has_magic(argument) and is_missing(tars.find(path)):
        return _by_pattern(argument)
    if argument.lower().endswith(_TABLES):
        names = read_path_column(path, path_column)
        # Of several tables two may say a.jpg, and mean another photo.
        named = (_one(name, path.parent, tars) for name in names)
        whole = (replace(photo, name=_whole_name(path.parent, photo)) for photo in named)
        return Found(named if alone else whole, len(names))
    if argument.lower().endswith(_TARS):
        return Found(photos_in_tar(path), None)
    return Found([_one(argument, Path(), tars)], 1)


def _one(name: str, folder: Path, tars: TarPaths) -> PhotoSource:
    """Return a photo by its name in a list: an address, or a path from that folder on.

    Spaces around a name are left out where no file is named so.
    """
    if not name.strip():
        return PhotoSource(name, Unread("no path: the line or the cell is empty"))
    if name.startswith(_WEB):
        return PhotoSource(utf8_name(name), Address(name))
    path = local_path(name)
    if is_bucket_url(path):
        return _behind_url(path)
    place = tars.find(folder / path)
    if name != name.strip() and is_missing(place):
        return _one(name.strip(), folder, tars)
    return PhotoSource(utf8_name(name), place)


def _behind_url(url: str) -> PhotoSource:
    """Return a photo in a bucket by its URL in a list."""
    if has_secret(url):
        return PhotoSource(utf8_name(without_secret(url)), SECRET)
    refuse_locale(url)
    if scheme_of(url) not in SCHEMES:
        known = f"photos are not read from {scheme_of(url)}://, but from {', '.join(SCHEMES)}"
        return PhotoSource(utf8_name(url), Unread(known))
    return PhotoSource(utf8_name(url), bucket_file(url))


def _whole_name(folder: Path, photo: PhotoSource) -> str:
    """Return the name of a photo in a table with the table's folder before it."""
    is_url = isinstance(photo.place, Address | BucketFile) or is_bucket_url(photo.name)
    if is_url or not photo.name.strip():
        return photo.name
    return utf8_name((folder / photo.name).as_posix())


def _problem(name: Path | str, problem: str) -> PhotoSource:
    """Return what stands in the place of a photo that is none."""
    return PhotoSource(utf8_name(_posix(name)), Unread(problem))


def _posix(path: Path | str) -> str:
    """Return a path with slashes, as a row has it; a name as it was typed stays so."""
    return path.as_posix() if isinstance(path, Path) else path


def _in_folder(folder: Path) -> Found:
    """Return the photos below a folder, sorted, after what is neither a file nor a folder there.

    Of a folder of tars they are what it would hold if these were unpacked. One whose tars cannot be
    used is a problem, as other arguments may be photos.
    """
    try:
        content = read_packed(folder) if is_packed(folder) else None
    except UserError as error:
        return Found([PhotoSource(utf8_name(folder.as_posix()), problem_of_tars(error))], 1)
    if content:
        problems = [_with_place(*row) for row in content.member_problems]
        return _listed_in(folder, sorted(content.packed.places), problems, content.packed)
    names, problems, _ = list_files(folder)
    return _listed_in(folder, names, problems, None)


def _with_place(problem: Problem, tar: str) -> Problem:
    """Return the problem of a member that would lie elsewhere with its path in the tar's file."""
    path = problem.path
    leads_out = path.startswith("/") or ".." in path.split("/")
    return problem._replace(path=f"{tar}/{path}") if leads_out else problem


def _listed_in(
    folder: Path, names: Sequence[str], problems: Sequence[Problem], packed: Packed | None
) -> Found:
    photos = [name for name in names if is_named_photo(name)]
    unread = [_problem(folder / path, f"{problem}: {detail}") for path, problem, detail in problems]
    if not photos and not unread:
        reason = "no photo in the folder: names of photos end in .jpg, .png or the like"
        unread = [_problem(folder, reason)]
    sources = (_in_place(folder, name, packed) for name in photos)
    others = [name for name in names if not is_named_photo(name)]
    passed_over = _others(folder.as_posix(), others)
    return Found(chain(unread, sources), len(unread) + len(photos), passed_over)


def _in_place(folder: Path, name: str, packed: Packed | None) -> PhotoSource:
    """Return a photo of a folder, which is called as if it lay there when it is in a tar."""
    path = (folder / name).as_posix()
    return PhotoSource(utf8_name(path), packed / name if packed else Path(path))


def _in_bucket(url: str) -> Found:
    """Return the photos below a URL, sorted; or the one photo that it is the name of."""
    refuse_secret(url)
    if is_named_photo(url):
        return Found([_behind_url(url)], 1)
    bucket = photo_folder(url)
    files = list_bucket(bucket)[0] if isinstance(bucket, Bucket) else []
    photos = [file for file in files if is_named_photo(file.path)]
    others = [file.path for file in files if not is_named_photo(file.path)]
    if not photos:
        reason = "no photo in the bucket there: names of photos end in .jpg, .png or the like"
        return Found([_problem(str(bucket), reason)], 1, _others(url, others))
    sources = (PhotoSource(utf8_name(str(file)), file) for file in photos)
    return Found(sources, len(photos), _others(url, others))


def _by_pattern(pattern: str) -> Found:
    """Return the photos that a pattern matches, sorted; folders that it matches are passed over."""
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207 - of Path it would need the root apart
    files = sorted(name for name in names if not Path(name).is_dir())
    photos = [name for name in files if is_named_photo(name)]
    others = _others(pattern, [name for name in files if not is_named_photo(name)])
    if not photos:
        return Found([_problem(pattern, "no photo has such a name")], 1, others)
    sources = (PhotoSource(utf8_name(name), Path(name)) for name in photos)
    return Found(sources, len(photos), others)


def _others(where: str, names: Sequence[str]) -> str:
    """Return a line about files that are not named like photos, "" where there are none."""
    counts = Counter(extension_of(name) for name in names)
    kinds = ", ".join(f"{count} {extension}" for extension, count in counts.most_common(5))
    return f"{where}: passed over {count_noun(len(names), 'other file')} ({kinds})" if names else ""


def _in_list(stream: BinaryIO, tars: TarPaths) -> Iterator[PhotoSource]:
    """Yield the photos that a list names, one a line, or parted by NUL as find -print0 does."""
    separator = b""  # NUL if one comes before the first line has ended
    rest = b""
    while piece := _next_piece(stream):
        rest += piece
        separator = separator or next((sign for sign in (b"\0", b"\n") if sign in rest), b"")
        *whole, rest = rest.split(separator) if separator else [rest]
        yield from (_listed(line, tars) for line in whole)
    if rest:
        yield _listed(rest, tars)


def _next_piece(stream: BinaryIO) -> bytes:
    """Return what a list has next, without waiting until a whole piece is there."""
    piece: bytes = stream.read1(_PIECE) if isinstance(stream, io.BufferedReader) else b""
    return piece or stream.read(_PIECE)


def _listed(line: bytes, tars: TarPaths) -> PhotoSource:
    return _one(os.fsdecode(line.removesuffix(b"\r")), Path(), tars)
