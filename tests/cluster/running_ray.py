"""A Ray of several nodes on this machine, as people start them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from tests.cluster.running_dask import free_port, wait_until

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None,
    reason="Ray is not installed: pip install -r requirements-ray.txt -c requirements.txt",
)
SECONDS_TO_START = 300  # a node takes 3 s of computing, and ten times as long beside other work


class Ray:
    """A head, which is a node too, and other nodes, of one CPU each."""

    def __init__(self, folder: Path) -> None:
        """Begin with no node; their sockets lie in the folder, whose path must be short."""
        self.folder = folder
        self.nodes: list[subprocess.Popen[bytes]] = []
        self._port = free_port()
        self._port_for_clients = free_port()
        self.address = f"ray://127.0.0.1:{self._port_for_clients}"

    def add_head(self) -> None:
        """Start the head."""
        ports = ["--port", str(self._port), "--ray-client-server-port", str(self._port_for_clients)]
        self._start(["--head", *ports, "--include-dashboard", "false"])

    def add_node(self, within: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start another node, by a command that runs it elsewhere perhaps."""
        return self._start(["--address", f"127.0.0.1:{self._port}"], within)

    def stop(self) -> None:
        """End all of it."""
        for node in reversed(self.nodes):
            stop_node(node)

    def _start(self, options: Sequence[str], within: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
        little = ["--object-store-memory", str(80_000_000), "--include-log-monitor", "false"]
        # Nodes know of no source but by the run, as on a machine that has none.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
            "RAY_TMPDIR": str(self.folder),
            "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": str(SECONDS_TO_START),
            "RAY_worker_niceness": "0",  # 15 leaves tasks a fortieth of a core that others want
            "GRPC_ENABLE_FORK_SUPPORT": "0",  # with it a client waits for ever now and then
            "PYTHONUNBUFFERED": "1",  # it is known by its log when it has started
        }
        file = self.folder / f"node-{len(self.nodes)}.log"
        with file.open("wb") as log:
            node = subprocess.Popen(
                [*within, *start, "--num-cpus", "1", "--disable-usage-stats", *little, *options],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=environment,
            )
        self.nodes.append(node)
        wait_until(
            lambda: node.poll() is not None or "Ray runtime started" in file.read_text(),
            SECONDS_TO_START,
        )
        assert node.poll() is None, file.read_text()
        return node


def stop_node(node: subprocess.Popen[bytes]) -> None:
    """Kill a node with all of its processes."""
    with suppress(psutil.NoSuchProcess):
        processes = psutil.Process(node.pid).children(recursive=True)
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    node.kill()
    node.wait()


@contextmanager
def running_ray(nodes: int = 2) -> Iterator[Ray]:
    """Run so many nodes, the head among them."""
    with TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        one = Ray(Path(folder))
        try:
            one.add_head()
            for _ in range(nodes - 1):
                one.add_node()
            yield one
        finally:
            one.stop()
