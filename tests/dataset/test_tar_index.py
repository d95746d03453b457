"""A tar's files are those of the folder that it would unpack to, and are remembered."""

import json
import os
import tarfile
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.dataset import tar_index
from stages.dataset.tar_index import TarIndex, index_tar
from stages.labels.problem import Problem
from tests.tar_files import member, write_tar


def indexed(tmp_path: Path, *names: str, tar_format: int = tarfile.USTAR_FORMAT) -> TarIndex:
    """Return the index of a tar whose members have these names."""
    tar = write_tar(tmp_path / "a.tar", dict.fromkeys(names, b"1"), tar_format=tar_format)
    return index_tar(tar, tmp_path / "record.json")


def test_paths_are_those_of_the_folder(tmp_path: Path) -> None:
    """A leading ./ and doubled slashes are no part of a path; folders are no files."""
    names = ("./a.jpg", "cats//b.jpg", "cats/./c.jpg", "n\nl, é.jpg")
    assert indexed(tmp_path, *names).paths == ["a.jpg", "cats/b.jpg", "cats/c.jpg", "n\nl, é.jpg"]
    tar = write_tar(tmp_path / "b.tar", {}, member("./", type=b"5"), member("cats", type=b"5"))
    assert index_tar(tar, tmp_path / "b.json") == TarIndex([], [], [], [], [])


def test_what_systems_leave_is_hidden(tmp_path: Path) -> None:
    """Files and folders that no photo is called are counted once each, as in a folder."""
    names = ("a/._1.jpg", "a/1.jpg", "__MACOSX/a/1.jpg", "__MACOSX/2.jpg", ".DS_Store", "Thumbs.db")
    index = indexed(tmp_path, *names)
    assert index.paths == ["a/1.jpg"]
    assert index.hidden == ["a/._1.jpg", "__MACOSX", ".DS_Store", "Thumbs.db"]
    assert index.problems == []


def test_paths_that_lead_elsewhere_are_problems(tmp_path: Path) -> None:
    """Nothing is a photo whose path would be outside the folder."""
    index = indexed(tmp_path, "/etc/a.jpg", "../b.jpg", "c/../../d.jpg", "good.jpg")
    assert index.paths == ["good.jpg"]
    assert index.problems == [
        Problem("/etc/a.jpg", "absolute path", "in a.tar; pack it with a relative path"),
        Problem("../b.jpg", "path leaves the folder", "in a.tar; .. is not allowed"),
        Problem("c/../../d.jpg", "path leaves the folder", "in a.tar; .. is not allowed"),
    ]


def test_names_that_are_not_utf8_are_problems(tmp_path: Path) -> None:
    """A name that no table can hold is shown with its bytes escaped."""
    for tar_format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        index = indexed(tmp_path, os.fsdecode(b"caf\xe9.jpg"), "café.jpg", tar_format=tar_format)
        assert index.paths == ["café.jpg"]
        (problem,) = index.problems
        assert problem[:2] == ("caf\\xe9.jpg", "name not UTF-8")


def test_names_with_a_nul_are_problems(tmp_path: Path) -> None:
    """No file has such a name, which a pax header may have, and no table gets it."""
    names = ("a\0b.jpg", "/a\0c.jpg", "é.jpg")
    others = [member("x", pax_headers={"path": name}) for name in names]
    tar = write_tar(tmp_path / "a.tar", {}, *others, tar_format=tarfile.PAX_FORMAT)
    index = index_tar(tar, tmp_path / "r")
    assert index.paths == ["é.jpg"]
    assert [problem[:2] for problem in index.problems] == [
        ("a\\0b.jpg", "name with a NUL"),
        ("a\\0c.jpg", "name with a NUL"),
    ]


def test_links_and_devices_are_problems(tmp_path: Path) -> None:
    """Only files are read: no link leads out of a tar, no pipe is waited for, no hole is filled."""
    kinds = {"link.jpg": b"2", "pipe.jpg": b"6", "disk.jpg": b"4", "hole.jpg": b"S"}
    others = [member(name, type=kind, linkname="/etc/passwd") for name, kind in kinds.items()]
    index = index_tar(write_tar(tmp_path / "a.tar", {"a.jpg": b"1"}, *others), tmp_path / "r")
    assert index.paths == ["a.jpg"]
    assert {problem.path: problem.problem for problem in index.problems} == dict.fromkeys(
        kinds, "not a file"
    )
    assert index.problems[0].detail == (
        "a link in a.tar; pack the photo itself, as tar --dereference does"
    )


def test_what_has_content_is_never_left_out(tmp_path: Path) -> None:
    """A folder or a label with content, or the rest of a file, is a problem; other kinds a file."""
    tar = tmp_path / "a.tar"
    kinds = {"b.jpg/": b"0", "v.jpg": b"V", "m.jpg": b"M", "z.jpg": b"Z"}
    with tarfile.open(tar, "w", format=tarfile.USTAR_FORMAT) as opened:
        for name, kind in kinds.items():
            header = bytearray(member(f"{name}", type=b"0", size=3).tobuf(tarfile.USTAR_FORMAT))
            header[156:157] = kind
            header[148:156] = b" " * 8
            header[148:156] = b"%06o\0 " % sum(header)
            opened.fileobj.write(bytes(header) + b"one".ljust(512, b"\0"))
        opened.addfile(member("holiday", type=b"V"))
    index = index_tar(tar, tmp_path / "r")
    assert index.paths == ["z.jpg"]
    assert index.sizes == [3]
    details = [problem.detail.split(" in a.tar")[0] for problem in index.problems]
    assert [problem.path for problem in index.problems] == ["b.jpg", "v.jpg", "m.jpg"]
    assert details == [
        "a folder with content",
        "a label with content",
        "the rest of a file of another tar",
    ]


def test_a_hard_link_is_a_file(tmp_path: Path) -> None:
    """The second name of a file, as of a copy in DVC's cache, has the first one's bytes."""
    others = [
        member("b.jpg", type=b"1", linkname="./a.jpg"),
        member("c.jpg", type=b"1", linkname="gone.jpg"),
    ]
    tar = write_tar(tmp_path / "a.tar", {"a.jpg": b"one", "z.jpg": b"2"}, *others)
    index = index_tar(tar, tmp_path / "r")
    assert index.paths == ["a.jpg", "z.jpg", "b.jpg"]
    assert (index.offsets[2], index.sizes[2]) == (index.offsets[0], 3)
    assert [problem[:2] for problem in index.problems] == [("c.jpg", "broken link")]


def test_what_is_remembered_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unchanged tar is not walked through again, and the answer is that of before."""
    names = ("a.jpg", "../b.jpg", ".c/d.jpg")
    index = indexed(tmp_path, *names)
    monkeypatch.setattr(tar_index, "walk_tar", lambda _: pytest.fail("it was walked through"))
    assert index_tar(tmp_path / "a.tar", tmp_path / "record.json") == index
    assert isinstance(index.problems[0], Problem)


def test_another_tar_is_walked_through(tmp_path: Path) -> None:
    """Another size, another time or a damaged record count as nothing remembered."""
    record = tmp_path / "record.json"
    tar = tmp_path / "a.tar"
    indexed(tmp_path, "a.jpg")
    state = tar.stat()
    assert indexed(tmp_path, "b.jpg").paths == ["b.jpg"]  # of the same size
    assert tar.stat().st_size == state.st_size
    for content in (b"", b"{}", b"[1]", b"[[1], 2]", b"[[1], 2, 3]", record.read_bytes()[:-9]):
        record.write_bytes(content)
        assert index_tar(tar, record).paths == ["b.jpg"]


def swapped(tmp_path: Path) -> tuple[Path, Path]:
    """Return a remembered tar and its record, the tar replaced by one in another order.

    It has the size and the date of the first.
    """
    tar = tmp_path / "a.tar"
    for names in (["cat/1.jpg", "dog/1.jpg"], ["dog/1.jpg", "cat/1.jpg"]):
        new = write_tar(tmp_path / "new.tar", {name: name[:3].encode() for name in names})
        os.utime(new, ns=(1, 1))
        new.replace(tar)
        if names[0] == "cat/1.jpg":
            index_tar(tar, tmp_path / "record.json")
    return tar, tmp_path / "record.json"


def cat_of(tar: Path, index: TarIndex) -> bytes:
    """Return the content that an index gives to cat/1.jpg."""
    offset = index.offsets[index.paths.index("cat/1.jpg")]
    return tar.read_bytes()[offset : offset + 3]


def test_a_tar_of_the_same_size_and_date_is_told(tmp_path: Path) -> None:
    """Members in another order, as rsync -t brings them, do not get each other's content."""
    tar, record = swapped(tmp_path)
    assert cat_of(tar, index_tar(tar, record)) == b"cat"


def test_another_tar_is_known_by_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that has neither inodes nor times of their change is no way to wrong labels."""
    monkeypatch.setattr(tar_index, "tar_state", lambda tar: (tar.stat().st_size, 1, 1, 1))
    tar, record = swapped(tmp_path)
    assert cat_of(tar, index_tar(tar, record)) == b"cat"


def test_few_headers_are_read_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of a tar is checked by some of its members, the first and last too."""
    record = tmp_path / "record.json"
    names = [f"{number}.jpg" for number in range(1000)]
    index = indexed(tmp_path, *names)
    *_, sums = json.loads(record.read_bytes())
    assert len(sums) == 17
    monkeypatch.setattr(tar_index, "tar_state", lambda _: json.loads(record.read_bytes())[0][:4])
    for offset in (index.offsets[0], index.offsets[-1]):
        content = bytearray((tmp_path / "a.tar").read_bytes())
        content[offset - 512] ^= 1
        (tmp_path / "a.tar").write_bytes(content)
        with pytest.raises(UserError, match=f"is damaged at byte {offset - 512:,}"):
            index_tar(tmp_path / "a.tar", record)
        content[offset - 512] ^= 1
        (tmp_path / "a.tar").write_bytes(content)
        assert index_tar(tmp_path / "a.tar", record) == index


def test_a_record_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    """Where a file is in the place of its folder the tar is read all the same."""
    (tmp_path / "file").touch()
    tar = write_tar(tmp_path / "a.tar", {"a.jpg": b"1"})
    assert index_tar(tar, tmp_path / "file" / "record.json").paths == ["a.jpg"]


def test_damage_is_refused_and_not_remembered(tmp_path: Path) -> None:
    """A tar that is cut off is an error each time."""
    tar = write_tar(tmp_path / "a.tar", {"a.jpg": b"1", "b.jpg": b"2"})
    tar.write_bytes(tar.read_bytes()[:1600])
    for _ in range(2):
        with pytest.raises(UserError, match="is damaged at byte"):
            index_tar(tar, tmp_path / "record.json")
    with pytest.raises(UserError, match=r"gone\.tar cannot be read"):
        index_tar(tmp_path / "gone.tar", tmp_path / "record.json")
