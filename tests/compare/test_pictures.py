"""The photos and figures of a comparison."""

import io
import json
import shutil
import tempfile
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.base.files import sha256_bytes
from stages.compare.build_record import comparison_records
from stages.compare.comparison import compare_setups
from stages.compare.html import ComparisonView, render_comparison
from stages.compare.pictures import PresizedPhotos, comparison_views
from stages.compare.record import records_as_json
from stages.compare.setups import Setup
from stages.compare.text import comparison_markdown
from stages.images.resize import PresizeParams
from stages.store.reader import Store
from stages.store.writer import write_store
from stages.tools.project_files import PROJECT_FILES
from tests.compare.example_history import OUTCOMES, ExampleHistory, outcomes_table

PATHS = [f"{number:02}.jpg" for number in range(40)]


def make_photos(folder: Path) -> dict[str, str]:
    """Write photos of one grey each; return path -> sha256."""
    folder.mkdir(parents=True)
    for number, path in enumerate(PATHS):
        pixels = np.full((300, 300, 3), 5 * number, np.uint8)
        Image.fromarray(pixels).save(folder / path, quality=95)
    return {path: sha256_bytes((folder / path).read_bytes()) for path in PATHS}


def make_store(folder: Path, photos: Path, sha256: Mapping[str, str]) -> None:
    """Write the store of some photos."""
    images = pd.DataFrame({"path": list(sha256), "sha256": list(sha256.values())})
    params = PresizeParams(size=256, format="jpeg", quality=95, shards=2, max_rejected=0.1)
    write_store(images, photos, folder, folder.with_name("private"), params, workers=1)


def write_run(
    history: ExampleHistory, sha256: Mapping[str, str], wrong: int, presized: str | None = None
) -> None:
    """Write a run in which so many photos, the first, are wrong."""
    rows = [(path, "cat", "dog" if number < wrong else "cat") for number, path in enumerate(sha256)]
    photos = {path: (content, "cat", "valid") for path, content in sha256.items()}
    params = {"fine_tune": {"epochs": wrong}}
    history.write_run(outcomes_table(rows), photos, params, presized=presized)


def store_in_cache(history: ExampleHistory, store: Path) -> str:
    """Move a store from its folder into the cache, as DVC does; return its name."""
    files = {
        file.relative_to(store).as_posix(): history.put_in_cache(file.read_bytes())
        for file in store.rglob("*")
        if file.is_file()
    }
    shutil.rmtree(store)
    return history.put_folder_in_cache(files)


def view_of(history: ExampleHistory, base: str, *others: str) -> list[ComparisonView]:
    """Return what the page shows of the comparisons with a base."""
    setups = [Setup((history.snapshot(name),)) for name in (base, *others)]
    comparisons = [compare_setups(setups[0], other, OUTCOMES) for other in setups[1:]]
    records = comparison_records(comparisons, {})
    store = PROJECT_FILES.store
    return comparison_views(comparisons, records, history.root, history.cache, store)


def outputs_of(views: list[ComparisonView]) -> list[str]:
    """Return compare.json, compare.md and index.html."""
    records = [view.record for view in views]
    return [
        json.dumps(records_as_json(records)),
        comparison_markdown(records),
        render_comparison(views),
    ]


def grey_of(data_uri: str) -> tuple[float, tuple[int, int]]:
    """Return the mean and the size of a picture."""
    image = Image.open(io.BytesIO(b64decode(data_uri.partition(",")[2])))
    return float(np.asarray(image).mean()), image.size


@pytest.fixture
def history(tmp_path: Path) -> ExampleHistory:
    """Return a repository with v1 (5 wrong) and v2 (none), and a store in the workspace."""
    history = ExampleHistory(tmp_path / "repo")
    sha256 = make_photos(tmp_path / "photos")
    for name, wrong in (("v1", 5), ("v2", 0)):
        write_run(history, sha256, wrong)
        history.commit(name)
    make_store(history.root / PROJECT_FILES.store, tmp_path / "photos", sha256)
    return history


def test_changed_images_are_shown_from_the_workspace(history: ExampleHistory) -> None:
    """The images that are newly right have their own pictures, large since they are few."""
    (view,) = view_of(history, "v1", "v2")
    assert view.thumbnails.keys() == set(PATHS[:5])
    for number, path in enumerate(PATHS[:5]):
        mean, size = grey_of(view.thumbnails[path])
        assert mean == pytest.approx(5 * number, abs=1.5)
        assert max(size) == 224
    assert view.confusion is not None
    assert view.reliability is not None
    assert view.record.other == "v2"


def test_changed_images_are_shown_from_the_cache(history: ExampleHistory) -> None:
    """Where the workspace has no store, that of the revision is read from DVC's cache."""
    presized = store_in_cache(history, history.root / PROJECT_FILES.store)
    sha256 = dict(zip(PATHS, history.snapshot("v2").tables["images"]["sha256"], strict=True))
    write_run(history, sha256, 1, presized)
    history.commit("v3")
    (view,) = view_of(history, "v1", "v3")
    assert view.thumbnails.keys() == set(PATHS[1:5])
    # The base is not in the cache, so what is newly wrong there comes from the other revision.
    (backwards,) = view_of(history, "v3", "v1")
    assert backwards.thumbnails.keys() == set(PATHS[1:5])


def test_without_any_store_there_are_no_pictures(history: ExampleHistory) -> None:
    """A comparison goes on without photos."""
    shutil.rmtree(history.root / PROJECT_FILES.store)
    (view,) = view_of(history, "v1", "v2")
    assert view.thumbnails == {}
    assert view.confusion is not None


def test_a_photo_of_another_content_is_not_shown(history: ExampleHistory) -> None:
    """A picture in the workspace stands for a past image only if its content is the same."""
    sha256 = dict.fromkeys(PATHS, "another content")
    for name, wrong in (("w1", 5), ("w2", 0)):
        write_run(history, sha256, wrong)
        history.commit(name)
    (view,) = view_of(history, "w1", "w2")
    assert view.thumbnails == {}


def test_pictures_are_few_of_each_kind_and_small_when_many(history: ExampleHistory) -> None:
    """A comparison shows 24 newly right images; with five comparisons all are small."""
    sha256 = dict(zip(PATHS, history.snapshot("v2").tables["images"]["sha256"], strict=True))
    write_run(history, sha256, 40)
    history.commit("all-wrong")
    names = []
    for number in range(5):
        write_run(history, sha256, number)
        names.append(f"n{number}")
        history.commit(names[-1])
    views = view_of(history, "all-wrong", *names)
    assert [len(view.thumbnails) for view in views] == [24] * 5
    assert max(grey_of(next(iter(views[0].thumbnails.values())))[1]) == 128


def test_equal_predictions_have_no_change_to_draw(history: ExampleHistory) -> None:
    """Where both sides predict the same, there is no confusion figure and no picture."""
    history.git("tag", "same", "v2")
    (view,) = view_of(history, "v2", "same")
    assert view.confusion is None
    assert view.thumbnails == {}


def test_a_photo_that_the_store_lacks_has_no_picture(history: ExampleHistory) -> None:
    """What the store does not have, or has with another content, is None."""
    store = Store(history.root / PROJECT_FILES.store)
    photos = PresizedPhotos(store=store, sha256={PATHS[1]: "another content"}, shown=PATHS[1:])
    assert photos.data_uri("nothing.jpg", 64) is None
    assert photos.data_uri(PATHS[0], 64) is None  # of which nothing is kept in memory
    assert photos.data_uri(PATHS[1], 64) is None
    data_uri = photos.data_uri(PATHS[2], 64)
    assert data_uri is not None
    assert grey_of(data_uri)[1] == (64, 64)
    assert PresizedPhotos(store=None, sha256={}, shown=PATHS).data_uri(PATHS[2], 64) is None


def test_damaged_photos_are_left_out_and_noted(history: ExampleHistory) -> None:
    """A rotten shard, a garbage listing or index costs its photos; the record says which."""
    presized = history.root / PROJECT_FILES.store
    sha256 = dict(zip(PATHS, history.snapshot("v2").tables["images"]["sha256"], strict=True))
    for shard in presized.glob("*.tar"):
        shard.write_bytes(b"\0" * shard.stat().st_size)
    (view,) = view_of(history, "v1", "v2")
    assert view.thumbnails == {}
    assert len(view.record.notes) == 2
    assert "v1: photos are left out: 04.jpg: data/presized/shard-" in view.record.notes[0]
    (presized / "index.csv").write_bytes(b"")
    (view,) = view_of(history, "v1", "v2")
    assert view.thumbnails == {}
    assert "v1: photos are left out: data/presized/index.csv is" in view.record.notes[0]
    shutil.rmtree(presized)
    for name, listing in (("climbs", "../../x"), ("lacks", "index.csv")):
        folder = history.put_folder_in_cache({listing: history.put_in_cache(b"1")})
        write_run(history, sha256, 1, folder)
        history.commit(name)
        (view,) = view_of(history, "v1", name)
        assert view.thumbnails == {}
        assert f"{name}: photos are left out: " in view.record.notes[-1]
    assert not (history.root / "x").exists()


def make_another_version(store: Path) -> None:
    """Write into a store that it is of version 1."""
    file = store / "format.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"version": 1}))


def damage_shards(store: Path) -> None:
    """Make every byte of a store's shards a zero."""
    for shard in store.glob("*.tar"):
        shard.write_bytes(b"\0" * shard.stat().st_size)


def empty_shards(store: Path) -> None:
    """Leave nothing in a store's shards."""
    for shard in store.glob("*.tar"):
        shard.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "note"),
    [
        (make_another_version, "data/presized of past is of another version, or damaged"),
        (empty_shards, "data/presized of past is of another version, or damaged"),
        (damage_shards, "04.jpg: its bytes in data/presized of past cannot be read"),
    ],
)
def test_an_unreadable_store_in_the_cache_gives_the_same_bytes_anywhere(
    history: ExampleHistory, damage: Callable[[Path], None], note: str
) -> None:
    """A cached store of another version, or damaged, is noted without a path of this machine."""
    presized = history.root / PROJECT_FILES.store
    damage(presized)
    sha256 = dict(zip(PATHS, history.snapshot("v2").tables["images"]["sha256"], strict=True))
    write_run(history, sha256, 0, store_in_cache(history, presized))
    history.commit("past")
    first, second = (outputs_of(view_of(history, "v1", "past")) for _ in range(2))
    assert first == second
    assert f'"past: photos are left out: {note}"' in first[0]
    for place in (str(history.root), tempfile.gettempdir(), "dvc repro"):
        assert place not in first[0]


def test_a_damaged_listing_in_the_cache_is_named_within_it(history: ExampleHistory) -> None:
    """The note on a damaged object has its path in the cache's folder, wherever that lies."""
    presized = store_in_cache(history, history.root / PROJECT_FILES.store)
    sha256 = dict(zip(PATHS, history.snapshot("v2").tables["images"]["sha256"], strict=True))
    write_run(history, sha256, 0, presized)
    history.commit("past")
    listing = history.cache.file(presized)
    assert listing is not None
    listing.write_bytes(b"[]")
    text, *_ = outputs_of(view_of(history, "v1", "past"))
    name = f"files/md5/{presized[:2]}/{presized[2:]}"
    assert f"past: photos are left out: {name} in DVC's cache is damaged" in text
    assert str(history.root) not in text


def test_a_picture_says_nothing_of_where_it_was_taken(history: ExampleHistory) -> None:
    """A photo with a place in its EXIF, passed into the store as it is, has none on the page."""
    folder = history.root.parent / "tagged"
    folder.mkdir()
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (51.0, 28.0, 38.0)  # GPSLatitude
    exif[0x010F] = "Secret camera"
    picture = Image.fromarray(np.full((200, 200, 3), 90, np.uint8))
    picture.save(folder / "a.jpg", exif=exif, comment=b"Secret comment")
    index = {"a.jpg": sha256_bytes((folder / "a.jpg").read_bytes())}
    make_store(history.root.parent / "tagged-store", folder, index)
    store = Store(history.root.parent / "tagged-store")
    photos = PresizedPhotos(store=store, sha256=index, shown=index)
    data_uri = photos.data_uri("a.jpg", 128)
    assert data_uri is not None
    content = b64decode(data_uri.partition(",")[2])
    with Image.open(io.BytesIO(content)) as image:
        assert image.getexif() == {}
        assert image.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"Exif" not in content
    assert b"Secret" not in content


def test_where_no_links_are_made_the_store_is_copied(
    history: ExampleHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows lets few people make links; the pictures are the same, and the copies are gone."""
    presized = store_in_cache(history, history.root / PROJECT_FILES.store)
    sha256 = dict(zip(PATHS, history.snapshot("v2").tables["images"]["sha256"], strict=True))
    write_run(history, sha256, 1, presized)
    history.commit("v3")
    (linked,) = view_of(history, "v1", "v3")

    def refuse(*_: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    (copied,) = view_of(history, "v1", "v3")
    assert copied == linked
    assert copied.thumbnails
