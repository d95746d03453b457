"""The application behind `make review`: the page, decisions, the run and its events, a photo."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from threading import Lock

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from stages.base.errors import UserError
from stages.serve.corrections_file import (
    ChangedElsewhereError,
    PhotoDecision,
    read_state,
    save_decision,
)
from stages.serve.dropped_photo import DroppedPhotos
from stages.serve.outside_run import OutsideRun
from stages.serve.rerun import Rerun, RerunState
from stages.serve.served_page import read_report_page, served_page

# Bytes that a request may bring: cells of 10,000 characters, and a photo of any camera.
LARGEST_BODIES = {"/decision": 2**20, "/run": 0, "/photo": 64 * 2**20}
_SECONDS_BETWEEN_EVENTS = 0.2  # a bar redraws itself every .1 s
_SECONDS_OF_SILENCE = 10  # until a comment shows that the connection is alive


@dataclass(frozen=True, kw_only=True)
class ReviewFiles:
    """What is served and what is written."""

    page: Path
    corrections: Path


class ReviewServer:
    """What a person at the page can do, one request after another where a file is written."""

    def __init__(
        self, files: ReviewFiles, rerun: Rerun, outside: OutsideRun, dropped: DroppedPhotos
    ) -> None:
        """Take the files, the command that runs again, others' runs, the model for photos."""
        self._files = files
        self._rerun = rerun
        self._outside = outside
        self._dropped = dropped
        self._writing = Lock()

    def application(self, is_ending: Callable[[], bool]) -> Starlette:
        """Return the application; is_ending: whether open connections should end."""

        async def page(_: Request) -> Response:
            return HTMLResponse(await run_in_threadpool(self._page))

        async def decide(request: Request) -> Response:
            _require_type(request, "application/json")
            return await run_in_threadpool(self._decide, await _body(request, "/decision"))

        async def run(_: Request) -> Response:
            started = await run_in_threadpool(self._run)
            return Response(status_code=HTTPStatus.ACCEPTED if started else HTTPStatus.CONFLICT)

        async def events(_: Request) -> Response:
            return StreamingResponse(self._events(is_ending), media_type="text/event-stream")

        async def photo(request: Request) -> Response:
            _require_type(request, "application/octet-stream")
            content = await _body(request, "/photo")
            return JSONResponse(asdict(await run_in_threadpool(self._dropped.ask, content)))

        routes = [
            Route("/", page, methods=["GET"]),
            Route("/events", events, methods=["GET"]),
            Route("/decision", decide, methods=["POST"]),
            Route("/run", run, methods=["POST"]),
            Route("/photo", photo, methods=["POST"]),
        ]
        application = Starlette(routes=routes, exception_handlers={UserError: _say_error})
        application.router.redirect_slashes = False  # the address would lack the token
        return application

    def _page(self) -> str:
        report = read_report_page(self._files.page)
        state = read_state(self._files.corrections, report.photos, report.decided)
        running = self._state().running
        return served_page(report, state, self._files.corrections.as_posix(), running)

    def _run(self) -> bool:
        with self._writing:
            return not self._state().running and self._rerun.start()

    def _state(self) -> RerunState:
        return self._outside.seen_beside(self._rerun.state())

    def _decide(self, content: bytes) -> Response:
        try:
            decision = PhotoDecision.model_validate_json(content)
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            raise HTTPException(HTTPStatus.BAD_REQUEST, f"no decision: {detail['msg']}") from None
        with self._writing:
            if self._state().running:
                # DVC takes what the file is at the end of a stage for what the stage has read.
                return PlainTextResponse("a run is going", HTTPStatus.LOCKED)
            photos = read_report_page(self._files.page).photos
            try:
                state = save_decision(self._files.corrections, decision, photos)
            except ChangedElsewhereError as changed:
                rows = [row for row in changed.state.rows if row["path"] == decision.path]
                body = {"sha256": changed.state.sha256, "rows": rows}
                return JSONResponse(body, HTTPStatus.CONFLICT)
        return JSONResponse({"sha256": state.sha256})

    async def _events(self, is_ending: Callable[[], bool]) -> AsyncIterator[str]:
        """Yield the state of the run as server-sent events, whenever it is another."""
        last: RerunState | None = None
        silent = 0.0
        while not is_ending():
            state = self._state()
            if state != last:
                yield f"data: {json.dumps(asdict(state))}\n\n"
                last = state
                silent = 0.0
            elif silent >= _SECONDS_OF_SILENCE:
                yield ":\n\n"
                silent = 0.0
            await asyncio.sleep(_SECONDS_BETWEEN_EVENTS)
            silent += _SECONDS_BETWEEN_EVENTS


async def _body(request: Request, path: str) -> bytes:
    """Return the body; where it is longer than its header said, nothing more is read."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > LARGEST_BODIES[path]:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return bytes(content)


def _require_type(request: Request, kind: str) -> None:
    """Refuse a body of another type: those of a form pass from page to page without a question."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != kind:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body has to be {kind}")


async def _say_error(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{error}\n", HTTPStatus.INTERNAL_SERVER_ERROR)
