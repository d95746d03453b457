"""What several workers need is made by one of them, and the longest files run first."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import pytest_collection_modifyitems
from tests.tiny_repo import Repo, made_once


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
    tmp_path_factory.getbasetemp()  # two threads that ask first would make two
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


def collected(
    request: pytest.FixtureRequest, name: str, function: Callable[..., None], *, slow: bool
) -> pytest.Function:
    """Return a test as pytest collects it, in a file of that name."""
    file = Path(__file__).parent / f"test_{name}.py"
    module = pytest.Module.from_parent(request.session, path=file)
    item: pytest.Function = pytest.Function.from_parent(
        module, name=f"test_{name}", callobj=function
    )
    if slow:
        item.add_marker(pytest.mark.slow)
    return item


def alone() -> None:
    """Need no fixture."""


def on_built(built: Repo) -> None:
    """Need the built project."""


def test_files_with_slow_tests_come_first(request: pytest.FixtureRequest) -> None:
    """One file that needs the built project, other slow ones, those that wait for it, the rest."""
    quick, slow = (collected(request, name, alone, slow=name == "slow") for name in ("a", "slow"))
    builds, waits = (collected(request, name, on_built, slow=True) for name in ("b", "w"))
    items: list[pytest.Item] = [quick, builds, waits, slow]
    pytest_collection_modifyitems(items)
    assert items == [builds, slow, waits, quick]


def test_files_move_whole(request: pytest.FixtureRequest) -> None:
    """What stands beside a slow test moves with it, so that a file goes to one worker."""
    quick = collected(request, "quick", alone, slow=False)
    slow = collected(request, "slow", alone, slow=True)
    beside: pytest.Item = pytest.Function.from_parent(slow.parent, name="beside", callobj=alone)
    items: list[pytest.Item] = [quick, beside, slow]
    pytest_collection_modifyitems(items)
    assert items == [beside, slow, quick]
