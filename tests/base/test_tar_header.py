"""A header says what its member is, in each of the formats that programs write."""

import tarfile
from typing import Literal

import pytest

from stages.base.tar_header import MemberKind, is_header, member_name, pax_records, read_member
from tests.tar_files import member

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
TarFormat = Literal[0, 1, 2]


@pytest.mark.parametrize("tar_format", FORMATS)
def test_a_file_has_its_name_and_place(tar_format: TarFormat) -> None:
    """Name and kind come from the header, offset and size from whoever walks."""
    header = member("cats/1.jpg", size=9).tobuf(tar_format)
    assert is_header(header)
    assert read_member(header, {}, 512, 9) == (b"cats/1.jpg", MemberKind.FILE, 512, 9, b"")


def test_a_long_name_of_posix_is_put_together() -> None:
    """A prefix of ustar stands before the name; the times of GNU tar there are no prefix."""
    name = f"{'a' * 90}/{'b' * 90}"
    header = member(name).tobuf(tarfile.USTAR_FORMAT)
    assert member_name(header, {}) == name.encode()
    of_gnu = bytearray(member("1.jpg").tobuf(tarfile.GNU_FORMAT))
    of_gnu[345:356] = b"12345670123"
    assert member_name(bytes(of_gnu), {}) == b"1.jpg"


@pytest.mark.parametrize(
    ("mark", "kind"),
    [
        (b"\0", MemberKind.FILE),
        (b"7", MemberKind.FILE),
        (b"1", MemberKind.HARD_LINK),
        (b"2", MemberKind.LINK),
        (b"3", MemberKind.DEVICE),
        (b"5", MemberKind.FOLDER),
        (b"6", MemberKind.DEVICE),
        (b"S", MemberKind.SPARSE),
        (b"4", MemberKind.DEVICE),
        (b"M", MemberKind.REST),
        (b"V", MemberKind.FULL_LABEL),
        (b"Z", MemberKind.FILE),
        (b"?", MemberKind.FILE),
    ],
)
def test_kinds_are_told(mark: bytes, kind: MemberKind) -> None:
    """A mark that nobody knows is a file's, as POSIX says; the rest of a file is none."""
    header = member("a", type=mark, linkname="b").tobuf(tarfile.USTAR_FORMAT)
    assert read_member(header, {}, 0, 0).kind == kind
    assert read_member(header, {}, 0, 0).link == b"b"


def test_what_pax_says_counts_more() -> None:
    """Name and link of a pax header replace those of the block; a sparse file is known by it."""
    header = member("short", linkname="x").tobuf(tarfile.USTAR_FORMAT)
    read = read_member(header, {b"path": b"l\xc3\xa4nger", b"linkpath": b"y"}, 0, 0)
    assert (read.name, read.link) == (b"l\xc3\xa4nger", b"y")
    sparse = read_member(header, {b"GNU.sparse.name": b"own", b"GNU.sparse.major": b"1"}, 0, 0)
    assert (sparse.name, sparse.kind) == (b"own", MemberKind.SPARSE)


def test_a_folder_of_unix_v7_ends_in_a_slash() -> None:
    """Its tar had no kind of member for folders."""
    header = member("cats", type=b"0").tobuf(tarfile.USTAR_FORMAT)
    assert read_member(header, {b"path": b"cats/"}, 0, 0).kind == MemberKind.FOLDER
    assert read_member(header, {b"path": b"cats/"}, 0, 9).kind == MemberKind.FULL_FOLDER


def test_the_sum_tells_a_header_from_other_bytes() -> None:
    """A changed byte, a block of a photo and an empty block are no headers."""
    header = member("é.jpg", size=9).tobuf(tarfile.USTAR_FORMAT)
    assert is_header(header)
    assert not is_header(b"F" + header[1:])
    assert not is_header(bytes(512))
    assert not is_header(b"\xff\xd8" * 256)


def test_sums_of_signed_bytes_are_known() -> None:
    """Some old programs took bytes above 127 for negative numbers."""
    header = bytearray(member("é.jpg").tobuf(tarfile.USTAR_FORMAT))
    high = sum(byte > 127 for byte in header)
    stated = int(header[148:154], 8) - 256 * high
    header[148:156] = b"%06o\0 " % stated
    assert high == 2
    assert is_header(bytes(header))


@pytest.mark.parametrize("content", [b"9 a=b\n", b"x a=b\n", b"6 ab\n\n", b"6 a=bc", b"0 a=b\n"])
def test_records_that_are_none_are_told(content: bytes) -> None:
    """A record with a wrong length, without its sign or its end is not read in part."""
    assert pax_records(content) is None


def test_records_may_hold_any_bytes() -> None:
    """A value goes on over signs and ends of lines as far as the length says."""
    assert pax_records(b"6 a=b\n8 c=\n=\xff\n") == {b"a": b"b", b"c": b"\n=\xff"}
