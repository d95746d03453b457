"""The port is the first free one on the loopback, and is not reached from elsewhere."""

import socket

import pytest

from stages.base.errors import UserError
from stages.serve import local_server
from stages.serve.local_server import open_port


def test_a_port_in_use_leads_to_the_next() -> None:
    """While one server has a port, the second gets another behind it."""
    with open_port(20_000) as first:
        port = first.getsockname()[1]
        with open_port(port) as second:
            assert port < second.getsockname()[1] < port + 20


def test_the_port_is_on_the_loopback_alone() -> None:
    """Other computers cannot connect: the socket is bound to 127.0.0.1."""
    with open_port(20_000) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert listener.family == socket.AF_INET


def test_without_a_free_port_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all that are tried are taken, --port is the remedy."""
    monkeypatch.setattr(local_server, "_TRIED", 1)
    with open_port(20_000) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UserError, match="--port names another"):
            open_port(port)


def test_a_port_is_free_again_when_its_server_has_ended() -> None:
    """A connection that was open does not keep the port from the next server."""
    with open_port(20_000) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(listener.getsockname()), listener.accept()[0]:
            pass
    with open_port(port) as again:
        assert again.getsockname()[1] == port


def test_on_windows_nobody_shares_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a system has an option for one owner of a port, it takes the place of reuse."""
    monkeypatch.setattr(local_server, "_BINDING", socket.SO_KEEPALIVE)
    with open_port(20_000) as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert not listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
