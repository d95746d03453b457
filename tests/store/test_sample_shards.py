"""Sample shards: every photo once with what is known of it, under a key of its own, or nothing."""

import json
import resource
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.base.errors import UserError
from stages.store import sample_shards
from stages.store.reader import Store
from stages.store.sample_shards import require_empty, sample_key, write_sample_shards
from tests.file_limit import no_file_larger_than
from tests.store.test_reader import NAMES, RAW, make

LARGE = 10**9
FEW = 22_000  # bytes, room for some of the photos


def samples_of(store: Store) -> pd.DataFrame:
    """Return labels and sides for the photos of a store, in another order than the store's."""
    paths = sorted(store.index["path"], reverse=True)
    return pd.DataFrame(
        {
            "path": paths,
            "label": [("owl", "NA")[number % 2] for number in range(len(paths))],
            "split": [("train", "valid")[number % 3 == 0] for number in range(len(paths))],
        }
    )


def members(folder: Path) -> dict[str, dict[str, bytes]]:
    """Return the files of every shard by its name, in the order in which they stand."""
    found: dict[str, dict[str, bytes]] = {}
    for file in sorted(folder.glob("*.tar")):
        with tarfile.open(file) as tar:
            names = tar.getnames()
            assert len(set(names)) == len(names)
            found[file.name] = {name: tar.extractfile(name).read() for name in names}  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize("size", [LARGE, FEW])
def test_every_photo_is_in_one_shard_of_its_side(tmp_path: Path, size: int) -> None:
    """Image, class and facts of each sample are there once, in shards that are not too large."""
    store = make(tmp_path)
    samples = samples_of(store)
    shards = write_sample_shards(store, samples, ["NA", "owl"], tmp_path / "out", size)
    written = members(tmp_path / "out")
    assert [shard.name for shard in shards] == list(written)
    assert (len(shards) > 2) == (size == FEW)
    seen = []
    for shard in shards:
        files = written[shard.name]
        assert len(files) == 3 * shard.photos
        assert (tmp_path / "out" / shard.name).stat().st_size <= size
        for name, content in files.items():
            if name.endswith(".json"):
                facts = json.loads(content)
                key = sample_key(facts["path"])
                assert name == f"{key}.json"
                assert shard.name.startswith(f"{facts['split']}-")
                assert files[f"{key}.jpg"] == bytes(store.encoded(facts["path"]))
                assert files[f"{key}.cls"] == {"NA": b"0", "owl": b"1"}[facts["label"]]
                seen.append(facts)
    expected = samples.to_dict("records")
    assert sorted(seen, key=lambda facts: facts["path"]) == expected[::-1]
    assert json.loads((tmp_path / "out" / "dataset.json").read_bytes()) == {
        "class_names": ["NA", "owl"],
        "shards": {shard.name: shard.photos for shard in shards},
    }


def test_photos_stand_in_the_order_of_the_store(tmp_path: Path) -> None:
    """The store is read from its beginning to its end, and the same set is the same bytes."""
    store = make(tmp_path)
    samples = samples_of(store).assign(split="train")
    shards = []
    for name, table in (("a", samples), ("b", samples.iloc[::-1])):
        write_sample_shards(store, table, ["NA", "owl"], tmp_path / name, LARGE)
        shards.append((tmp_path / name / "train-000000.tar").read_bytes())
    assert shards[0] == shards[1]
    files = members(tmp_path / "a")["train-000000.tar"]
    paths = [json.loads(text)["path"] for name, text in files.items() if name.endswith(".json")]
    assert paths == store.index.sort_values(["shard", "offset"])["path"].tolist()


def test_raw_photos_are_ppm_and_other_columns_are_facts(tmp_path: Path) -> None:
    """A raw store's images are .ppm, and a column that the split has besides is in the JSON."""
    store = make(tmp_path, RAW, ["a.jpg"])
    samples = samples_of(store).assign(fold="2")
    write_sample_shards(store, samples, ["owl"], tmp_path / "out", LARGE)
    (files,) = members(tmp_path / "out").values()
    key = sample_key("a.jpg")
    assert list(files) == [f"{key}.ppm", f"{key}.cls", f"{key}.json"]
    assert json.loads(files[f"{key}.json"])["fold"] == "2"


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(min_size=1))
def test_a_key_is_one_name_that_readers_take_whole(path: str, other: str) -> None:
    """No key has a dot, a slash or more than 80 bytes, or is metadata; two paths have two keys."""
    key = sample_key(path)
    assert not set("./\\ \n") & set(key)
    assert not key.startswith("_")
    assert 12 <= len(key.encode()) <= 80
    assert (sample_key(other) == key) == (other == path)


def test_a_key_is_readable() -> None:
    """The words of folders and name stand in it, in any script, the last of a long path."""
    assert sample_key("owls/tawny owl.2.jpg").startswith("owls_tawny_owl_2-")
    assert sample_key("straße/猫.jpg").startswith("straße_猫-")
    assert sample_key("a" * 300 + "/猫猫.jpg").split("-")[0].endswith("aaa_猫猫")
    assert len(sample_key("?.jpg")) == 12


def test_a_disk_that_is_full_leaves_nothing(tmp_path: Path) -> None:
    """What was written before goes too, and so does the folder where it was not there before."""
    store = make(tmp_path, names=[f"{number}.jpg" for number in range(60)])
    samples = samples_of(store)
    (tmp_path / "there").mkdir()
    for name in ("there", "new"):
        with (
            no_file_larger_than(20_000),
            pytest.raises(UserError, match=f"{name} cannot be written: .*ulimit -f"),
        ):
            write_sample_shards(store, samples, ["NA", "owl"], tmp_path / name, LARGE)
    assert list((tmp_path / "there").iterdir()) == []
    assert not (tmp_path / "new").exists()
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 20_000


def test_a_damaged_photo_leaves_nothing(tmp_path: Path) -> None:
    """Bytes that rotted in the store are named, and no shard of the photos before it stays."""
    store = make(tmp_path)
    last = store.index.sort_values(["shard", "offset"]).iloc[-1]
    file = tmp_path / "store" / last["shard"]
    content = bytearray(file.read_bytes())
    content[last["offset"] + 30] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match="missing or damaged"):
        write_sample_shards(store, samples_of(store), ["NA", "owl"], tmp_path / "out", FEW)
    assert not (tmp_path / "out").exists()


def test_what_another_wrote_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that fails removes its own shards, and no file that came after its first check."""
    store = make(tmp_path)
    out = tmp_path / "out"
    others = [out / "train-000000.tar", out / "notes.txt"]

    def check_then_write(folder: Path) -> None:
        require_empty(folder)
        folder.mkdir()
        for other in others:
            other.write_text("another's")

    def fail(path: str) -> bytes:
        raise UserError(f"{path} is damaged")

    monkeypatch.setattr(sample_shards, "require_empty", check_then_write)
    monkeypatch.setattr(store, "encoded", fail)
    with pytest.raises(UserError, match="is damaged"):
        write_sample_shards(store, samples_of(store), ["NA", "owl"], out, LARGE)
    assert sorted(out.iterdir()) == sorted(others)


def test_a_killed_run_does_not_stand_in_the_way(tmp_path: Path) -> None:
    """Unfinished shards are replaced; anything else in the folder is refused, and stays."""
    store = make(tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    (out / ".train-000007.tar.part").write_bytes(b"half")
    write_sample_shards(store, samples_of(store), ["NA", "owl"], out, LARGE)
    names = ["dataset.json", "train-000000.tar", "valid-000000.tar"]
    assert sorted(file.name for file in out.iterdir()) == names
    before = [(out / name).read_bytes() for name in names]
    with pytest.raises(UserError, match=r"out is not empty \(dataset.json, .*name another folder"):
        write_sample_shards(store, samples_of(store), ["NA", "owl"], out, LARGE)
    assert [(out / name).read_bytes() for name in names] == before
    with pytest.raises(UserError, match="is a file, and a folder is to be written"):
        require_empty(out / "dataset.json")
    require_empty(tmp_path / "absent")


def test_photos_that_the_store_lacks_are_named_together(tmp_path: Path) -> None:
    """A split of another run than the store's is refused with the names, before anything."""
    store = make(tmp_path, names=NAMES[:2])
    samples = samples_of(store)
    more = pd.DataFrame({"path": ["x.jpg", "y.jpg"], "label": "owl", "split": "train"})
    with pytest.raises(UserError, match="2 photos of the split not in") as caught:
        write_sample_shards(store, pd.concat([samples, more]), ["owl"], tmp_path / "out", LARGE)
    assert caught.value.lines[1:] == ["  x.jpg", "  y.jpg"]
    assert not (tmp_path / "out").exists()
