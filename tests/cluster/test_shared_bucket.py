"""Presize over machines that share nothing but buckets: two network namespaces, each its disks.

The server that speaks S3 and the scheduler run in the first. .ci/run installs
requirements-extra.txt for these tests.
"""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cluster.running_dask import (
    Dask,
    free_port,
    needs_dask,
    results,
    spread_project,
    wait_until,
    without_results,
)
from tests.network_namespaces import ADDRESSES, network_namespaces
from tests.tiny_repo import Repo

pytestmark = [
    pytest.mark.slow,
    pytest.mark.thorough,
    needs_dask,
    pytest.mark.skipif(not find_spec("moto"), reason="needs moto, of requirements-extra.txt"),
]
PHOTOS = 40  # of each of three classes
PHOTOS_URL = "s3://birds/2024"
SCRATCH_URL = "s3://birds-scratch/presize"
UPLOAD = """
import sys
from pathlib import Path
import boto3
client = boto3.client("s3")
for bucket in ("birds", "birds-scratch"):
    client.create_bucket(Bucket=bucket)
for file in sorted(Path(sys.argv[1]).iterdir()):
    client.put_object(Bucket="birds", Key=f"2024/{file.name}", Body=file.read_bytes())
"""
LIST = """
import boto3
found = boto3.client("s3").list_objects_v2(Bucket="birds-scratch").get("Contents", [])
print(*[one["Key"] for one in found])
"""


@dataclass
class Machine:
    """A network namespace in which folders of the project are empty, and a temporary one is own."""

    name: str
    temporary: Path
    empty: tuple[Path, ...] = ()
    room: str = "100m"  # of the temporary folder
    knobs: tuple[str, ...] = ()  # of its environment

    def command(self) -> list[str]:
        """Return what runs a command there."""
        mounts = [f"mount -t tmpfs none {shlex.quote(str(folder))}" for folder in self.empty]
        mounts += [f"mount -t tmpfs -o size={self.room} none {shlex.quote(str(self.temporary))}"]
        script = f'{" && ".join(mounts)} && exec "$@"'
        inside = ["ip", "netns", "exec", self.name, "unshare", "-m", "sh", "-c", script, "sh"]
        return [*inside, "env", f"TMPDIR={self.temporary}", *self.knobs]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """Return a project in which one machine has run ingest and presize. Not to be changed."""
    return spread_project(tmp_path_factory.mktemp("expected") / "repo", PHOTOS)


@pytest.fixture
def repo(expected: Repo, tmp_path: Path) -> Repo:
    """Return a copy of it without results and photos, which are in a bucket."""
    repo = without_results(expected, tmp_path / "repo")
    (repo.path / ".finetrack").mkdir()
    return repo


@pytest.fixture
def machines(repo: Repo, tmp_path: Path) -> Iterator[list[Machine]]:
    """Make two machines that have the source alone, at the same path, and a bucket with photos."""
    with network_namespaces() as names, ExitStack() as stack:
        port = free_port()
        address = f"http://{ADDRESSES[0]}:{port}"
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": address}
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in (keys | {"AWS_DEFAULT_REGION": "us-east-1"}).items():
            patch.setenv(name, value)
        stack.enter_context(s3(names[0], port, tmp_path))
        photos = repo.path / "data/photos"
        python_at(names[0], UPLOAD, str(photos))
        (tmp_path / "tmp").mkdir()
        empty = (repo.path / ".finetrack", repo.path / "data")
        yield [Machine(name, tmp_path / "tmp", empty) for name in names]


@contextmanager
def s3(name: str, port: int, folder: Path) -> Iterator[None]:
    """Run a server that speaks S3 in a network namespace."""
    options = ["-H", ADDRESSES[0], "-p", str(port)]
    log = folder / "s3.log"
    with log.open("wb") as output:
        command = ["ip", "netns", "exec", name, sys.executable, "-m", "moto.server", *options]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until(lambda: b"Running on" in log.read_bytes())
        yield
    finally:
        process.terminate()
        process.wait()


def python_at(name: str, code: str, *arguments: str) -> str:
    """Run a text of Python in a network namespace; return what it prints."""
    command = ["ip", "netns", "exec", name, sys.executable, "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def run_there(repo: Repo, machines: list[Machine], folder: Path) -> str:
    """Run ingest and presize on the first machine, over workers on both; return what they say."""
    repo.change({"ingest.images": PHOTOS_URL})
    one = Dask(folder, ADDRESSES[0], within=["ip", "netns", "exec", machines[0].name])
    said = []
    try:
        for machine, address in zip(machines, ADDRESSES, strict=True):
            one.add_worker("--host", address, within=machine.command())
        for number in range(2):
            log = folder / f"worker-{number}.log"
            wait_until(lambda log=log: "Registered" in log.read_text())  # type: ignore[misc]
        knobs = [f"FINETRACK_EXECUTOR={one.address}", f"FINETRACK_SCRATCH={SCRATCH_URL}"]
        for stage in ("ingest", "presize"):
            inside = ["ip", "netns", "exec", machines[0].name, sys.executable, "-m"]
            said += [repo.run("env", *knobs, *inside, f"stages.{stage}")]
    finally:
        one.stop()
    return "\n".join(said)


def test_machines_that_share_buckets_alone_write_the_same(
    repo: Repo, expected: Repo, machines: list[Machine], tmp_path: Path
) -> None:
    """Neither worker sees the data; the store is that of one machine, and nothing is left."""
    said = run_there(repo, machines, tmp_path)
    assert results(repo) == results(expected)
    assert " 0 reused" in said
    assert "takes no work" not in said
    assert python_at(machines[0].name, LIST).split() == []


def test_a_full_disk_on_one_machine_costs_no_photo(
    repo: Repo, expected: Repo, machines: list[Machine], tmp_path: Path
) -> None:
    """Its tasks are done on the other, and the run names it with what it could not write."""
    full = replace(machines[1], room="16k")
    said = run_there(repo, [machines[0], full], tmp_path)
    assert results(repo) == results(expected)
    assert f"worker tcp://{ADDRESSES[1]}" in said
    assert "it fails where others do not" in said
    assert "No space left on device" in said


def test_a_machine_that_may_not_write_the_bucket_takes_no_work(
    repo: Repo, expected: Repo, machines: list[Machine], tmp_path: Path
) -> None:
    """A worker that cannot reach the scratch folder is named before it has any photo."""
    blind = replace(machines[1], knobs=("AWS_ENDPOINT_URL=http://127.0.0.1:1",))
    said = run_there(repo, [machines[0], blind], tmp_path)
    assert results(repo) == results(expected)
    assert f"worker tcp://{ADDRESSES[1]}" in said
    assert "takes no work: " in said
