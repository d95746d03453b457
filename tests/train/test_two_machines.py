"""Two machines, which are two network namespaces, train one model as the README says."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.base.ranks import Rank
from tests.network_namespaces import ADDRESSES, network_namespaces
from tests.train import two_processes

ROOT = Path(__file__).parents[2]
COMMAND = (
    *(sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=2"),
    *("--rdzv-backend=c10d", f"--rdzv-endpoint={ADDRESSES[0]}:29500"),
)


@pytest.fixture
def machines() -> Iterator[tuple[str, ...]]:
    """Return two network namespaces with a cable between them."""
    with network_namespaces() as names:
        yield names


@pytest.mark.slow
@pytest.mark.thorough
def test_two_machines_equal_one_process(machines: tuple[str, ...], tmp_path: Path) -> None:
    """Four processes on two machines end with the weights and predictions of one, to 1e-5."""
    two_processes.train(tmp_path)
    (tmp_path / "checkpoint").unlink()
    starts = [
        # Both have this host's name, so that each is told whether it is the host of the meeting.
        subprocess.Popen(
            ["ip", "netns", "exec", name, *COMMAND, f"--local-addr={address}",
             f"--rdzv-conf=is_host={int(name == machines[0])}",
             "-m", "tests.train.two_machines", str(tmp_path)],
            cwd=ROOT,
            env=os.environ | {"GLOO_SOCKET_IFNAME": "cable"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, address in zip(machines, ADDRESSES, strict=True)
    ]  # fmt: skip
    outputs = [start.communicate()[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0], "\n".join(outputs)
    alone = np.load(two_processes.result_file(tmp_path, Rank(0, 1)))
    for number in range(4):
        together = np.load(two_processes.result_file(tmp_path, Rank(number, 4)))
        for name in alone.files:
            assert together[name] == pytest.approx(alone[name], abs=1e-5), name
