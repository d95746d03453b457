"""A cached result comes back whole, or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stages.base.seed import derive
from stages.images.decode import Undecodable
from stages.images.encode import Encoded
from stages.store.encode_cache import EncodeCache, read_logs

SHA = "ab" + "0" * 62
PASSED_THROUGH = Encoded(content=None, width=40, height=30, phash="", format="JPEG", traits=())
IMAGE = Encoded(
    content=b"\xff\xd8 bytes\n and lines\n",
    width=40,
    height=30,
    phash="f" * 64,
    format="PNG",
    traits=("alpha", "palette"),
)


def test_an_image_comes_back(tmp_path: Path) -> None:
    """A result is equal to what was saved, line breaks in its bytes included."""
    EncodeCache(tmp_path / "key").save(SHA, IMAGE)
    assert EncodeCache(tmp_path / "key").load(SHA) == IMAGE


def test_a_photo_that_passed_through_is_a_line_in_a_log(tmp_path: Path) -> None:
    """Where the original's own bytes are stored, the cache has a line in a log and no file."""
    EncodeCache(tmp_path, "a").save(SHA, PASSED_THROUGH)
    assert EncodeCache(tmp_path, log_lines=read_logs(tmp_path)).load(SHA) == PASSED_THROUGH
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a"]


def test_a_refusal_comes_back(tmp_path: Path) -> None:
    """A photo that was refused is not tried again."""
    EncodeCache(tmp_path).save(SHA, Undecodable("truncated", "14 bytes\nare missing: \u00e9"))
    cached = EncodeCache(tmp_path, log_lines=read_logs(tmp_path)).load(SHA)
    assert isinstance(cached, Undecodable)
    assert (cached.problem, cached.detail) == ("truncated", "14 bytes\nare missing: \u00e9")


def test_all_logs_are_read_and_no_broken_line(tmp_path: Path) -> None:
    """The lines of several writers count; those that a power cut left half or as zeros do not."""
    EncodeCache(tmp_path, "a").save(SHA, PASSED_THROUGH)
    EncodeCache(tmp_path, "b").save("cd" + SHA[2:], PASSED_THROUGH)
    EncodeCache(tmp_path, "c").save("ef" + SHA[2:], PASSED_THROUGH)
    cut = tmp_path / "logs" / "c"
    cut.write_bytes(cut.read_bytes()[:-9])
    (tmp_path / "logs" / "d").write_bytes(bytes(4096))
    (tmp_path / "logs" / "e").write_bytes(b"\xff\xfe {}\n" + SHA[1:].encode() + b"0 {}\n[] []\n")
    assert sorted(read_logs(tmp_path)) == [SHA, "cd" + SHA[2:]]
    assert read_logs(tmp_path / "none") == {}


def test_what_was_never_saved_is_absent(tmp_path: Path) -> None:
    """Nothing is found in an empty folder, nor in one that does not exist."""
    assert EncodeCache(tmp_path / "none").load(SHA) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b"",
        lambda b: b[:-1],
        lambda b: b[:9],
        bytes.upper,
        lambda b: b"x" + b,
        lambda b: b.replace(b'"width": 40', b'"width": 48'),
        lambda b: b.replace(b'"height": 30', b'"height": 31'),
        lambda b: b.replace(b"ffffff", b"fffffe"),
        lambda b: b.replace(b"alpha", b"alphb"),
    ],
)
def test_a_damaged_result_is_absent(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """What is not whole, or has another size, hash or trait than was saved, counts as absent."""
    cache = EncodeCache(tmp_path)
    cache.save(SHA, IMAGE)
    (file,) = tmp_path.glob("??/*")
    damaged = damage(file.read_bytes())
    assert damaged != file.read_bytes()
    file.write_bytes(damaged)
    assert cache.load(SHA) is None


def test_no_flipped_bit_passes(tmp_path: Path) -> None:
    """Of 400 results with one bit flipped anywhere, in a file or a log, none comes back."""
    cache = EncodeCache(tmp_path, "a")
    cache.save(SHA, IMAGE)
    cache.save("cd" + SHA[2:], PASSED_THROUGH)
    draw = derive(0, "bits")
    for file in [*tmp_path.glob("??/*"), tmp_path / "logs" / "a"]:
        content = file.read_bytes()
        for _ in range(200):
            damaged = bytearray(content)
            damaged[draw.integers(len(content))] ^= 1 << int(draw.integers(8))
            file.write_bytes(damaged)
            assert cache.load(SHA) is None or file.name == "a"
            assert read_logs(tmp_path) == {} or file.name != "a"
        file.write_bytes(content)


def test_a_result_is_not_another_photos(tmp_path: Path) -> None:
    """A result under the name of another photo counts as absent."""
    cache = EncodeCache(tmp_path)
    cache.save(SHA, IMAGE)
    (file,) = tmp_path.glob("??/*")
    file.rename(file.with_name("1" * 62))
    assert cache.load(SHA[:2] + "1" * 62) is None


def test_pruning_leaves_what_is_wanted(tmp_path: Path) -> None:
    """Other photos, other keys and unfinished files go; the wanted results stay."""
    cache = EncodeCache(tmp_path / "new")
    old = EncodeCache(tmp_path / "old")
    other = "cd" + "1" * 62
    for target in (cache, old):
        target.save(SHA, IMAGE)
        target.save(other, IMAGE)
    (tmp_path / "new" / "ab" / ".left.123.part").write_bytes(b"half")
    (tmp_path / "lock").touch()
    EncodeCache(tmp_path / "new", "of this run").save(SHA, PASSED_THROUGH)
    EncodeCache(tmp_path / "new", "of another run").save(SHA, PASSED_THROUGH)
    cache.prune([SHA], ["of this run"])
    assert cache.load(SHA) == IMAGE
    assert cache.load(other) is None
    assert old.load(SHA) is None
    left = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert left == [SHA[2:], "lock", "of this run"]


def test_a_log_has_the_same_bytes_on_every_system(tmp_path: Path) -> None:
    """A line ends with a line feed alone, which Windows would write as two signs."""
    cache = EncodeCache(tmp_path / "cache")
    cache.save("0" * 64, Undecodable("too many pixels", "größer"))
    content = cache.log.read_bytes()
    assert content.count(b"\n") == 1
    assert content.endswith(b"\n")
    assert b"\r" not in content
