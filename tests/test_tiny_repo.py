"""What several workers need is made by one of them, and the longest files run first."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import pytest_collection_modifyitems
from tests.tiny_repo import made_once


def maker(log: list[Path]) -> Callable[[Path], None]:
    """Return a function that takes a while to make a folder with one file."""

    def make(path: Path) -> None:
        log.append(path)
        path.mkdir()
        time.sleep(0.2)
        (path / "file").write_text("made")

    return make


def test_the_first_to_ask_makes_it_for_all(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Who asks meanwhile waits for the whole, and each has a copy of its own."""
    log: list[Path] = []
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(made_once, "asked_twice", maker(log), tmp_path_factory) for _ in range(2)
        ]
        one, other = (future.result().path for future in asked)
    assert len(log) == 1
    assert len({log[0], one, other}) == 3
    (one / "file").write_text("changed")
    assert (other / "file").read_text() == (log[0] / "file").read_text() == "made"


def test_what_failed_is_made_by_the_next(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Half a repository, of a worker whose making failed, is not taken for a whole one."""

    def fail(path: Path) -> None:
        path.mkdir()
        (path / "half").touch()
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        made_once("made_by_the_next", fail, tmp_path_factory)
    repo = made_once("made_by_the_next", maker([]), tmp_path_factory)
    assert [file.name for file in repo.path.iterdir()] == ["file"]


def test_files_with_slow_tests_come_first(request: pytest.FixtureRequest) -> None:
    """Files move whole, and keep their order otherwise, so that each goes to one worker."""
    quick = request.node
    slow = pytest.Function.from_parent(
        pytest.Module.from_parent(request.session, path=Path(__file__).parent / "test_slow.py"),
        name="test_slow",
        callobj=test_files_with_slow_tests_come_first,
    )
    beside = pytest.Function.from_parent(slow.parent, name="test_beside", callobj=maker)
    slow.add_marker(pytest.mark.slow)
    items = [quick, beside, slow]
    pytest_collection_modifyitems(items)
    assert items == [beside, slow, quick]
