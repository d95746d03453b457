"""Guard: of the requests that reach a port of this computer, only those of our own page pass.

Every page in the browser, and every program of every user here, can send requests to a port on
127.0.0.1. So each has to name this server as its host (another name may have been made to lead
here: DNS rebinding), must not come from another page (Origin, Sec-Fetch-Site), and has to know the
token, which stands in the address and in no header that another page could set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN_SITES = ("same-origin", "none")  # none: typed, or opened by a program
_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True)
class Refusal:
    """The status and the sentence with which a request is refused."""

    status: HTTPStatus
    reason: str


@dataclass(frozen=True, kw_only=True)
class GuardRules:
    """What a request has to know, and how many bytes it may bring."""

    authority: str  # 127.0.0.1:8123
    token: str
    most_bytes: Mapping[str, int]  # of the body, by the path behind the token; POST is for these


def inner_path(path: str, token: str) -> str | None:
    """Return the path behind the token, None where the token is another, in constant time.

    >>> inner_path("/secret/run", "secret"), inner_path("/public/run", "secret")
    ('/run', None)
    """
    named, slash, rest = path.removeprefix("/").partition("/")
    known = compare_digest(named.encode("utf-8", "replace"), token.encode("utf-8"))
    return f"/{rest}" if known and slash else None


def refuse_request(
    method: str, path: str | None, headers: Headers, rules: GuardRules
) -> Refusal | None:
    """Return why a request is refused, None where it may pass.

    path: as of `inner_path`.
    """
    origins = headers.getlist("origin")
    sites = headers.getlist("sec-fetch-site")
    forbidden = {
        "another host is asked for": headers.getlist("host") != [rules.authority],
        "it comes from another page": not set(origins) <= {f"http://{rules.authority}"},
        "it comes from another site": not set(sites) <= set(_OWN_SITES),
        "the address lacks the token; take the one that was printed": path is None,
        "it does not say from which page it comes": method == "POST" and not origins,
    }
    for reason, applies in forbidden.items():
        if applies:
            return Refusal(HTTPStatus.FORBIDDEN, reason)
    if method in ("GET", "HEAD"):
        return None
    most = rules.most_bytes.get(path or "")
    if method != "POST" or most is None:
        return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "nothing here takes such a request")
    return _length_refusal(headers.get("content-length", ""), most)


def _length_refusal(length: str, most: int) -> Refusal | None:
    if not (length.isascii() and length.isdecimal()):
        return Refusal(HTTPStatus.LENGTH_REQUIRED, "it does not say its length")
    if len(length) > 12 or int(length) > most:
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"it has more than {most:,} bytes")
    return None


class Guard:
    """The application behind the checks; what it answers may be kept and framed by nobody."""

    def __init__(self, app: ASGIApp, rules: GuardRules) -> None:
        """Take the application, which gets paths without the token."""
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # a web socket
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        path = inner_path(scope["path"], self._rules.token)
        refused = refuse_request(scope["method"], path, Headers(scope=scope), self._rules)
        if refused:
            answer = PlainTextResponse(f"Refused: {refused.reason}.\n", refused.status)
            await answer(scope, receive, send_guarded)
            return
        await self._app(
            {**scope, "path": path, "raw_path": (path or "").encode()}, receive, send_guarded
        )
