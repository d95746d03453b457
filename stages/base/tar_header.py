"""Tar header: the block of 512 bytes before each member of a tar, and what pax adds to it.

The formats are those of POSIX (ustar, pax), of GNU tar and of the tar of Unix V7:
https://www.gnu.org/software/tar/manual/html_node/Standard.html
"""

from enum import StrEnum
from typing import NamedTuple

BLOCK = 512  # bytes; headers and contents begin at multiples of it
SPARSE = b"S"  # the kind of a sparse file of GNU tar
LABEL = b"V"  # of the whole tar, as GNU tar's --label gives it, without content
REST = b"M"  # the kind of what GNU tar --multi-volume had no room for in the tar before


class MemberKind(StrEnum):
    """What a member of a tar is."""

    FILE = "a file"
    FOLDER = "a folder"
    HARD_LINK = "a hard link"
    LINK = "a link"
    SPARSE = "a sparse file"
    DEVICE = "a device or a pipe"
    FULL_FOLDER = "a folder with content"
    FULL_LABEL = "a label with content"
    REST = "the rest of a file of another tar"


_KINDS = {  # POSIX has all others read as files
    b"0": MemberKind.FILE,
    b"\0": MemberKind.FILE,
    b"7": MemberKind.FILE,
    b"1": MemberKind.HARD_LINK,
    b"2": MemberKind.LINK,
    b"3": MemberKind.DEVICE,
    b"4": MemberKind.DEVICE,
    b"6": MemberKind.DEVICE,
    b"5": MemberKind.FOLDER,
    b"D": MemberKind.FOLDER,
    REST: MemberKind.REST,
    LABEL: MemberKind.FULL_LABEL,
    SPARSE: MemberKind.SPARSE,
}


class TarMember(NamedTuple):
    """A member of a tar."""

    name: bytes
    kind: MemberKind
    offset: int  # bytes, of its content in the tar
    size: int  # bytes
    link: bytes  # the name that a link leads to


def read_member(header: bytes, pax: dict[bytes, bytes], offset: int, size: int) -> TarMember:
    """Return the member behind a header, of which so many bytes stand at an offset."""
    name = member_name(header, pax)
    kind = _KINDS.get(header[156:157], MemberKind.FILE)
    if pax and any(key.startswith(b"GNU.sparse.") for key in pax):
        kind = MemberKind.SPARSE
        name = pax.get(b"GNU.sparse.name", name)
    if kind == MemberKind.FILE and name.endswith(b"/"):  # as the tar of Unix V7 marks a folder
        kind = MemberKind.FULL_FOLDER if size else MemberKind.FOLDER
    link = pax.get(b"linkpath", _text(header[157:257]))
    return TarMember(name, kind, offset, size, link)


def member_name(header: bytes, pax: dict[bytes, bytes]) -> bytes:
    """Return the name of a member, its path in the tar."""
    if b"path" in pax:
        return pax[b"path"]
    name = _text(header[:100])
    # GNU tar, whose mark is another, has times in the place of the prefix.
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def is_header(block: bytes) -> bool:
    """Return whether a block has the sum of its bytes in it, the sum's own taken as spaces.

    Some old programs took bytes for signed ones.
    """
    try:
        stated = int(block[148:156].strip(b" \0"), 8)
    except ValueError:
        return False
    unsigned = sum(block) - sum(block[148:156]) + 8 * 32
    if stated == unsigned:
        return True
    high = sum(byte > 127 for byte in block[:148]) + sum(byte > 127 for byte in block[156:])
    return stated == unsigned - 256 * high


def pax_records(content: bytes) -> dict[bytes, bytes] | None:
    """Return the records `LENGTH KEY=VALUE` of a pax header, None where they are none."""
    records = {}
    start = 0
    while start < len(content):
        digits, _, _ = content[start : start + 20].partition(b" ")
        try:
            length = int(digits)
        except ValueError:
            return None
        record = content[start + len(digits) + 1 : start + length]
        key, equals, value = record.partition(b"=")
        if (
            not len(digits) < length <= len(content) - start
            or not equals
            or not value.endswith(b"\n")
        ):
            return None
        records[key] = value[:-1]
        start += length
    return records
