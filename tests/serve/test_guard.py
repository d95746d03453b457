"""Every request that is not of our own page is refused, each for its reason."""

import re
import shlex
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.datastructures import Headers

from stages.serve.guard import GuardRules, inner_path, refuse_request

REVIEW = Path(__file__).parents[2] / "docs/review.md"
OURS = "127.0.0.1:8123"
RULES = GuardRules(authority=OURS, token="secret", most_bytes={"/photo": 100, "/run": 0})
GET = {"host": OURS}
POST = {"host": OURS, "origin": f"http://{OURS}", "content-length": "100"}


def status(method: str, path: str, headers: dict[str, str]) -> HTTPStatus | None:
    """Return the status of the refusal, None where there is none."""
    refused = refuse_request(method, inner_path(path, RULES.token), Headers(headers), RULES)
    return refused.status if refused else None


def test_our_own_requests_pass() -> None:
    """An address that is typed, the page's own questions, and its own posts are answered."""
    assert status("GET", "/secret/", GET) is None
    assert status("GET", "/secret/", GET | {"sec-fetch-site": "none"}) is None
    assert status("GET", "/secret/events", GET | {"sec-fetch-site": "same-origin"}) is None
    assert status("POST", "/secret/photo", POST | {"sec-fetch-site": "same-origin"}) is None
    assert status("POST", "/secret/run", POST | {"content-length": "0"}) is None


@pytest.mark.parametrize(
    "host", ["localhost:8123", "evil.example:8123", "127.0.0.1", "127.0.0.1:1"]
)
def test_another_host_is_refused(host: str) -> None:
    """A name that was made to lead here (DNS rebinding) is another host."""
    assert status("GET", "/secret/", GET | {"host": host}) == HTTPStatus.FORBIDDEN
    assert status("GET", "/secret/", {}) == HTTPStatus.FORBIDDEN


def test_two_hosts_are_refused() -> None:
    """A request with two hosts is of no browser."""
    headers = Headers(raw=[(b"host", OURS.encode()), (b"host", b"evil.example")])
    refused = refuse_request("GET", "/", headers, RULES)
    assert refused is not None
    assert refused.status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", f"https://{OURS}", "http://localhost:8123", "", "file://"],
)
def test_another_origin_is_refused(origin: str) -> None:
    """A page of another origin, of no origin, and a file cannot post or even ask."""
    assert status("POST", "/secret/photo", POST | {"origin": origin}) == HTTPStatus.FORBIDDEN
    assert status("GET", "/secret/", GET | {"origin": origin}) == HTTPStatus.FORBIDDEN


def test_the_documented_curl_passes() -> None:
    """The command in docs/review.md has the headers that a POST needs, Origin among them."""
    [command] = re.findall(r"^\$ curl (.+)$", REVIEW.read_text("utf-8"), re.MULTILINE)
    *words, address = shlex.split(command)
    given = [word.split(": ") for flag, word in pairwise(words) if flag == "-H"]
    headers = {name.lower(): value.replace("127.0.0.1:8123", OURS) for name, value in given}
    sent = {"host": OURS, "content-length": "100", **headers}
    assert urlsplit(address).path.endswith("/photo")
    assert sent["content-type"] == "application/octet-stream"
    assert status("POST", "/secret/photo", sent) is None
    del sent["origin"]
    assert status("POST", "/secret/photo", sent) == HTTPStatus.FORBIDDEN


def test_a_post_without_an_origin_is_refused() -> None:
    """Browsers send it with each post; who does not is no page."""
    headers = {name: value for name, value in POST.items() if name != "origin"}
    assert status("POST", "/secret/photo", headers) == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("site", ["cross-site", "same-site", "x"])
def test_another_site_is_refused(site: str) -> None:
    """A link, a picture or a frame in another page is of another site, as the browser says."""
    assert status("GET", "/secret/", GET | {"sec-fetch-site": site}) == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "path", ["/", "/secret", "/secre/", "/secrets/", "//secret/", "/sécret/", "/public/secret/"]
)
def test_without_the_token_nothing_is_answered(path: str) -> None:
    """The token is the whole first part of the path."""
    assert status("GET", path, GET) == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/secret/photo"),
        ("DELETE", "/secret/"),
        ("OPTIONS", "/secret/photo"),
        ("POST", "/secret/"),
        ("POST", "/secret/events"),
    ],
)
def test_other_methods_are_refused(method: str, path: str) -> None:
    """Nothing is put or deleted, no question before a request of another page is answered yes."""
    assert status(method, path, POST) == HTTPStatus.METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        ("101", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ("9" * 5000, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        ("", HTTPStatus.LENGTH_REQUIRED),
        ("-1", HTTPStatus.LENGTH_REQUIRED),
        ("1_0", HTTPStatus.LENGTH_REQUIRED),
        ("\u0661", HTTPStatus.LENGTH_REQUIRED),
        ("100", None),
    ],
)
def test_a_body_has_a_length_within_the_limit(length: str, expected: HTTPStatus | None) -> None:
    """A length that is none is refused, and so is one byte too many."""
    raw = [
        (name.encode(), value.encode())
        for name, value in (POST | {"content-length": length}).items()
    ]
    refused = refuse_request("POST", "/photo", Headers(raw=raw), RULES)
    assert (refused.status if refused else None) == expected
