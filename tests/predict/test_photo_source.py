"""Bytes of photos come from files, addresses and tars, or the problem in their place."""

import errno
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from stages.predict import photo_source
from stages.predict.photo_source import MOST_BYTES, Address, PhotoSource, Unread, read_source_bytes


class Handler(BaseHTTPRequestHandler):
    """Serves one picture, and fails in several ways."""

    def do_GET(self) -> None:
        """Answer by the path."""
        if self.path.startswith("/a%20photo"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"bytes of a photo")
        elif self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b".")
                    time.sleep(0.05)
        else:
            self.send_error(503 if self.path == "/busy" else 404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Serve on this machine; return the address."""
    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()


def read(place: Path | Address | bytes | Unread) -> bytes | Unread:
    """Return the bytes behind a place."""
    return read_source_bytes(PhotoSource("a photo", place))


def test_a_file_and_bytes_are_read(tmp_path: Path) -> None:
    """The content of a file, and bytes that are there already, come as they are."""
    (tmp_path / "a.jpg").write_bytes(b"content")
    assert read(tmp_path / "a.jpg") == b"content"
    assert read(b"content") == b"content"


def test_what_is_no_file_has_its_problem(tmp_path: Path) -> None:
    """A folder, what is absent, a device and a pipe that nobody writes to do not end the run."""
    os.mkfifo(tmp_path / "pipe.jpg")
    pipe = Unread("not a file: a pipe, a socket or a device")
    assert read(tmp_path / "pipe.jpg") == pipe
    assert read(Path("/dev/zero")) == pipe
    assert read(tmp_path / "absent.jpg") == Unread("unreadable: No such file or directory")
    assert read(tmp_path) == Unread("unreadable: Is a directory")
    assert read(tmp_path / "nul\0.jpg") == Unread("unreadable: embedded null byte")


def test_a_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    """A file that no photo is as large as is refused by its size alone."""
    with (tmp_path / "film.jpg").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    problem = read(tmp_path / "film.jpg")
    assert isinstance(problem, Unread)
    assert problem.problem.startswith("too large: 1,073,741,825 bytes")


def test_an_address_is_fetched(server: str) -> None:
    """The body of a response comes whole, also where the address has a space in it."""
    assert read(Address(f"{server}/a photo.jpg")) == b"bytes of a photo"


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/absent.jpg", "HTTP 404 Not Found"), ("/away", "HTTP 302 .*not allowed"), (":x", ".*")],
)
def test_an_address_that_gives_nothing_has_its_problem(server: str, path: str, reason: str) -> None:
    """An error of the server, a way to a file of this machine and no address at all are named."""
    problem = read(Address(server + path))
    assert isinstance(problem, Unread)
    assert re.match(f"unreadable: {reason}", problem.problem, re.DOTALL), problem


def test_a_server_that_is_away_is_named() -> None:
    """Where nobody listens, the reason of the system is the problem."""
    problem = read(Address("http://127.0.0.1:9/a.jpg"))
    assert isinstance(problem, Unread)
    assert "refused" in problem.problem
    assert problem.again


def test_a_response_has_its_limits(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes than a photo has, and more time than one takes, end the reading."""
    monkeypatch.setattr(photo_source, "MOST_BYTES", 5)
    assert "too large: 16 bytes" in str(read(Address(f"{server}/a photo.jpg")))
    monkeypatch.undo()
    monkeypatch.setattr(photo_source, "_SECONDS_IN_ALL", 0.2)
    started = time.monotonic()
    assert "not whole after" in str(read(Address(f"{server}/drip")))
    assert time.monotonic() - started < 3


def test_faults_that_may_pass_are_told_from_those_of_the_photo(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that fails, a connection that ends and a disk that does not answer come again."""
    short = read(Address(f"{server}/short"))
    assert short == Unread("unreadable: the connection ended 96 bytes early", again=True)
    busy = read(Address(f"{server}/busy"))
    assert busy == Unread("unreadable: HTTP 503 Service Unavailable", again=True)
    assert read(tmp_path / "absent.jpg") == Unread("unreadable: No such file or directory")

    def stale(*_: object) -> int:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(os, "open", stale)
    assert read(tmp_path / "a.jpg") == Unread("unreadable: Stale file handle", again=True)


def test_no_byte_of_a_photo_is_changed(tmp_path: Path) -> None:
    """Line ends and the sign by which Windows ends a text come as they are."""
    content = b"\r\n\x1a\n\r" * 1000
    (tmp_path / "a.png").write_bytes(content)
    assert read(tmp_path / "a.png") == content
