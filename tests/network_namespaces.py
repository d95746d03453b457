"""Two network namespaces of this machine, which are as good as two machines with a shared disk."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

ADDRESSES = ("10.77.0.1", "10.77.0.2")
NAMES = tuple(f"finetrack{number}-{os.getpid()}" for number in range(2))


def ip(*arguments: str) -> None:
    """Run ip, which sets up network devices."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def network_namespaces() -> Iterator[tuple[str, ...]]:
    """Make two network namespaces with a cable between them; skip the test where it may not."""
    if shutil.which("ip") is None:
        pytest.skip("there is no ip, which makes network namespaces")
    try:
        for name in NAMES:
            ip("netns", "add", name)
        first, second = NAMES
        ip("link", "add", "cable", "netns", first, "type", "veth",
           "peer", "name", "cable", "netns", second)  # fmt: skip
        for name, address in zip(NAMES, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            ip("-n", name, "link", "set", "cable", "up")
            ip("-n", name, "link", "set", "lo", "up")
    except subprocess.CalledProcessError:
        pytest.skip("network namespaces may not be made here")
    else:
        yield NAMES
    finally:
        for name in NAMES:
            with suppress(subprocess.CalledProcessError):
                ip("netns", "delete", name)
