"""Files are whole or absent, and the same content is the same bytes."""

import json
import math
import threading
import time
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.files import sha256_bytes, write_bytes, write_json, write_text


def test_folders_are_created_and_no_partial_file_stays(tmp_path: Path) -> None:
    """Writing makes the folders above the file and leaves no partial file beside it."""
    target = tmp_path / "a" / "b" / "c.bin"
    write_bytes(target, b"one")
    write_bytes(str(target), b"two")
    assert target.read_bytes() == b"two"
    assert list(target.parent.iterdir()) == [target]


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    """While a file is rewritten over and over, each read gets one version in full."""
    target = tmp_path / "file"
    contents = [bytes([i]) * 300_000 for i in range(2)]
    write_bytes(target, contents[0])
    stop = threading.Event()

    def rewrite() -> None:
        while not stop.is_set():
            for content in contents:
                write_bytes(target, content)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            assert target.read_bytes() in contents
    finally:
        stop.set()
        writer.join()


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file in the way of a folder gives one line that names the target, and no partial file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/below cannot be written: "):
        write_bytes(tmp_path / "file" / "below", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder cannot be written"):
        write_bytes(tmp_path / "folder", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """A value that cannot be written leaves the old content in place."""
    target = tmp_path / "value.json"
    write_json(target, {"a": 1})
    for bad in (math.nan, math.inf, object()):
        with pytest.raises((ValueError, TypeError)):
            write_json(target, {"a": bad})
    assert json.loads(target.read_text()) == {"a": 1}


def test_text_has_unix_line_ends(tmp_path: Path) -> None:
    """Text is UTF-8 with plain line feeds on every system."""
    write_text(tmp_path / "t", "ä\n字\n")
    assert (tmp_path / "t").read_bytes() == "ä\n字\n".encode()


def test_json_has_the_order_and_letters_that_it_was_given(tmp_path: Path) -> None:
    """JSON is readable: its order is the caller's, letters are not escaped, it ends a line."""
    write_json(tmp_path / "j", {"z": "Ä", "a": [1, 2.5]})
    text = (tmp_path / "j").read_text(encoding="utf-8")
    assert text.index('"z"') < text.index('"a"')
    assert "Ä" in text
    assert text.endswith("}\n")


def test_sha256_is_the_standard_one() -> None:
    """The hash of nothing and of abc are those of FIPS 180-4."""
    assert sha256_bytes(b"").startswith("e3b0c44298fc1c14")
    assert sha256_bytes(b"abc").startswith("ba7816bf8f01cfea")
