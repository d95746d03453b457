"""A server that speaks S3 on this machine, counts requests, and may fail as real ones do."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
REFUSALS = {
    "InvalidAccessKeyId": "403 Forbidden",
    "AccessDenied": "403 Forbidden",
    "InvalidObjectState": "403 Forbidden",
    "SlowDown": "503 Slow Down",
    "InternalError": "500 Internal Server Error",
    "RequestTimeTooSkewed": "403 Forbidden",
    "InvalidRequest": "400 Bad Request",
}
_MESSAGES = {
    "InvalidAccessKeyId": "The AWS Access Key Id you provided does not exist in our records.",
    "InvalidObjectState": "The operation is not valid for the object's storage class",
}


@dataclass
class S3Server:
    """Moto behind a front door that notes what is asked, and answers some of it with an error."""

    moto: Wsgi
    address: str = ""
    asked: list[str] = field(default_factory=list)  # method and path
    refusals: list[str] = field(default_factory=list)  # codes of the next photos that are asked for
    page_refusals: list[str] = field(default_factory=list)  # of pages of listings behind the first
    is_a_web_site: bool = False  # which knows no page of any name
    delay: float = 0.0  # seconds that each answer takes longer

    def __call__(self, request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        line = f"{request['REQUEST_METHOD']} {request['PATH_INFO']}"
        self.asked.append(line)
        sleep(self.delay)
        if self.is_a_web_site:
            start("404 Not Found", [("Content-Type", "text/html")])
            return [b"<html><body>No such page</body></html>"]
        later_page = "continuation-token" in request["QUERY_STRING"]
        refusals = self.page_refusals if later_page else self.refusals
        if refusals and (later_page or self.is_photo(line)):
            code = refusals.pop(0)
            start(REFUSALS[code], [("Content-Type", "application/xml")])
            message = _MESSAGES.get(code, code)
            return [f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()]
        return self.moto(request, start)

    def is_photo(self, line: str) -> bool:
        """Return whether a line of `asked` is of a photo's content."""
        return line.startswith("GET ") and line.endswith(".jpg")

    def photos_read(self) -> list[str]:
        """Return the paths of the photos whose content was asked for, and forget what was asked."""
        lines = [line.removeprefix("GET ") for line in self.asked if self.is_photo(line)]
        self.asked.clear()
        return sorted(lines)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Start a server for a block."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    server = S3Server(DomainDispatcherApplication(create_backend_app))
    running = make_server("127.0.0.1", 0, server, threaded=True)
    server.address = f"http://127.0.0.1:{running.server_port}"
    thread = Thread(target=running.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


def put_dvc_first(folder: Path) -> None:
    """Put a `dvc` on PATH that has the packages beside this Python: one laid over has none."""
    script = folder / "dvc"
    script.write_text(f"#!{sys.executable}\nfrom dvc.cli import main\nraise SystemExit(main())\n")
    script.chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
