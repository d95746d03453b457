"""Local server: an application on a port of this computer that only this computer reaches."""

import errno
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from stages.base.errors import UserError

LOOPBACK = "127.0.0.1"
_TRIED = 20  # ports, from the one that is asked for on
# Or a port would stay taken for a minute after a server there has ended; on Windows that option
# would let two servers have one port, and another says that nobody else may.
_BINDING: int = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
_SECONDS_TO_END = 2  # for connections when the server ends


def open_port(first: int) -> socket.socket:
    """Return a listening socket on 127.0.0.1: the first free port from one on."""
    for port in range(first, min(first + _TRIED, 2**16)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, _BINDING, 1)
        try:
            listener.bind((LOOPBACK, port))
            listener.listen()
        except OSError as error:
            listener.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            continue
        return listener
    raise UserError(f"no port from {first} to {first + _TRIED - 1} is free; --port names another")


def serve(
    listener: socket.socket,
    application: Callable[[Callable[[], bool]], ASGIApp],
    started: Callable[[], None],
) -> None:
    """Serve until Ctrl-C, which is raised as KeyboardInterrupt once connections have ended.

    application: makes it, from what says whether the server is ending. started: is called once
    requests are answered.
    """

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started()

    config = uvicorn.Config(
        application(lambda: server.should_exit),
        log_level="critical",
        access_log=False,  # it would show the token
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,  # nobody stands between
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )
    server = Server(config)
    server.run(sockets=[listener])
