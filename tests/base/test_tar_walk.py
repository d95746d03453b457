"""A walk through a tar finds what Python's tarfile does, and never stops without a word."""

import gzip
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.tar_header import MemberKind
from stages.base.tar_walk import walk_tar
from tests.tar_files import member, write_tar

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
FILES = {
    "a.jpg": b"one",
    "empty.jpg": b"",
    "cats/é 2.jpg": b"two" * 999,
    "cats/block.jpg": b"4" * 512,
    "z.jpg": b"end",
}


def contents(tar: Path) -> dict[str, bytes]:
    """Return the files of a tar, read at the places that the walk says."""
    whole = tar.read_bytes()
    return {
        one.name.decode(): whole[one.offset : one.offset + one.size]
        for one in walk_tar(tar)
        if one.kind == MemberKind.FILE
    }


def refusal(tar: Path) -> str:
    """Return the one line by which a tar is refused."""
    with pytest.raises(UserError) as error:
        list(walk_tar(tar))
    (line,) = error.value.lines
    return line


@pytest.mark.parametrize("tar_format", FORMATS)
def test_all_files_are_found(tmp_path: Path, tar_format: int) -> None:
    """Names of any length and contents are those that were written, in every format."""
    long = {f"{'deep/' * 30}{'n' * 90}é.jpg": b"long"} if tar_format else {}
    files = FILES | long
    others = [member("cats", type=tarfile.DIRTYPE), member("l", type=b"2", linkname="x" * 200)]
    tar = write_tar(tmp_path / "a.tar", files, *others[: 2 if tar_format else 1],
                    tar_format=tar_format)  # fmt: skip
    assert contents(tar) == files
    with tarfile.open(tar) as opened:
        expected = [(one.name, one.offset_data, one.size) for one in opened if one.isfile()]
    walked = [
        (one.name.decode(), one.offset, one.size)
        for one in walk_tar(tar)
        if one.kind == MemberKind.FILE
    ]
    assert walked == expected


@pytest.mark.parametrize("tar_format", ["v7", "oldgnu", "gnu", "ustar", "pax"])
def test_what_gnu_tar_writes_is_read(tmp_path: Path, tar_format: str) -> None:
    """The program's own formats, with a sparse file, a hard link and a label, hold no surprise."""
    if not shutil.which("tar"):
        pytest.skip("no tar")
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, content in {"a.jpg": b"one", "z.jpg": b"end" * 1000}.items():
        (folder / name).write_bytes(content)
    os.link(folder / "a.jpg", folder / "b.jpg")
    with (folder / "hole.bin").open("wb") as file:
        for number in range(40):
            file.seek(2**20 * number)
            file.write(b"x")
    options = ["--sparse"] if tar_format in ("oldgnu", "gnu", "pax") else ["--exclude=hole.bin"]
    label = [] if tar_format in ("v7", "ustar") else ["--label=holiday"]
    command = ["tar", f"--format={tar_format}", "--sort=name", *options, *label]
    subprocess.run([*command, "-cf", tmp_path / "a.tar", "-C", folder, "."], check=True)
    members = {one.name.removeprefix(b"./"): one for one in walk_tar(tmp_path / "a.tar")}
    members.pop(b"holiday", None)
    assert contents(tmp_path / "a.tar") == {"./a.jpg": b"one", "./z.jpg": b"end" * 1000}
    assert members[b"b.jpg"].kind == MemberKind.HARD_LINK
    assert members[b"b.jpg"].link == b"./a.jpg"
    if b"hole.bin" in members:
        assert members[b"hole.bin"].kind == MemberKind.SPARSE


def test_sizes_beyond_octal_digits_are_read(tmp_path: Path) -> None:
    """A member of 9 GB, whose size stands there in bytes or in a pax header, is passed over."""
    for tar_format in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        tar = tmp_path / f"{tar_format}.tar"
        huge = member("film.mov", size=9 * 10**9)
        with tar.open("wb") as file:
            file.write(huge.tobuf(tar_format))
            file.seek(-(-huge.size // 512) * 512, os.SEEK_CUR)  # a hole
            file.write(member("z.jpg").tobuf(tar_format) + bytes(1024))
        assert [(one.name, one.size) for one in walk_tar(tar)] == [
            (b"film.mov", huge.size),
            (b"z.jpg", 0),
        ]
        tar.unlink()


def test_an_empty_tar_has_no_members(tmp_path: Path) -> None:
    """A tar of its end alone is in order."""
    assert list(walk_tar(write_tar(tmp_path / "a.tar", {}))) == []


def test_a_tar_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    """However many bytes are missing up to its end, nothing is silently left out."""
    whole = write_tar(tmp_path / "a.tar", FILES).read_bytes()
    with tarfile.open(tmp_path / "a.tar") as opened:
        end = opened.getmembers()[-1].offset_data + 512
    cut = tmp_path / "cut.tar"
    for length in (0, 1, 511, 512, 514, 515, 1023, 1024, 1536, end - 512, end - 1, end, end + 9):
        cut.write_bytes(whole[:length])
        assert refusal(cut).startswith(f"{cut} is damaged at byte "), length
    cut.write_bytes(whole[: end + 512])  # one block of zeros: all members are there
    assert len(list(walk_tar(cut))) == len(FILES)


def test_the_line_names_the_offset_and_the_remedy(tmp_path: Path) -> None:
    """A cut member is named with the bytes that it lacks, a missing end with how to add it."""
    tar = write_tar(tmp_path / "a.tar", {"a.jpg": b"1", "b.jpg": bytes(1000)})
    whole = tar.read_bytes()
    tar.write_bytes(whole[:2000])
    assert refusal(tar) == (
        f"{tar} is damaged at byte 1,536: b.jpg lacks its last 536 bytes; copy the tar again"
    )
    tar.write_bytes(whole[:2560])
    line = refusal(tar)
    assert "damaged at byte 2,560: it has no end" in line
    assert "head -c 1024 /dev/zero >>" in line
    with tar.open("ab") as file:
        file.write(bytes(1024))
    assert len(list(walk_tar(tar))) == 2


@pytest.mark.parametrize("at", [512 * 2, 512 * 2 + 130, 512 * 2 + 150])
def test_a_damaged_header_is_refused_where_tarfile_ends(tmp_path: Path, at: int) -> None:
    """One flipped byte in a header is an error at its place; tarfile says nothing."""
    tar = write_tar(tmp_path / "a.tar", {"a.jpg": b"1", "b.jpg": b"2", "c.jpg": b"3"})
    content = bytearray(tar.read_bytes())
    content[at] ^= 0x40
    tar.write_bytes(content)
    with tarfile.open(tar) as opened:
        assert len(opened.getmembers()) == 1
    assert "is damaged at byte 1,024: no header of a member" in refusal(tar)


def test_two_tars_in_one_are_refused(tmp_path: Path) -> None:
    """What stands behind the end of a tar would be passed over."""
    one = write_tar(tmp_path / "a.tar", {"a.jpg": b"1"}).read_bytes()
    tar = tmp_path / "both.tar"
    tar.write_bytes(one + one)
    assert "its end is there and more behind it" in refusal(tar)


def test_compressed_and_other_files_are_named(tmp_path: Path) -> None:
    """A .tar that is gzip's, or no tar at all, is refused at its first byte."""
    content = write_tar(tmp_path / "a.tar", {"a.jpg": b"1"}).read_bytes()
    tar = tmp_path / "b.tar"
    tar.write_bytes(gzip.compress(content))
    assert "byte 0: it is compressed with gzip; unpack it" in refusal(tar)
    tar.write_bytes(b"\xff\xd8" * 900)
    assert "byte 0: no header of a member is there" in refusal(tar)
    assert "cannot be read: No such file" in refusal(tmp_path / "gone.tar")


def test_extensions_cannot_ask_for_much_memory(tmp_path: Path) -> None:
    """A header that says that 5 GB of name follow is refused, and they are not read."""
    tar = tmp_path / "a.tar"
    with tar.open("wb") as file:
        file.write(member("x", type=b"x", size=5 * 10**9).tobuf(tarfile.GNU_FORMAT))
        file.truncate(6 * 10**9)
    assert "a header of 5,000,000,000 bytes" in refusal(tar)


@pytest.mark.parametrize("size", [b"-0000000001\0", b"0x000000010\0", b"\xff" * 12])
def test_sizes_that_are_none_are_refused(tmp_path: Path, size: bytes) -> None:
    """A negative size, by which a reader could go round for ever, is damage."""
    info = member("a.jpg")
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    tar = tmp_path / "a.tar"
    tar.write_bytes(bytes(header) + bytes(1024))
    assert "the size of a member is no number" in refusal(tar)


def test_damaged_pax_headers_are_refused(tmp_path: Path) -> None:
    """Records that cannot be read could hold another name, or another size."""
    tar = tmp_path / "a.tar"
    with tarfile.open(tar, "w", format=tarfile.USTAR_FORMAT) as opened:
        opened.addfile(member("h", type=b"x", size=5), io.BytesIO(b"99 a="))
        opened.addfile(member("a.jpg"))
    assert "damaged at byte 0: its pax header cannot be read" in refusal(tar)


def test_a_header_for_all_members_counts_for_each(tmp_path: Path) -> None:
    """The records of a global pax header hold for those behind it, as git archive writes one."""
    tar = tmp_path / "a.tar"
    with tarfile.open(tar, "w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "c"}) as opened:
        for name, content in FILES.items():
            opened.addfile(member(name, size=len(content)), io.BytesIO(content))
    assert contents(tar) == FILES
