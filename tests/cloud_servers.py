"""Servers on this machine that speak the protocols of Google's storage and of Azure's."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.cluster.running_dask import wait_until

AZURITE = "azurite-blob"
# The account and the key that Azurite has for everybody.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def google_server() -> Iterator[str]:
    """Run gcp-storage-emulator for a block; return its address."""
    from gcp_storage_emulator.server import create_server

    port = free_port()
    server = create_server("127.0.0.1", port, in_memory=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


@contextmanager
def azure_server(folder: Path) -> Iterator[str]:
    """Run Azurite in a folder for a block; return its address."""
    port = free_port()
    program = shutil.which(AZURITE)
    assert program
    options = ("--skipApiVersionCheck", "--disableTelemetry")
    command = [program, "--blobPort", str(port), "--location", str(folder), *options]
    log = folder / "azurite.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: b"successfully listens" in log.read_bytes())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def connection_string(address: str, key: str = KEY) -> str:
    """Return what the environment says of Azurite."""
    endpoint = f"BlobEndpoint={address}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};{endpoint};"


@contextmanager
def refusing_google(status: int, message: str) -> Iterator[str]:
    """Answer every request as Google does that refuses it; the emulator asks nobody for a key."""
    body = json.dumps({"error": {"code": status, "message": message}}).encode()

    class Refusal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return server.server_port


def clear_environment() -> None:
    """Take from the environment what leads to a real account."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "GOOGLE_", "STORAGE_EMULATOR", "GCE_", "CLOUDSDK_")):
            del os.environ[name]
