"""Files in tars are read at their places, whole, from their start or in pieces, by any process."""

import io
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest, sha256
from pathlib import Path

import pytest

from stages.base.bucket import opened, read_head
from stages.base.packed import Packed, PackedFile, PackedPlace, tar_state
from stages.base.tar_walk import walk_tar
from tests.tar_files import write_tar

FILES = {"a.jpg": b"one", "cats/b.jpg": bytes(range(256)) * 40, "empty.jpg": b""}


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    """Return a folder of two tars with the same files under other paths."""
    places = {}
    for name in ("x", "sub/y"):
        tar = write_tar(tmp_path / f"{name}.tar", {f"{name}/{key}": FILES[key] for key in FILES})
        for one in walk_tar(tar):
            places[one.name.decode()] = PackedPlace(f"{name}.tar", one.offset, one.size)
    return Packed(tmp_path, places)


def test_files_are_read_whole_or_from_their_start(packed: Packed) -> None:
    """Content is that which was packed, and nothing of the member behind it."""
    for name, content in FILES.items():
        for tar in ("x", "sub/y"):
            file = packed / f"{tar}/{name}"
            assert file.read_bytes() == content
            assert file.read_head(2) == content[:2]
            assert read_head(file, 10**6) == content
            buffer = opened(file)
            assert isinstance(buffer, io.BytesIO)
            assert buffer.read() == content


def test_a_file_that_no_tar_has_does_not_exist(packed: Packed) -> None:
    """It can be asked for, and is an error when it is read, as a Path is."""
    assert (packed / "x/a.jpg").exists()
    assert not (packed / "x/gone.jpg").exists()
    with pytest.raises(FileNotFoundError):
        (packed / "x/gone.jpg").read_bytes()


def test_a_window_is_the_file_alone(packed: Packed) -> None:
    """As an open file it has the content's start, end and hash, whatever is around it."""
    file = packed / "x/cats/b.jpg"
    content = FILES["cats/b.jpg"]
    with io.FileIO(file.tar) as tar:
        window = file.window(tar)
        assert file_digest(window, "sha256").hexdigest() == sha256(content).hexdigest()
        window.seek(-5, io.SEEK_END)
        assert window.read() == content[-5:]
        window.seek(3)
        window.seek(2, io.SEEK_CUR)
        assert window.tell() == 5
        assert window.read(4) == content[5:9]
        window.seek(10**6)
        assert window.read() == b""


def test_a_path_that_is_not_there_is_no_file(packed: Packed) -> None:
    """It may be named, and reading it fails as that of a missing photo does."""
    with pytest.raises(FileNotFoundError, match="No such file"):
        (packed / "gone.jpg").read_bytes()


def test_a_tar_that_became_shorter_is_an_error(packed: Packed) -> None:
    """A content that is not whole is given to nobody."""
    file = packed / "x/cats/b.jpg"
    with file.tar.open("r+b") as tar:
        tar.truncate(file.offset + 100)
    with pytest.raises(OSError, match="shorter than when it was looked through"):
        file.read_bytes()
    with io.FileIO(file.tar) as tar, pytest.raises(OSError, match="shorter than"):
        file.window(tar).read()
    file.tar.unlink()
    with pytest.raises(FileNotFoundError):
        file.read_bytes()


def test_many_threads_read_one_tar(packed: Packed) -> None:
    """Each has a handle of its own, so that none moves another's place."""
    names = list(FILES) * 200
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda name: (packed / f"x/{name}").read_bytes(), names))
    assert read == [FILES[name] for name in names]


def test_a_part_has_the_places_of_its_files_alone(packed: Packed) -> None:
    """What goes to another process is as large as its work."""
    part = pickle.loads(pickle.dumps(packed.part(["x/a.jpg", "gone.jpg"])))
    assert list(part.places) == ["x/a.jpg"]
    assert (part / "x/a.jpg").read_bytes() == FILES["a.jpg"]
    assert part / "x/a.jpg" == packed / "x/a.jpg"


def test_paths_go_from_anywhere(packed: Packed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made absolute, a folder is read from every working directory."""
    monkeypatch.chdir(packed.root)
    here = Packed(Path("sub"), {"b": packed.places["sub/y/a.jpg"]._replace(tar="y.tar")})
    there = here.absolute()
    monkeypatch.chdir("/")
    assert (there / "b").read_bytes() == FILES["a.jpg"]
    assert str(there) == str(packed.root / "sub")


def test_files_are_sorted_as_they_lie(packed: Packed) -> None:
    """Sorted, each tar is read from its start to its end."""
    files = sorted(packed / path for path in packed.places)
    assert files == sorted(files, key=lambda file: (file.tar, file.offset))
    assert str(files[0]) == f"{packed.root}/sub/y.tar: sub/y/a.jpg"
    assert files[0].as_posix() == str(files[0])


def test_the_smallest_tar_is_found(packed: Packed) -> None:
    """Of no tars there is none."""
    write_tar(packed.root / "z.tar", {"1.jpg": bytes(10**5)})
    places = {**packed.places, "1.jpg": PackedPlace("z.tar", 512, 10**5)}
    assert Packed(packed.root, places).smallest_tar() == packed.root / "sub/y.tar"
    assert Packed(packed.root, {}).smallest_tar() is None
    assert isinstance(packed / "x/a.jpg", PackedFile)


def test_a_file_of_the_same_size_and_date_has_another_state(tmp_path: Path) -> None:
    """A replaced file has another inode, one written anew another time of its inode's change."""
    file = tmp_path / "a.tar"
    states = set()
    for content, name in ((b"one", "a.tar"), (b"two", "b.tar"), (b"six", "a.tar")):
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, ns=(1, 1))
        (tmp_path / name).replace(file)
        assert tar_state(file) == tar_state(file)
        states.add(tar_state(file))
    assert len(states) == 3
    assert {state[:2] for state in states} == {(3, 1)}
