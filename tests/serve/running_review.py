"""A project folder with a report and a small model, and `make review` running in it."""

import http.client
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from stages.model.files import load_model, save_model
from stages.serve.served_page import read_report_page
from tests.example_results import write_project
from tests.predict.small_model import make_model
from tests.test_interpret import run_interpret

REPOSITORY = Path(__file__).parents[2]
CORRECTIONS = Path("data/corrections.csv")
HEADER = "path,sha256,action,label,note\n"


def write_review_project(root: Path, labels: list[str]) -> None:
    """Write a project with a page, an empty corrections.csv, and a model that was never trained."""
    write_project(root, labels, images=90, right=0.7)
    process = run_interpret(root)
    assert process.returncode == 0, process.stderr
    folder = make_model(root / "data" / "model")
    model, card = load_model(folder)
    # At 96 pixels its map has 3 x 3 places, at 32 one, which shows nothing.
    save_model(folder, model, replace(card, size=96, presize=96))
    (root / CORRECTIONS).write_text(HEADER, encoding="utf-8")


def page_images(root: Path) -> list[dict[str, str]]:
    """Return the images that the page's review knows."""
    images: list[dict[str, str]] = read_report_page(root / "reports/index.html").data["images"]
    return images


@dataclass(frozen=True)
class RunningReview:
    """A review that answers."""

    address: str  # with the token, ends in /
    process: subprocess.Popen[str]

    @property
    def authority(self) -> str:
        """Host and port."""
        return urlsplit(self.address).netloc

    @property
    def token(self) -> str:
        """The token in the address."""
        return urlsplit(self.address).path.strip("/")

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request as it is, to a whole path; return status, headers and body."""
        host, port = self.authority.split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=120)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            known = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, known, answer.read()
        finally:
            connection.close()

    def post(
        self, name: str, body: bytes, kind: str, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a body as the page does; headers replace those of the page."""
        usual = {"Origin": f"http://{self.authority}", "Content-Type": kind}
        return self.request("POST", f"/{self.token}/{name}", body, usual | headers)

    def interrupt(self) -> tuple[int, str, str]:
        """Press Ctrl-C; return the exit code, and what was printed then."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@contextmanager
def running_review(root: Path, *options: str, **environment: str) -> Iterator[RunningReview]:
    """Run the tool in a folder for a block; it has ended after that."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.tools.review", "--no-browser", *options],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "FINETRACK_DEVICE": "cpu", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("The review: http://127.0.0.1:"), process.communicate()
        yield RunningReview(line.removeprefix("The review: ").strip(), process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
        process.stdout.close()
