"""Tar index: the files in a tar by their paths, and what in it is none, remembered for next time.

To walk through a tar takes 7 us of a processor a member where it is in memory (20,000 members, 9
runs: 7.0 to 8.1, on an AMD EPYC), and from a disk or a network folder a reading at the place of
each header. What is remembered takes .1 us a member, and on the disk 20 bytes beside the path.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from stages.base.file_names import refuse_locale
from stages.base.fingerprint import fingerprint
from stages.base.packed import tar_state
from stages.base.parts import write_whole
from stages.base.system_errors import unreadable
from stages.base.tar_header import BLOCK, MemberKind, TarMember
from stages.base.tar_walk import walk_tar
from stages.dataset.system_names import hidden_part
from stages.labels.problem import Problem

# What decides how a tar is read.
_MODULES = (
    "base/tar_walk.py",
    "base/tar_header.py",
    "dataset/tar_index.py",
    "dataset/system_names.py",
)
_MOST_SUMS = 16  # of headers of a tar, and of the last
_LINKED = "; pack the photo itself, as tar --dereference does"


class TarIndex(NamedTuple):
    """The files of a tar in its order, each at the same place of three lists."""

    paths: list[str]
    offsets: list[int]  # bytes
    sizes: list[int]  # bytes
    problems: list[Problem]  # members that are no files to be read
    hidden: list[str]  # paths of files and folders passed over, each once


def index_tar(tar: Path, record: Path) -> TarIndex:
    """Return the files of a tar; from the record where the tar is as it was when that was written.

    record: a file of this tar alone, which may not be there. UserError where the tar is damaged.
    """
    try:
        key = [*tar_state(tar), _code_key()]
        known = _recorded(record, key)
        if known and known[1] == _header_sums(tar, known[0].offsets):
            return known[0]
        index = _walked(tar)
        content = [key, index, _header_sums(tar, index.offsets)]
    except OSError as error:
        raise unreadable(tar, error) from None
    with suppress(OSError):  # it only saves time
        write_whole(record, json.dumps(content, separators=(",", ":")).encode())
    return index


def _recorded(record: Path, key: list[Any]) -> tuple[TarIndex, list[int]] | None:
    """Return an index with the sums of headers, None where that of this key is not recorded."""
    try:
        written, (paths, offsets, sizes, problems, hidden), sums = json.loads(record.read_bytes())
    except (OSError, ValueError, TypeError):
        return None
    if written != key:
        return None
    return TarIndex(paths, offsets, sizes, [Problem(*row) for row in problems], hidden), sums


def _header_sums(tar: Path, offsets: Sequence[int]) -> list[int]:
    """Return the CRC-32 of some headers, by which another tar is known in the place of the one.

    That is for a disk that keeps neither inode nor time of change, as FAT and some network folders:
    there a copy with the date of its original (rsync -t) has the state of the tar before it. All
    headers would be a reading of each place, which is what the record is to save.
    """
    step = max(1, -(-len(offsets) // _MOST_SUMS))
    with tar.open("rb", buffering=0) as file:
        sums = []
        for offset in [*offsets[::step], *offsets[-1:]]:
            file.seek(offset - BLOCK)
            sums.append(crc32(file.read(BLOCK)))
    return sums


def _walked(tar: Path) -> TarIndex:
    index = TarIndex([], [], [], [], [])
    hidden: dict[str, None] = {}
    links: list[tuple[str, TarMember]] = []
    for member in walk_tar(tar):
        if member.kind == MemberKind.FOLDER:
            continue
        path = _path(member.name)
        leaves = ".." in path.split("/")
        if not leaves and (passed_over := hidden_part(path)):
            hidden[passed_over] = None
        elif problem := _problem(tar, member, path):
            index.problems.append(problem)
        elif member.kind == MemberKind.HARD_LINK:
            links.append((path, member))
        else:
            _add(index, path, member.offset, member.size)
    _add_links(index, links, tar)
    index.hidden.extend(hidden)
    return index


def _add(index: TarIndex, path: str, offset: int, size: int) -> None:
    index.paths.append(path)
    index.offsets.append(offset)
    index.sizes.append(size)


def _add_links(index: TarIndex, links: list[tuple[str, TarMember]], tar: Path) -> None:
    """Add the files that are hard links, as tar writes the second name of a file."""
    if not links:
        return
    row_of = {path: row for row, path in enumerate(index.paths)}
    for path, member in links:
        row = row_of.get(_path(member.link))
        if row is None:
            detail = f"a hard link to what is not in {tar.name}{_LINKED}"
            index.problems.append(Problem(path, "broken link", detail))
        else:
            _add(index, path, index.offsets[row], index.sizes[row])


def _path(name: bytes) -> str:
    """Return a member's path as a file in the folder has it: without ./ and doubled slashes.

    >>> _path(b"./cats//1.jpg"), _path(b"../1.jpg")
    ('cats/1.jpg', '../1.jpg')
    """
    text = name.decode("utf-8", "backslashreplace")
    return "/".join(part for part in text.split("/") if part not in ("", "."))


def _problem(tar: Path, member: TarMember, path: str) -> Problem | None:
    """Return why a member is no file to be read, None when it is one."""
    if fault := _name_fault(member.name):
        shown = path.replace("\0", "\\0")
        return Problem(shown, fault, f"in {tar.name}; pack it under another name")
    if member.name.startswith(b"/"):
        return Problem(f"/{path}", "absolute path", f"in {tar.name}; pack it with a relative path")
    if ".." in path.split("/"):
        return Problem(path, "path leaves the folder", f"in {tar.name}; .. is not allowed")
    if not path:
        return Problem(path, "no name", f"a member of {tar.name}")
    if member.kind not in (MemberKind.FILE, MemberKind.HARD_LINK):
        remedy = _LINKED if member.kind == MemberKind.LINK else "; pack the photo itself"
        return Problem(path, "not a file", f"{member.kind} in {tar.name}{remedy}")
    refuse_locale(path)
    return None


def _name_fault(name: bytes) -> str:
    """Return why no table or no file system can hold a name, "" where they can."""
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return "name not UTF-8"
    return "name with a NUL" if b"\0" in name else ""  # as a pax header may have it


@cache
def _code_key() -> str:
    stages = Path(__file__).parents[1]
    return fingerprint([(stages / name).read_text("utf-8") for name in _MODULES])
