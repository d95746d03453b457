"""Photos are read ahead, in order, whatever becomes of the processes that read them."""

from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest

from stages.base.bucket import BucketFile
from stages.base.errors import UserError
from stages.predict import read_ahead
from stages.predict.photo_source import PhotoSource, Unread
from stages.predict.read_ahead import photo_readers
from stages.predict.read_photo import PhotoRequest, read_photo
from tests.predict.crashing import read_or_die
from tests.predict.small_model import make_photo


def test_photos_come_in_order_with_their_problems(tmp_path: Path) -> None:
    """Every source is answered once, in its place, by what reading it alone gives."""
    sources = [
        PhotoSource(f"{number}.png", make_photo(tmp_path / f"{number}.png", number))
        for number in range(20)
    ]
    sources.insert(3, PhotoSource("absent", tmp_path / "absent.png"))
    sources.insert(9, PhotoSource("listed", Unread("name not UTF-8: rename it")))
    with photo_readers(2, read_photo) as readers:
        read = list(readers.read_ahead(sources, 48))
    assert [source for source, _ in read] == sources
    for source, photo in read:
        expected = read_photo(PhotoRequest(source, 48))
        if isinstance(expected, Unread):
            assert photo == expected
        else:
            assert isinstance(photo, np.ndarray)
            assert np.array_equal(photo, expected)


def test_a_crash_costs_one_photo(tmp_path: Path) -> None:
    """A photo that crashes the decoder, or takes all memory, is a problem among the others."""
    file = make_photo(tmp_path / "a.png")
    names = ["a", "crash", "b", "memory", "c"]
    with photo_readers(1, read_or_die) as readers:
        read = dict(readers.read_ahead([PhotoSource(name, file) for name in names], 48))
    by_name = {source.name: photo for source, photo in read.items()}
    assert by_name["crash"] == Unread("crashed the decoder: SIGSEGV")
    assert "most often for want of memory" in str(by_name["memory"])
    assert [getattr(by_name[name], "again", None) for name in ("crash", "memory")] == [False, True]
    assert all(isinstance(by_name[name], np.ndarray) for name in "abc")


def test_only_some_photos_are_ahead(tmp_path: Path) -> None:
    """Of an endless list no more is asked for than is ahead of what is consumed."""
    file = make_photo(tmp_path / "a.png")
    asked = 0

    def endless() -> Iterator[PhotoSource]:
        nonlocal asked
        while True:
            asked += 1
            yield PhotoSource("a", file)

    with photo_readers(1, read_photo) as readers:
        photos = readers.read_ahead(endless(), 48)
        for _ in range(5):
            next(photos)
        assert asked == read_ahead._PHOTOS_AHEAD + 5


def test_large_photos_are_fewer_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held, bytes of a tar among it, has a limit however many photos that is."""
    content = make_photo(tmp_path / "a.png").read_bytes()
    monkeypatch.setattr(read_ahead, "_BYTES_AHEAD", 10 * len(content))
    asked = 0

    def sources() -> Iterator[PhotoSource]:
        nonlocal asked
        for number in range(40):
            asked += 1
            yield PhotoSource(f"{number}", content)

    with photo_readers(1, read_photo) as readers:
        photos = readers.read_ahead(sources(), 48)
        next(photos)
        assert asked <= 12
        assert len(list(photos)) == 39


def test_leaving_early_ends_the_processes(tmp_path: Path) -> None:
    """Where the run ends by an error, no process is left, and none is waited for."""
    file = make_photo(tmp_path / "a.png")
    with photo_readers(2, read_photo) as readers:
        photos = readers.read_ahead([PhotoSource("a", file)] * 200, 48)
        next(photos)
        processes = [child._process for child in readers._children]
        assert [process.is_alive() for process in processes] == [True, True]
    assert [process.is_alive() for process in processes] == [False, False]
    with pytest.raises(CancelledError):
        list(photos)


def test_photos_of_a_bucket_are_those_of_the_disk(tmp_path: Path) -> None:
    """Sources of a bucket among others come in their order, with the pixels of their files."""
    files = [make_photo(tmp_path / f"{number}.png", number) for number in range(40)]
    url = f"file://{tmp_path}"
    places: list[Path | BucketFile] = [
        file if number % 7 == 0 else BucketFile(url, file.name) for number, file in enumerate(files)
    ]
    places[5] = BucketFile(url, "gone.png")
    sources = [PhotoSource(f"{number}", place) for number, place in enumerate(places)]
    with photo_readers(2, read_photo) as readers:
        read = list(readers.read_ahead(sources, 48))
    assert [source.name for source, _ in read] == [source.name for source in sources]
    for number, (file, (_, photo)) in enumerate(zip(files, read, strict=True)):
        if number == 5:
            assert photo == Unread("unreadable: No such file or directory")
        else:
            assert isinstance(photo, np.ndarray)
            expected = read_photo(PhotoRequest(PhotoSource("", file), 48))
            assert isinstance(expected, np.ndarray)
            assert np.array_equal(photo, expected)


def test_a_bucket_that_does_not_answer_ends_the_reading() -> None:
    """What is wrong with all of a bucket is an error, and no problem of each photo in it."""
    with photo_readers(1, read_photo) as readers, pytest.raises(UserError, match="no storage"):
        list(readers.read_ahead([PhotoSource("a", BucketFile("birds://x", "a.jpg"))], 48))
