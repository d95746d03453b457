"""Every entry of a folder is a file with facts, a problem by name, or hidden and counted."""

import os
import socket
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.base.errors import UserError
from stages.dataset.scan import (
    MAX_WHOLE_READ,
    FileFacts,
    Scan,
    read_file_facts,
    require_images,
    require_readable,
    scan_folder,
)
from stages.labels.problem import Problem


def photo(
    path: Path, size: tuple[int, int] = (40, 30), image_format: str = "JPEG", seed: int = 0
) -> Path:
    """Write a small picture of noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format=image_format)
    return path


def names_of(problems: list[Problem]) -> dict[str, str]:
    """Return the problems as path -> name."""
    assert len({problem.path for problem in problems}) == len(problems)
    return {problem.path: problem.problem for problem in problems}


def snapshot(root: Path) -> list[tuple[Path, bytes, int, int]]:
    """Return the bytes and times of all files below a folder."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return [
        (path, path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_mode) for path in files
    ]


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Give up root's right to read everything, for as long as the block runs."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("files", [0, 1, 5, 600])
@pytest.mark.parametrize("workers", [1, 3, 16])
def test_tasks_of_any_size_leave_out_no_file(tmp_path: Path, files: int, workers: int) -> None:
    """Few files or many, for few threads or many, each is listed once, sorted by path."""
    names = [f"{number:03}.txt" for number in range(files)]
    for name in names:
        (tmp_path / name).write_text(name)
    assert [file.path for file in scan_folder(tmp_path, workers).facts] == names


def test_facts_are_those_of_the_file(tmp_path: Path) -> None:
    """Path, SHA-256, format, width, height and bytes, with any number of threads."""
    photo(tmp_path / "b" / "x.jpg", (40, 30))
    photo(tmp_path / "a.jpg", (31, 47), "PNG")
    photo(tmp_path / "B.gif", (16, 17), "GIF")
    (tmp_path / "notes.jpg").write_text("no image")
    (tmp_path / "zero.jpg").touch()
    before = snapshot(tmp_path)
    scan = scan_folder(tmp_path, 1)
    assert [(f.path, f.format, f.width, f.height) for f in scan.facts] == [
        ("B.gif", "GIF", 16, 17),
        ("a.jpg", "PNG", 31, 47),
        ("b/x.jpg", "JPEG", 40, 30),
        ("notes.jpg", "", 0, 0),
        ("zero.jpg", "", 0, 0),
    ]
    for file in scan.facts:
        content = (tmp_path / file.path).read_bytes()
        assert (file.sha256, file.size) == (sha256(content).hexdigest(), len(content))
    assert (scan.problems, scan.hidden) == ([], 0)
    assert scan_folder(tmp_path, 4) == scan
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "image_format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000"]
)
def test_formats_are_recognised_by_content(tmp_path: Path, image_format: str) -> None:
    """The name's ending does not matter."""
    photo(tmp_path / "x.dat", (33, 21), image_format)
    facts = read_file_facts(tmp_path, "x.dat")
    assert facts[2:5] == (image_format, 33, 21)


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    """Beyond the limit a file is hashed piece by piece; a TIFF keeps its header at the end."""
    Image.new("RGB", (2500, 2300)).save(tmp_path / "x.tif")
    content = (tmp_path / "x.tif").read_bytes()
    assert len(content) > MAX_WHOLE_READ
    expected = FileFacts("x.tif", sha256(content).hexdigest(), "TIFF", 2500, 2300, len(content))
    assert read_file_facts(tmp_path, "x.tif") == expected


def test_damaged_headers_are_no_image_and_no_error(tmp_path: Path) -> None:
    """Whatever Pillow makes of cut and garbled files, each has its facts."""
    rng = np.random.default_rng(3)
    for image_format in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        content = photo(tmp_path / "original", image_format=image_format).read_bytes()
        for number in range(40):
            damaged = bytearray(content[: rng.integers(1, len(content))])
            for place in rng.integers(0, min(len(damaged), 60), 3):
                damaged[place] ^= int(rng.integers(1, 256))
            (tmp_path / f"{image_format}{number}").write_bytes(damaged)
    scan = scan_folder(tmp_path, 2)
    assert (len(scan.facts), scan.problems) == (241, [])
    for file in scan.facts:
        assert file.sha256 == sha256((tmp_path / file.path).read_bytes()).hexdigest()
        assert (file.format == "") == (file.width == file.height == 0)
    assert 20 < sum(file.format == "" for file in scan.facts) < 220


def test_a_decompression_bomb_is_listed_with_its_size(tmp_path: Path) -> None:
    """Its header is read, no pixel is, nothing is warned, and Pillow's limit is as before."""
    photo(tmp_path / "x.bmp", (16, 16), "BMP")
    content = bytearray((tmp_path / "x.bmp").read_bytes())
    content[18:26] = (60_000).to_bytes(4, "little") * 2
    (tmp_path / "x.bmp").write_bytes(content)
    limit = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (facts,) = scan_folder(tmp_path, 1).facts
    assert facts[2:5] == ("BMP", 60_000, 60_000)
    assert limit == Image.MAX_IMAGE_PIXELS


def test_odd_names_are_files_like_others(tmp_path: Path) -> None:
    """Commas, quotes, line ends, spaces and emoji are allowed."""
    names = sorted(
        ["a,b.jpg", 'q"q.jpg', "n\nl.jpg", " s .jpg", "\N{CAT FACE}/x.jpg", "e\u0301.jpg"]
    )
    for name in names:
        photo(tmp_path / name)
    assert [file.path for file in scan_folder(tmp_path, 2).facts] == names


def test_a_link_to_a_photo_is_followed_and_one_to_a_folder_is_not(tmp_path: Path) -> None:
    """A linked photo is listed under the link too; a linked folder, as by DVC, is not entered."""
    photo(tmp_path / "cats" / "a.jpg")
    (tmp_path / "b.jpg").symlink_to("cats/a.jpg")
    (tmp_path / "kittens").symlink_to("cats")
    scan = scan_folder(tmp_path, 1)
    assert [file.path for file in scan.facts] == ["b.jpg", "cats/a.jpg"]
    assert len({file.sha256 for file in scan.facts}) == 1
    remedy = "remove it; the photos count where they lie"
    assert scan.problems == [
        Problem("kittens", "linked folder", f"DVC does not enter it; {remedy}")
    ]


def test_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    """Opening a pipe would wait for ever, also through a link."""
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to("pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        scan = scan_folder(tmp_path, 1)
    assert scan.facts == []
    assert names_of(scan.problems) == dict.fromkeys(("pipe.jpg", "link.jpg", "s"), "not a file")


def test_unreadable_files_and_folders_are_problems() -> None:
    """Without the right to read, a file or a folder is a problem and the rest goes on."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        photo(root / "a.jpg")
        photo(root / "b.jpg").chmod(0)
        photo(root / "c" / "x.jpg").parent.chmod(0)
        root.chmod(0o755)
        scan_folder(root, 2)  # imports what it needs while it still may read it
        try:
            with ordinary_user():
                scan = scan_folder(root, 2)
        finally:
            (root / "c").chmod(0o755)
    assert [file.path for file in scan.facts] == ["a.jpg"]
    assert sorted(scan.problems) == [
        Problem("b.jpg", "unreadable", "Permission denied"),
        Problem("c", "unreadable", "folder: Permission denied"),
    ]


def test_a_file_that_vanishes_meanwhile_is_a_problem(tmp_path: Path) -> None:
    """Between listing and reading, a photo may go, or become a folder."""
    (tmp_path / "b.jpg").mkdir()
    assert read_file_facts(tmp_path, "a.jpg") == Problem(
        "a.jpg", "unreadable", "No such file or directory"
    )
    assert read_file_facts(tmp_path, "b.jpg") == Problem("b.jpg", "unreadable", "Is a directory")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A wrong name, or a file in its place, is one line with the key."""
    with pytest.raises(UserError, match=r"^ingest\.images: .*nope does not exist; name the folder"):
        scan_folder(tmp_path / "nope", 1)
    with pytest.raises(UserError, match="is no folder"):
        scan_folder(photo(tmp_path / "x.jpg"), 1)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    """Empty is one message; full of other things shows what they are; one image is enough."""
    with pytest.raises(UserError, match=r"is empty; put your photos there"):
        require_images(scan_folder(tmp_path, 1), str(tmp_path))
    (tmp_path / "x.pdf").write_text("%PDF-1.7")
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "l.jpg").symlink_to("gone")
    with pytest.raises(UserError, match="no image that can be read") as caught:
        require_images(scan_folder(tmp_path, 1), str(tmp_path))
    assert str(caught.value).splitlines()[1:] == [
        "  x.pdf: not an image: PDF: export its page as JPEG first",
        "  x.txt: not an image: no decoder knows it",
        "  l.jpg: broken link: what it leads to is not there",
    ]
    photo(tmp_path / "a.jpg")
    require_images(scan_folder(tmp_path, 1), str(tmp_path))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A file or folder that cannot be read stops the run; a link that leads out does not."""
    readable = Scan([], [Problem("out.jpg", "link out of the folder", "")], 0)
    require_readable(readable, "data/photos")
    gone = [Problem(f"{number:02}.jpg", "unreadable", "Stale file handle") for number in range(25)]
    with pytest.raises(
        UserError, match=r"25 files or folders in data/photos cannot be read; mount"
    ) as e:
        require_readable(Scan([], [*readable.problems, *gone], 0), "data/photos")
    assert "  00.jpg: unreadable: Stale file handle\n" in str(e.value)
    assert "... and 5 more" in str(e.value)
    assert "out.jpg" not in str(e.value)
