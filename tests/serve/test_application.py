"""The running review over plain HTTP: what it answers, and what it refuses."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.base.files import sha256_bytes
from stages.base.parts import PRIVATE_FOLDER
from stages.base.stage_lock import stage_lock
from tests.predict.small_model import make_photo
from tests.serve.running_review import (
    CORRECTIONS,
    HEADER,
    RunningReview,
    page_images,
    running_review,
    write_review_project,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project folder with a report."""
    root = tmp_path_factory.mktemp("project")
    write_review_project(root, ["cat", "dog", "hen"])
    return root


@pytest.fixture(scope="module")
def review(root: Path) -> Iterator[RunningReview]:
    """Return a review that runs in it."""
    with running_review(root) as review:
        yield review


@pytest.fixture(autouse=True)
def corrections(root: Path) -> Path:
    """Return the file of corrections, with its header alone."""
    file = root / CORRECTIONS
    file.write_text(HEADER)
    return file


def decide(review: RunningReview, root: Path, **changes: object) -> tuple[int, bytes]:
    """Drop the first image of the page; return status and body."""
    image = page_images(root)[0]
    row = {"path": image["path"], "sha256": "", "action": "drop", "label": "", "note": ""}
    sha256 = sha256_bytes((root / CORRECTIONS).read_bytes())
    decision = {"path": image["path"], "file_sha256": sha256, "rows": [row]} | changes
    status, _, body = review.post("decision", json.dumps(decision).encode(), "application/json")
    return status, body


def test_the_page_is_served_and_kept_by_nobody(review: RunningReview) -> None:
    """It comes with a policy that knows its scripts, and headers that forbid frames and copies."""
    status, headers, body = review.request("GET", f"/{review.token}/")
    assert status == 200
    text = body.decode()
    assert "connect-src 'self'" in text
    assert text.count("'sha256-") == text.count("<script>")
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert review.token not in text
    assert "server" not in headers


def test_a_decision_is_in_the_file_at_once(review: RunningReview, root: Path) -> None:
    """It is answered with the content that the next decision rests on, and the page brings it."""
    status, body = decide(review, root)
    assert status == 200
    content = (root / CORRECTIONS).read_bytes()
    path = page_images(root)[0]["path"]
    assert content.decode() == f"{HEADER}{path},,drop,,\n"
    assert json.loads(body) == {"sha256": sha256_bytes(content)}
    page = review.request("GET", f"/{review.token}/")[2].decode()
    assert sha256_bytes(content) in page


def test_a_run_outside_is_awaited(review: RunningReview, root: Path) -> None:
    """While a stage has the lock of the folder, decisions wait, and no second run is started."""
    with stage_lock(root / PRIVATE_FOLDER, "ingest"):
        assert decide(review, root) == (423, b"a run is going")
        assert review.post("run", b"", "application/octet-stream")[0] == 409
        page = review.request("GET", f"/{review.token}/")[2].decode()
    assert '"running": true' in page or '"running":true' in page
    deadline = time.monotonic() + 30
    while decide(review, root)[0] != 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert (root / CORRECTIONS).read_text() != HEADER


def test_a_hand_edited_file_is_told_and_kept(review: RunningReview, root: Path) -> None:
    """A decision on an earlier content is a conflict that says what the file has for the photo."""
    path = page_images(root)[0]["path"]
    old = sha256_bytes((root / CORRECTIONS).read_bytes())
    by_hand = f"{HEADER}{path},,keep,cat,by hand\n"
    (root / CORRECTIONS).write_text(by_hand)
    status, body = decide(review, root, file_sha256=old)
    assert status == 409
    answer = json.loads(body)
    assert answer["sha256"] == sha256_bytes(by_hand.encode())
    assert [row["note"] for row in answer["rows"]] == ["by hand"]
    assert (root / CORRECTIONS).read_text() == by_hand


def test_a_broken_file_is_named(review: RunningReview, root: Path) -> None:
    """A file that lost its columns is an error in words, for the page and for a decision."""
    (root / CORRECTIONS).write_text("path,label\n")
    assert review.request("GET", f"/{review.token}/")[0] == 500
    status, body = decide(review, root)
    assert status == 500
    assert b"data/corrections.csv: no column named" in body
    assert (root / CORRECTIONS).read_text() == "path,label\n"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_what_another_page_could_send_changes_nothing(
    review: RunningReview, root: Path, headers: dict[str, str], status: int
) -> None:
    """A decision from another page, or as a form sends it, is refused, and the file stays."""
    body = json.dumps({"path": "x", "file_sha256": "", "rows": []}).encode()
    assert review.post("decision", body, "application/json", **headers)[0] == status
    assert (root / CORRECTIONS).read_text() == HEADER


def test_the_token_is_needed_for_all(review: RunningReview) -> None:
    """Without it neither page nor events nor anything else is there."""
    for path in ("/", "/index.html", f"/{review.token}", f"/{review.token[:-1]}/", "/x/events"):
        assert review.request("GET", path)[0] == 403
    origin = {"Origin": f"http://{review.authority}"}
    assert review.request("POST", "/x/run", b"", origin)[0] == 403


@pytest.mark.parametrize(
    "path",
    ["params.yaml", "../params.yaml", "..%2fparams.yaml", "%2e%2e/params.yaml", "static/x", "run/"],
)
def test_no_file_is_served_by_its_path(review: RunningReview, path: str) -> None:
    """No path of a client leads to a file."""
    status, _, body = review.request("GET", f"/{review.token}/{path}")
    assert status == 404
    assert b"seed" not in body


def test_a_body_is_no_longer_than_allowed(review: RunningReview) -> None:
    """What says that it is too long is refused before it is sent; what lies about it is cut off."""
    origin = {"Origin": f"http://{review.authority}"}
    kind = {"Content-Type": "application/octet-stream"}
    huge = {"Content-Length": str(65 * 2**20)}
    assert review.request("POST", f"/{review.token}/photo", None, origin | kind | huge)[0] == 413
    chunked = {"Transfer-Encoding": "chunked"}
    assert review.request("POST", f"/{review.token}/run", None, origin | chunked)[0] == 411


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"path": 1}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_decision_is_refused(review: RunningReview, root: Path, body: bytes) -> None:
    """Other JSON, no JSON and no text are refused with the reason."""
    assert review.post("decision", body, "application/json")[0] == 400
    assert (root / CORRECTIONS).read_text() == HEADER


def test_a_photo_is_answered_with_the_place(review: RunningReview, tmp_path: Path) -> None:
    """The answer has the classes, most probable first, the photo and where the model looked."""
    photo = make_photo(tmp_path / "photo.png", 3).read_bytes()
    status, _, body = review.post("photo", photo, "application/octet-stream")
    assert status == 200, body
    answer = json.loads(body)
    assert answer["problem"] == ""
    assert answer["predicted"] == answer["top"][0]["name"]
    shares = [each["probability"] for each in answer["top"]]
    assert shares == sorted(shares, reverse=True)
    assert answer["picture"].startswith("data:image/jpeg;base64,")
    assert answer["saliency"].startswith("data:image/jpeg;base64,")
    assert answer["saliency"] != answer["picture"]
    assert answer["trust"] == [answer["trust"][0]]  # there is no run of this model
    assert answer["sure"] is None


@pytest.mark.parametrize(
    "content", [b"", b"no photo", b"\xff\xd8\xff\xe0" + bytes(50), b"/etc/passwd"]
)
def test_what_is_no_photo_has_a_problem(review: RunningReview, content: bytes) -> None:
    """Bytes that are no photo are told as presize tells them; a path among them is no path."""
    status, _, body = review.post("photo", content, "application/octet-stream")
    assert status == 200
    answer = json.loads(body)
    assert answer["problem"]
    assert answer["picture"] == ""


def read_event(answer: http.client.HTTPResponse) -> dict[str, object]:
    """Return the next event."""
    while True:
        line = answer.readline()
        assert line
        if line.startswith(b"data: "):
            event: dict[str, object] = json.loads(line.removeprefix(b"data: "))
            return event


def test_a_run_is_shown_while_it_goes_and_nothing_is_saved_meanwhile(
    review: RunningReview, root: Path
) -> None:
    """Events tell its lines and its end; a decision waits; here, without git, the run fails."""
    host, port = review.authority.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=120)
    connection.request("GET", f"/{review.token}/events")
    answer = connection.getresponse()
    assert answer.getheader("content-type", "").startswith("text/event-stream")
    first = read_event(answer)
    assert (first["running"], first["number"]) == (False, 0)
    assert review.post("run", b"", "application/octet-stream")[0] == 202
    assert review.post("run", b"", "application/octet-stream")[0] == 409
    assert decide(review, root)[0] == 423
    assert (root / CORRECTIONS).read_text() == HEADER
    events = [read_event(answer)]
    while events[-1]["running"]:
        events.append(read_event(answer))
    connection.close()
    assert events[-1]["number"] == 1
    assert events[-1]["code"] != 0
    assert "not inside of a DVC repository" in str(events[-1]["tail"])
    assert decide(review, root)[0] == 200


def test_decisions_at_the_same_time_do_not_mix(review: RunningReview, root: Path) -> None:
    """Of two windows that decide on one content one is first, and the other is told."""
    old = sha256_bytes((root / CORRECTIONS).read_bytes())
    statuses: list[int] = []

    def one() -> None:
        statuses.append(decide(review, root, file_sha256=old)[0])

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, *[409] * 5]
    assert (root / CORRECTIONS).read_text().count("\n") == 2
