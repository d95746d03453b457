"""The writer: the same bytes after any history, and an outcome for each photo."""

import fcntl
import io
import os
import re
import resource
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np
import pandas as pd
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.seed import derive
from stages.images.resize import PresizeParams
from stages.store.reader import Store, read_index
from stages.store.shard import PresizeOutcome
from stages.store.writer import presize_table, shard_of, write_store
from tests.dataset.test_scan import ordinary_user
from tests.measured_memory import measured_memory

PARAMS = PresizeParams(size=24, format="jpeg", quality=92, shards=3, max_rejected=0.05)
# What a child process runs, so that it can be killed.
CHILD = """
import sys
from pathlib import Path
from tests.store.test_writer import PARAMS, manifest, write
write(Path(sys.argv[1]), manifest(Path(sys.argv[1])), workers=int(sys.argv[2]))
"""


def picture(seed: int, width: int = 40, height: int = 30) -> Image.Image:
    """Return a smooth random picture."""
    coarse = derive(seed, "picture").integers(0, 256, (4, 5, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def saved(image: Image.Image, format_name: str = "JPEG", **options: object) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def add(root: Path, files: dict[str, bytes]) -> None:
    """Put photos into the folder."""
    for path, content in files.items():
        file = root / "photos" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def large_photos(numbers: range, **options: int) -> dict[str, bytes]:
    """Return JPEG files that need presizing."""
    return {f"{number:03}.jpg": saved(picture(number, **options)) for number in numbers}


def commented(content: bytes, count: int) -> dict[str, bytes]:
    """Return copies of one JPEG that differ by a comment, since to encode each takes long."""
    start = content[:2]
    rest = content[2:]
    comments = {f"{number:03}.jpg": f"{number:08}".encode() for number in range(count)}
    marker = b"\xff\xfe\x00\x0a"
    return {name: start + marker + comment + rest for name, comment in comments.items()}


def manifest(root: Path) -> pd.DataFrame:
    """Return path and sha256 of all photos, as ingest does."""
    photos = root / "photos"
    files = sorted(path for path in photos.rglob("*") if path.is_file())
    rows = [(str(f.relative_to(photos)), sha256_bytes(f.read_bytes())) for f in files]
    return pd.DataFrame(rows, columns=["path", "sha256"], dtype="str")


def write(
    root: Path, images: pd.DataFrame, params: PresizeParams = PARAMS, workers: int = 1
) -> pd.DataFrame:
    """Write the store of a folder, and return the outcome of each photo, by path."""
    outcomes = write_store(
        images, root / "photos", root / "store", root / "private", params, workers
    )
    assert outcomes["path"].tolist() == sorted(images["path"])
    return outcomes.set_index("path")


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def members_of(shard: Path) -> int:
    """Return the number of images in a shard."""
    with tarfile.open(shard) as tar:
        return len(tar.getmembers())


def from_nothing(root: Path, params: PresizeParams = PARAMS) -> dict[str, bytes]:
    """Return the files of a store built in one go, with nothing to reuse."""
    write_store(manifest(root), root / "photos", root / "clean", root / "other", params, 1)
    return content(root / "clean")


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(1, 4096))
@settings(derandomize=True, deadline=None)
def test_the_first_digits_choose_the_shard(sha256: str, shards: int) -> None:
    """Every shard number is in range, and follows the order of the hashes."""
    number = shard_of(sha256, shards)
    assert 0 <= number < shards
    assert number == int(int(sha256, 16) / 16**64 * shards) or sha256.startswith("ffffffff")
    assert shard_of("0" * 64, shards) == 0
    assert shard_of("f" * 64, shards) == shards - 1


def test_shards_are_plain_tar_files(tmp_path: Path) -> None:
    """Members are sorted, without date or owner, and lie where the index says."""
    add(tmp_path, large_photos(range(12)))
    write(tmp_path, manifest(tmp_path))
    index = read_index(tmp_path / "store")
    for shard in index["shard"].unique():
        rows = index[index["shard"] == shard].sort_values("offset")
        with tarfile.open(tmp_path / "store" / shard) as tar:
            members = tar.getmembers()
        assert [m.name for m in members] == sorted(f"{sha}.jpg" for sha in rows["sha256"])
        assert {(m.mtime, m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, 0, "", "")}
        assert [m.offset_data for m in members] == rows["offset"].tolist()
        assert [m.size for m in members] == rows["length"].tolist()


def test_exact_duplicates_are_stored_once(tmp_path: Path) -> None:
    """Two paths of one content have a row each and share the bytes; a wrong name is counted."""
    same = saved(picture(1))
    add(tmp_path, {"a.jpg": same, "b.png": same, "c.jpg": saved(picture(2))})
    outcomes = write(tmp_path, manifest(tmp_path))
    index = read_index(tmp_path / "store").set_index("path")
    places = index[["shard", "offset", "length"]].to_dict("index")
    assert places["a.jpg"] == places["b.png"] != places["c.jpg"]
    assert sum(map(members_of, (tmp_path / "store").glob("*.tar"))) == 2
    assert outcomes["traits"].tolist() == [(), ("wrong extension",), ()]


def test_small_photos_are_stored_as_they_are_coded(tmp_path: Path) -> None:
    """What passes through is in the store byte for byte, less its metadata, reused or not."""
    small = saved(picture(1, 30, 20), quality=40)
    add(tmp_path, {"small.jpg": saved(picture(1, 30, 20), quality=40, comment=b"at home")})
    for _ in range(2):
        assert write(tmp_path, manifest(tmp_path)).loc["small.jpg", "passed_through"]
        assert bytes(Store(tmp_path / "store").encoded("small.jpg")) == small


def test_of_every_rotten_photo_the_bytes_are_refused(tmp_path: Path) -> None:
    """Of 72 stored photos with bytes flipped, zeroed or shifted, none is read; each is named."""
    add(tmp_path, large_photos(range(72)))
    write(tmp_path, manifest(tmp_path))
    draw = derive(1, "rot")
    shards = {
        file.name: bytearray(file.read_bytes()) for file in (tmp_path / "store").glob("*.tar")
    }
    index = read_index(tmp_path / "store")
    for number, row in enumerate(index.to_dict("records")):
        shard = shards[row["shard"]]
        start = row["offset"] + int(draw.integers(row["length"] // 2, row["length"] - 20))
        match number % 3:
            case 0:
                shard[start] ^= 1 << int(draw.integers(8))
            case 1:
                shard[start : start + 16] = bytes(16)
            case 2:
                shard[start : start + 16] = shard[start + 1 : start + 17]
    for name, rotten in shards.items():
        (tmp_path / "store" / name).write_bytes(rotten)
    store = Store(tmp_path / "store")
    for path, shard_name in zip(index["path"], index["shard"], strict=True):
        for read in (store.encoded, store.image):
            with pytest.raises(UserError, match=rf"{shard_name} \(at {path}\) is .* damaged; .*-f"):
                read(path)


def test_bytes_do_not_depend_on_history(tmp_path: Path) -> None:
    """Additions, removals, other params and reuse end in the bytes of a build from nothing."""
    add(tmp_path, large_photos(range(8)))
    write(tmp_path, manifest(tmp_path))
    add(
        tmp_path,
        large_photos(range(8, 14)) | {"bad.jpg": b"no image", "again.jpg": saved(picture(3))},
    )
    (tmp_path / "photos" / "002.jpg").unlink()
    write(tmp_path, manifest(tmp_path), PARAMS.model_copy(update={"shards": 7}))
    write(tmp_path, manifest(tmp_path), PARAMS.model_copy(update={"size": 16}))
    add(tmp_path, large_photos(range(14, 20)))
    outcomes = write(tmp_path, manifest(tmp_path))
    assert not outcomes["reused"].any()  # the cache of the other size had replaced theirs
    again = write(tmp_path, manifest(tmp_path))
    assert again["reused"].all()
    assert content(tmp_path / "store") == from_nothing(tmp_path)


def test_only_new_photos_are_decoded(tmp_path: Path) -> None:
    """After an addition all but the new come from the cache, refused and passed through too."""
    small = saved(picture(7, 30, 20))
    add(tmp_path, large_photos(range(6)) | {"bad.jpg": b"no image", "small.jpg": small})
    for reused in (False, True, True):
        assert (write(tmp_path, manifest(tmp_path))["reused"] == reused).all()
    add(tmp_path, large_photos(range(6, 9)))
    outcomes = write(tmp_path, manifest(tmp_path), PARAMS.model_copy(update={"shards": 5}))
    assert outcomes.index[~outcomes["reused"]].tolist() == ["006.jpg", "007.jpg", "008.jpg"]
    assert outcomes.loc["bad.jpg", "problem"] == "not an image"


def test_a_damaged_cache_entry_is_encoded_again(tmp_path: Path) -> None:
    """What a power cut left half written counts as absent."""
    add(
        tmp_path, large_photos(range(6)) | {"passes.jpg": saved(picture(7, 30, 20)), "bad.jpg": b""}
    )
    write(tmp_path, manifest(tmp_path))
    cached = sorted((tmp_path / "private").glob("*/??/*"))
    cached[0].write_bytes(cached[0].read_bytes()[:-5])
    cached[1].write_bytes(b"")
    for log in (tmp_path / "private").glob("*/logs/*"):
        log.write_bytes(bytes(log.stat().st_size))
    assert write(tmp_path, manifest(tmp_path))["reused"].sum() == 4
    assert content(tmp_path / "store") == from_nothing(tmp_path)


def test_the_cache_has_the_wanted_results_alone(tmp_path: Path) -> None:
    """Removed photos and other params leave nothing behind, nor do unfinished files."""
    add(tmp_path, large_photos(range(6)))
    write(tmp_path, manifest(tmp_path), PARAMS.model_copy(update={"size": 16}))
    (tmp_path / "photos" / "001.jpg").unlink()
    write(tmp_path, manifest(tmp_path))
    assert len(list((tmp_path / "private").glob("*/??/*"))) == 5
    folders = [path for path in (tmp_path / "private").iterdir() if path.is_dir()]
    assert len(folders) == 1


def test_fewer_shards_leave_none_of_the_old(tmp_path: Path) -> None:
    """The folder has one store, not the remains of two."""
    add(tmp_path, large_photos(range(9)))
    write(tmp_path, manifest(tmp_path), PARAMS.model_copy(update={"shards": 9}))
    write(tmp_path, manifest(tmp_path), PARAMS.model_copy(update={"shards": 1}))
    names = sorted(path.name for path in (tmp_path / "store").iterdir())
    assert names == ["format.json", "index.csv", "shard-0000.tar"]


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    """Two processes write the bytes that one writes."""
    add(tmp_path, large_photos(range(12)) | {"bad.jpg": b"no image"})
    outcomes = write(tmp_path, manifest(tmp_path), workers=2)
    assert outcomes["problem"].tolist() == [""] * 12 + ["not an image"]
    assert content(tmp_path / "store") == from_nothing(tmp_path)


def test_photos_that_are_not_as_ingest_found_them_stop_the_run(tmp_path: Path) -> None:
    """A photo that is gone, changed or unreadable is an error that names all of them."""
    add(tmp_path, large_photos(range(5)))
    images = manifest(tmp_path)
    photos = tmp_path / "photos"
    (photos / "000.jpg").unlink()
    (photos / "001.jpg").write_bytes(saved(picture(99)))
    (photos / "002.jpg").unlink()
    (photos / "002.jpg").mkdir()
    (photos / "003.jpg").unlink()
    (photos / "003.jpg").symlink_to("003.jpg")
    with pytest.raises(UserError) as caught:
        write(tmp_path, images)
    head, *lines = str(caught.value).splitlines()
    assert "4 photos in " in head
    for remedy in ("dvc pull", "mount the folder", "dvc repro ingest", "(dvc repro)"):
        assert remedy in head
    assert lines == [
        "  000.jpg: unreadable (No such file or directory)",
        "  001.jpg: changed since ingest (its content is another)",
        "  002.jpg: changed since ingest (it is no file any more)",
        "  003.jpg: unreadable (Too many levels of symbolic links)",
    ]
    assert not (tmp_path / "store" / "format.json").exists()
    assert results(tmp_path) == 1


@pytest.mark.parametrize("cached", [False, True])
def test_a_folder_that_is_gone_is_no_property_of_its_photos(tmp_path: Path, cached: bool) -> None:
    """A cluster's folder that is not mounted is an error, with all photos in the cache too."""
    add(tmp_path, large_photos(range(30)))
    images = manifest(tmp_path)
    if cached:
        write(tmp_path, images)
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"(?s)30 photos in .*photos could not be.*and 10 more"):
        write(tmp_path, images)
    (tmp_path / "elsewhere").rename(tmp_path / "photos")
    write(tmp_path, images)


def test_an_encoded_photo_is_not_read_again(tmp_path: Path) -> None:
    """Of a photo in the cache only its presence is checked: the manifest has its hash."""
    add(tmp_path, {"a.jpg": saved(picture(1)), "b.jpg": saved(picture(2))})
    images = manifest(tmp_path)
    write(tmp_path, images)
    before = content(tmp_path / "store")
    (tmp_path / "photos" / "a.jpg").write_bytes(b"never read")
    outcomes = write(tmp_path, images)
    assert outcomes["reused"].all()
    assert outcomes.loc["a.jpg", "original_bytes"] == len(b"never read")
    assert content(tmp_path / "store") == before
    (tmp_path / "photos" / "a.jpg").unlink()
    with pytest.raises(UserError, match=r"a\.jpg: unreadable \(No such file"):
        write(tmp_path, images)


def test_a_lost_duplicate_is_named(tmp_path: Path) -> None:
    """Of two paths with one content, the one that is gone is named and the other is not."""
    same = saved(picture(1))
    add(tmp_path, {"a.jpg": same, "b.jpg": same})
    images = manifest(tmp_path)
    (tmp_path / "photos" / "a.jpg").unlink()
    with pytest.raises(UserError, match=r"1 photo in (?s:.*)a\.jpg: unreadable") as caught:
        write(tmp_path, images)
    assert "b.jpg" not in str(caught.value)


@pytest.mark.parametrize("files", [{}, {"a.jpg": b"", "b.jpg": b"no image"}])
def test_a_store_of_nothing(tmp_path: Path, files: dict[str, bytes]) -> None:
    """No photo at all, or none that can be used, gives a store without images."""
    add(tmp_path, files)
    (tmp_path / "photos").mkdir(exist_ok=True)
    assert (write(tmp_path, manifest(tmp_path))["problem"] != "").all()
    assert len(Store(tmp_path / "store").index) == 0
    assert list((tmp_path / "store").glob("*.tar")) == []


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    """A write that fails is one line with the folder, and leaves no finished store."""
    add(tmp_path, large_photos(range(20), width=400, height=300))
    result = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), "1"],
        check=False,
        capture_output=True,
        text=True,
        # No file may grow beyond 30,000 bytes, as on a disk that is full.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)),
    )
    last = result.stderr.splitlines()[-1]
    assert re.search(r"UserError: .*private.* cannot be written: File too large", last)
    assert not (tmp_path / "store" / "format.json").exists()
    assert list((tmp_path / "private").glob("run-*")) == []


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A file in the place of the folder is an error before any photo is decoded."""
    add(tmp_path, large_photos(range(2)))
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(UserError, match="store cannot be written: File exists"):
        write(tmp_path, manifest(tmp_path))


def test_a_read_only_output_is_named() -> None:
    """A read-only folder is an error with the remedy before any photo is decoded."""
    with TemporaryDirectory() as name:
        root = Path(name)
        add(root, large_photos(range(2)))
        images = manifest(root)
        (root / "private").mkdir()
        (root / "store").mkdir()
        for folder, mode in ((root, 0o777), (root / "private", 0o777), (root / "store", 0o555)):
            folder.chmod(mode)
        line = "store cannot be written: Permission denied; allow writing there"
        with ordinary_user(), pytest.raises(UserError, match=line):
            write(root, images)
        assert [path.name for path in (root / "private").iterdir()] == ["lock"]


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """While one presize is at work, or lives on after its dvc was killed, another one refuses."""
    add(tmp_path, large_photos(range(2)))
    write(tmp_path, manifest(tmp_path))
    before = content(tmp_path / "store")
    with (tmp_path / "private" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another presize is at work"):
            write(tmp_path, manifest(tmp_path))
    assert content(tmp_path / "store") == before
    write(tmp_path, manifest(tmp_path))


def kill_a_worker(private: Path, killed: list[str]) -> None:
    """Kill the process that presizes a photo; it is stopped while its progress file is read."""
    for _ in range(1500):  # half a minute, so that a test that fails ends too
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.suspend()
                for file in private.glob("run-*/*.progress"):
                    path = file.read_bytes().partition(b" ")[2].decode()
                    if path and str(file) in {opened.path for opened in process.open_files()}:
                        process.kill()
                        killed.append(path)
                        return
                process.resume()
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path, workers: int) -> None:
    """After kill -9 of a worker its photo is presized alone, and the run ends as any other."""
    add(tmp_path, large_photos(range(8), width=3000, height=2000))
    killed: list[str] = []
    killer = Thread(target=kill_a_worker, args=[tmp_path / "private", killed])
    killer.start()
    outcomes = write(tmp_path, manifest(tmp_path), workers=workers)
    killer.join()
    assert len(killed) == 1
    assert outcomes.loc[killed[0], "problem"] == ""
    assert content(tmp_path / "store") == from_nothing(tmp_path)


def run_child(root: Path, workers: int) -> subprocess.Popen[bytes]:
    """Start a run in a process group of its own."""
    command = [sys.executable, "-c", CHILD, str(root), str(workers)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)


def wait_for_work(root: Path, child: subprocess.Popen[bytes]) -> None:
    """Return once a run presizes its first photo."""
    while not list((root / "private").glob(f"run-{child.pid}-*/*.progress")):
        assert child.poll() is None
        time.sleep(0.005)


def results(root: Path) -> int:
    """Return how many photos are in the cache for the next run."""
    return len(list((root / "private").glob("*/??/*")))


def seconds_to_a_result(root: Path, child: subprocess.Popen[bytes]) -> float:
    """Return how long a run takes until its first result is in the cache."""
    start = time.perf_counter()
    while not results(root):
        assert child.poll() is None
        time.sleep(0.005)
    return time.perf_counter() - start


@pytest.mark.slow
@pytest.mark.parametrize("runs", [2, pytest.param(20, marks=pytest.mark.thorough)])
def test_kill_9_at_any_moment_ends_in_the_same_bytes(tmp_path: Path, runs: int) -> None:
    """After runs killed at random moments, the run that ends leaves the right bytes."""
    small = {f"small_{number}.jpg": saved(picture(number, 30, 20)) for number in range(40)}
    # Enough that no run comes to its end in the time that all have together.
    large = commented(saved(picture(0, 3000, 2000), progressive=True), 160)
    add(tmp_path, large | small | {"bad.jpg": b"no image"})
    draw = derive(2, "moments")
    first = 0.0
    for _ in range(runs):
        child = run_child(tmp_path, 2)
        wait_for_work(tmp_path, child)
        # The first is killed when it has a result; a new process takes long for its first photo.
        first = first or seconds_to_a_result(tmp_path, child)
        time.sleep(draw.uniform(0, min(2 * first, 0.5)))
        os.killpg(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
    assert 0 < results(tmp_path) < len(large) + len(small)
    assert run_child(tmp_path, 2).wait() == 0
    assert content(tmp_path / "store") == from_nothing(tmp_path)


@pytest.mark.thorough  # above all are killed
@pytest.mark.slow
def test_orphaned_workers_harm_no_later_run(tmp_path: Path) -> None:
    """When only the main process is killed, the results of its workers stay out of the store."""
    add(tmp_path, large_photos(range(30), width=2000, height=1500))
    for _ in range(3):
        child = run_child(tmp_path, 2)
        wait_for_work(tmp_path, child)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert run_child(tmp_path, 2).wait() == 0
    assert content(tmp_path / "store") == from_nothing(tmp_path)


def test_a_million_outcomes_fit_in_memory() -> None:
    """Beside its texts, an outcome and its row of the table take at most 700 bytes."""
    size = 5000
    with measured_memory() as memory:
        outcomes = [PresizeOutcome(path="a.jpg", sha256="0" * 64, shard="s") for _ in range(size)]
        table = presize_table(outcomes)
    assert memory.peak < 700 * size
    assert list(table.columns) == list(PresizeOutcome.__annotations__)
    assert len(table) == size
