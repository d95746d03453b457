"""Objects of DVC's cache."""

import json
from pathlib import Path

import pytest

from stages.compare.dvc_cache import DvcCache
from tests.compare.example_history import Past


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Return a repository with an empty cache."""
    return Past(tmp_path / "repo")


def folder_object(past: Past, members: dict[str, str]) -> str:
    """Put the listing of a folder into the cache; return its name."""
    rows = [{"relpath": path, "md5": name} for path, name in members.items()]
    name = past.keep(json.dumps(rows).encode())
    file = past.root / ".dvc/cache/files/md5" / name[:2] / name[2:]
    file.rename(file.with_name(f"{file.name}.dir"))
    return f"{name}.dir"


def test_a_file_is_found_by_its_hash(past: Past) -> None:
    """An object that is there has a path, any other none."""
    cache = DvcCache(past.root / ".dvc/cache")
    name = past.keep(b"content")
    assert cache.file(name).read_bytes() == b"content"
    assert cache.has(name)
    for unknown in ("0" * 32, "", None):
        assert cache.file(unknown) is None


def test_a_folder_is_whole_or_not_there(past: Past) -> None:
    """A folder gives all its files by their paths; with one missing it is as if it were not."""
    cache = DvcCache(past.root / ".dvc/cache")
    first, second = past.keep(b"1"), past.keep(b"2")
    whole = folder_object(past, {"a.txt": first, "b/c.txt": second})
    assert {path: file.read_bytes() for path, file in cache.folder(whole).items()} == {
        "a.txt": b"1",
        "b/c.txt": b"2",
    }
    broken = folder_object(past, {"a.txt": first, "d.txt": "f" * 32})
    assert cache.folder(broken) is None
    assert cache.has(whole)
    assert not cache.has(broken)
