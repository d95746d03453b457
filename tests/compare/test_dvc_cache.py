"""DVC's cache: its place, and its objects by their hashes."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.compare.dvc_cache import DvcCache, open_dvc_cache
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
    assert history.cache.has(name)
    for unknown in ("0" * 32, "", None):
        assert history.cache.file(unknown) is None


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
