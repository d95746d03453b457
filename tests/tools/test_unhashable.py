"""What DVC cannot hash is found before DVC meets it."""

import os
import socket
from pathlib import Path

import pytest

from stages.tools.unhashable import unhashable_lines


def test_photos_and_hidden_files_are_in_order(tmp_path: Path) -> None:
    """Files, folders, and links to files and folders can be hashed, also back to the folder."""
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "Straße 猫\n.jpg").touch()
    (tmp_path / "link.jpg").symlink_to(".hidden/Straße 猫\n.jpg")
    (tmp_path / "loop").symlink_to(".")
    assert unhashable_lines("ingest.images", str(tmp_path)) == []


def test_each_file_that_stops_dvc_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links that lead nowhere, pipes, sockets and names that are not UTF-8 are one list."""
    monkeypatch.chdir(tmp_path)
    Path("photos", ".hidden").mkdir(parents=True)
    Path("photos/broken.jpg").symlink_to("nowhere.jpg")
    Path("photos/loop.jpg").symlink_to("loop.jpg")
    os.mkfifo("photos/.hidden/pipe")
    Path(os.fsdecode(b"photos/\xff.jpg")).touch()
    Path(os.fsdecode(b"photos/\xfe")).mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("photos/socket.jpg")
        lines = unhashable_lines("ingest.images", "photos")
    assert lines == [
        "ingest.images: photos holds 6 files that DVC cannot read; remove or rename what is named:",
        "  .hidden/pipe: a pipe, a socket or a device",
        "  \\xfe: its name is not UTF-8; rename it, perhaps to þ",
        "  \\xff.jpg: its name is not UTF-8; rename it, perhaps to ÿ.jpg",
        "  broken.jpg: a link that leads nowhere (No such file or directory)",
        "  loop.jpg: a link that leads nowhere (Too many levels of symbolic links)",
        "  socket.jpg: a pipe, a socket or a device",
    ]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        (b"caf\xe9.jpg", "rename it, perhaps to café.jpg"),
        (b"caf\x81.jpg", "rename it, perhaps to cafü.jpg"),  # no letter of cp1252, one of cp437
        (b"\x01\xe9.jpg", "rename it"),
    ],
)
def test_a_name_to_give_is_one_of_letters(tmp_path: Path, name: bytes, remedy: str) -> None:
    """What no encoding has a letter for is not suggested, and no replacement sign either."""
    (tmp_path / os.fsdecode(name)).touch()
    [_, line] = unhashable_lines("ingest.images", str(tmp_path))
    assert line.endswith(f"its name is not UTF-8; {remedy}")
