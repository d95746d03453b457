"""The folder of a run in a bucket: a mark while the run goes on, and what workers leave there.

A folder of this machine stands for the bucket; tests/cluster/test_shared_bucket.py has a server.
"""

import io
import tarfile
from pathlib import Path
from time import sleep

import pytest

from stages.base.bucket import Bucket
from stages.base.errors import UserError
from stages.cluster import scratch
from stages.cluster.scratch import (
    Scratch,
    bucket_apart,
    hand_over,
    is_over,
    leave,
    open_scratch,
    try_scratch,
    watch,
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    """Return the folder of a run, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scratch, "SECONDS_BETWEEN_REQUESTS", 0.01)
    (tmp_path / "bucket/run-1").mkdir(parents=True)
    one = Scratch(f"file://{tmp_path}/bucket/run-1")
    leave(one.url, "mark", b"")
    return one


def tar_of(name: str, content: bytes) -> bytes:
    """Return a tar with one file."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def test_what_is_left_is_taken(run: Scratch) -> None:
    """Files come out of the tar, which is in the bucket no longer."""
    leave(run.url, "1", tar_of("ab/c", b"content"))
    run.take("1", Path("cache"))
    assert Path("cache/ab/c").read_bytes() == b"content"
    assert [file.name for file in Path("bucket/run-1").iterdir()] == ["mark"]


def test_nothing_leaves_the_folder(run: Scratch) -> None:
    """A path in a tar that leads out of the folder is refused."""
    leave(run.url, "1", tar_of("../out", b"content"))
    with pytest.raises(tarfile.OutsideDestinationError):
        run.take("1", Path("cache"))
    assert not Path("out").exists()


def test_a_run_is_over_when_its_mark_has_gone(run: Scratch) -> None:
    """The end removes all, and a bucket that cannot be asked is no end."""
    leave(run.url, "left by a worker", b"")
    assert not is_over(run.url)
    run.close()
    assert is_over(run.url)
    assert not Path("bucket/run-1").exists()
    run.close()
    assert not is_over("nonsense://bucket/run-1")


def left(run: Scratch) -> list[str]:
    """Return what is in the folder of a run."""
    return sorted(file.name for file in Path(run.url.removeprefix("file://")).iterdir())


def test_a_worker_hands_over_while_the_run_goes_on(run: Scratch) -> None:
    """What it has made is there for the coordinator, and nothing of it once the run is over."""
    hand_over(run.url, "1", b"made")
    assert left(run) == ["1", "mark"]
    Path("bucket/run-1/mark").unlink()
    hand_over(run.url, "2", b"made")
    assert left(run) == ["1"]


@pytest.mark.parametrize("emptied", [False, True])
def test_what_is_left_as_the_run_ends_is_removed_by_its_worker(
    run: Scratch, monkeypatch: pytest.MonkeyPatch, emptied: bool
) -> None:
    """A run that ends during the upload removes what it sees, and the worker its own object."""

    def leave_late(url: str, name: str, content: bytes) -> None:
        leave(url, name, content)
        for gone in ("mark", name) if emptied else ("mark",):
            Path("bucket/run-1", gone).unlink()

    monkeypatch.setattr(scratch, "leave", leave_late)
    hand_over(run.url, "1", b"made")
    assert left(run) == []


def test_the_mark_of_a_machine_goes_with_the_run(run: Scratch) -> None:
    """A worker's processes look for a folder of their own machine, which ends within seconds."""
    mark = Path("here")
    mark.mkdir()
    watch(run.url, mark)
    assert mark.is_dir()
    run.close()
    for _ in range(500):
        if not mark.is_dir():
            break
        sleep(0.01)
    assert not mark.exists()


def test_where_nothing_can_be_written_the_variable_is_named(run: Scratch) -> None:
    """A worker that may write leaves nothing by the trial; one that may not takes no work."""
    try_scratch(run.url)
    assert [file.name for file in Path("bucket/run-1").iterdir()] == ["mark"]
    with pytest.raises(UserError, match=r"^FINETRACK_SCRATCH: .*/absent/.* cannot be written"):
        try_scratch(f"{run.url}/absent")


def test_the_next_run_ends_what_a_killed_one_left(
    run: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder goes, so that its workers stop; without the variable there is no folder at all."""
    assert open_scratch("s3://birds") is None
    # Of a bucket nobody makes a folder: it is there by what is in it.
    monkeypatch.setattr(scratch, "scratch_url", lambda: run.url)
    monkeypatch.setattr(scratch, "token_hex", lambda _: "0")
    Path("bucket/run-1/run-0").mkdir()
    killed = open_scratch("s3://birds")
    assert killed is not None
    assert not is_over(killed.url)
    monkeypatch.setattr(scratch, "token_hex", lambda _: "2")
    Path("bucket/run-1/run-2").mkdir()
    following = open_scratch("s3://birds")
    assert following is not None
    assert (following.name, is_over(killed.url), is_over(following.url)) == ("run-2", True, False)
    following.close()
    assert not Path(".finetrack/scratch.txt").exists()


def test_what_could_not_be_removed_is_left_to_the_next_run(
    run: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each such run has its line until its folder has gone; a line of another form is no folder."""
    unreachable = "nonsense://bucket/run-f"  # as where the network fails
    Path("other").mkdir()
    Path(".finetrack").mkdir()
    noted = Path(".finetrack/scratch.txt")
    noted.write_text(f"{unreachable}\n{run.url}\nfile://{Path.cwd()}/other\n")
    Path("bucket/run-1/mark").unlink()  # the run was ended in the middle of its removal
    leave(run.url, "left", b"")
    Path("bucket/run-2").mkdir()
    monkeypatch.setattr(scratch, "scratch_url", lambda: run.url.removesuffix("/run-1"))
    monkeypatch.setattr(scratch, "token_hex", lambda _: "2")
    following = open_scratch("s3://birds")
    assert following is not None
    assert noted.read_text().splitlines() == [unreachable, following.url]
    assert not Path("bucket/run-1").exists()
    assert Path("other").exists()
    following.close()
    assert noted.read_text().splitlines() == [unreachable]


@pytest.mark.parametrize(
    ("photos", "folder", "refused"),
    [
        ("s3://birds", "s3://birds/tmp", True),
        ("s3://birds/2024", "s3://birds/2024", True),
        ("s3a://birds", "s3://birds/tmp", True),
        ("s3://birds/2024", "s3://birds/20245", False),
        ("s3://birds/2024", "s3://birds", False),
        ("gs://birds", "s3://birds/tmp", False),
    ],
)
def test_nothing_is_written_among_the_photos(photos: str, folder: str, refused: bool) -> None:
    """A folder inside that of the photos is refused; one beside it with a longer name is not."""
    bucket = Bucket(photos)
    if refused:
        with pytest.raises(UserError, match=f"^FINETRACK_SCRATCH is inside {photos}, where"):
            bucket_apart(bucket, folder)
    else:
        assert bucket_apart(bucket, folder) == bucket


def test_a_folder_among_the_photos_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No mark is left in the bucket and no note of it here, also for photos in a folder."""
    monkeypatch.chdir(tmp_path)
    Path("bucket").mkdir()
    monkeypatch.setattr(scratch, "scratch_url", lambda: f"file://{tmp_path}/bucket")
    for images, said in ((f"file://{tmp_path}/bucket/", "is inside"), ("data/photos", "is for")):
        with pytest.raises(UserError, match=f"^FINETRACK_SCRATCH {said} "):
            open_scratch(images)
    assert [*Path("bucket").iterdir()] == []
    assert not Path(".finetrack").exists()
