"""DVC's cache: its place, and its objects by their hashes."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.files import write_bytes
from stages.compare.dvc_cache import DvcCache, md5_of, open_dvc_cache
from tests.compare.example_history import ExampleHistory


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with an empty cache."""
    return ExampleHistory(tmp_path / "repo")


def test_a_file_is_found_by_its_hash(history: ExampleHistory) -> None:
    """An object in the cache has a path, any other none."""
    name = history.put_in_cache(b"content")
    path = history.cache.file(name)
    assert path is not None
    assert path.read_bytes() == b"content"
    assert history.cache.read(name) == b"content"
    assert history.cache.has(name)
    for unknown in ("0" * 32, "", None):
        assert history.cache.file(unknown) is None
        assert history.cache.read(unknown) is None


def test_a_folder_is_complete_or_absent(history: ExampleHistory) -> None:
    """A folder gives all its files by their paths; with one missing it counts as absent."""
    first = history.put_in_cache(b"1")
    second = history.put_in_cache(b"2")
    complete = history.put_folder_in_cache({"a.txt": first, "b/c.txt": second})
    files = history.cache.folder_files(complete)
    assert files is not None
    contents = {path: file.read_bytes() for path, file in files.items()}
    assert contents == {"a.txt": b"1", "b/c.txt": b"2"}
    incomplete = history.put_folder_in_cache({"a.txt": first, "d.txt": "f" * 32})
    assert history.cache.folder_files(incomplete) is None
    assert history.cache.has(complete)
    assert not history.cache.has(incomplete)


def test_an_empty_folder_is_complete(history: ExampleHistory) -> None:
    """A folder without files is there when its listing is."""
    empty = history.put_folder_in_cache({})
    assert history.cache.folder_files(empty) == {}
    assert history.cache.has(empty)


@pytest.mark.parametrize(
    "name",
    [
        *("xx/../../../../../etc/passwd", "/etc/passwd", "..", "0" * 31, "0" * 33, "G" * 32),
        *("A" * 32, "0" * 32 + ".dir/x", "0" * 32 + "\n", ".dir", "0" * 32 + ".txt"),
    ],
)
def test_only_an_md5_is_the_name_of_an_object(history: ExampleHistory, name: str) -> None:
    """What dvc.lock says is a path only if it is 32 hexadecimal digits, and .dir of a folder."""
    cache = history.cache
    for look_up in (cache.file, cache.read, cache.folder_files):
        with pytest.raises(UserError, match="32 hexadecimal digits"):
            look_up(name)


@pytest.mark.parametrize("content", [b"", b"garbage", b"[]"])
def test_a_rotten_object_is_named(history: ExampleHistory, content: bytes) -> None:
    """An object whose content has another md5 is not read, and the error says where in it."""
    name = history.put_in_cache(b"content")
    folder = history.put_folder_in_cache({"a.txt": name})
    for damaged in (name, folder):
        path = history.cache.file(damaged)
        assert path is not None
        path.write_bytes(content)
        name_in_cache = f"^files/md5/{damaged[:2]}/{damaged[2:]} in DVC's cache is damaged"
        with pytest.raises(UserError, match=name_in_cache):
            history.cache.read(damaged)
    with pytest.raises(UserError, match="is damaged"):
        history.cache.has(folder)


@pytest.mark.parametrize("path", ["../../x", "/etc/x", "a/../../x", "..", "", "."])
def test_a_folder_lists_only_what_lies_in_it(history: ExampleHistory, path: str) -> None:
    """A listing that names a file outside of its folder is refused whole."""
    folder = history.put_folder_in_cache({path: history.put_in_cache(b"1")})
    with pytest.raises(UserError, match="lies outside of the folder"):
        history.cache.folder_files(folder)


@pytest.mark.parametrize("listing", [b"no json", b"{}", b"[1]", b'[{"relpath": 1}]', b"[null]"])
def test_a_listing_of_another_shape_is_named(history: ExampleHistory, listing: bytes) -> None:
    """An object that is no listing of a folder, although it has the md5, is one line."""
    path = history.cache.folder / "files/md5" / md5_of(listing)[:2] / f"{md5_of(listing)[2:]}.dir"
    write_bytes(path, listing)
    with pytest.raises(UserError, match="is no listing of a folder"):
        history.cache.folder_files(f"{md5_of(listing)}.dir")


def test_the_cache_lies_where_dvc_says(history: ExampleHistory, tmp_path: Path) -> None:
    """DVC's setting of the cache folder is followed."""
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "init", "-q"], cwd=history.root, check=True)
    assert open_dvc_cache(history.root).folder == history.root / ".dvc/cache"
    shared = str(tmp_path / "shared")
    subprocess.run([*dvc, "cache", "dir", "-q", "--local", shared], cwd=history.root, check=True)
    assert open_dvc_cache(history.root).folder == Path(shared)


def test_without_dvc_the_usual_folder_is_taken(history: ExampleHistory) -> None:
    """Where DVC cannot say where its cache lies, it is the folder of its default."""
    cache = open_dvc_cache(history.root)
    assert isinstance(cache, DvcCache)
    assert cache.folder == history.root / ".dvc/cache"
