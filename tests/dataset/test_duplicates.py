"""Duplicates: copies are found, and photos that only look alike are named and nothing more."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stages.base.errors import UserError
from stages.base.seed import derive
from stages.dataset.duplicates import (
    ALIKE_KINDS,
    MAX_ALIKE,
    MAX_COPIES,
    MIN_DENIED,
    find_duplicates,
    group_photos,
    read_duplicates,
    write_duplicates,
)
from stages.dataset.split_params import DatablockParams, NearDuplicates, SplitParams
from stages.dataset.splits import assign_splits
from stages.images.phash import phash
from tests.dataset.example_photos import (
    brightened,
    exposed,
    fixed_camera,
    painted,
    reduced,
    resaved,
    scene,
    shirt,
    solar_cell,
    traffic_light,
)

Photos = dict[str, Image.Image]


def index_of(photos: Photos) -> pd.DataFrame:
    """Return path, label (before the slash), sha256, phash and no split and group of photos."""
    rows = [
        (path, path.split("/")[0], sha256(photo.tobytes()).hexdigest(), phash(photo), "", "")
        for path, photo in photos.items()
    ]
    columns = ["path", "label", "sha256", "phash", "split", "group"]
    return pd.DataFrame(rows, columns=columns, dtype="str")


def pixels_of(photos: Photos) -> Callable[[str], NDArray[np.uint8]]:
    """Return the function that gives the pixels of a photo by its path."""
    return lambda path: np.asarray(photos[path])


def duplicates_of(photos: Photos, near: NearDuplicates = "exclude") -> pd.DataFrame:
    """Return the duplicates among photos."""
    return find_duplicates(index_of(photos), pixels_of(photos), near)


def pairs(duplicates: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return kind by pair."""
    names = zip(duplicates["path"], duplicates["twin"], strict=True)
    return dict(zip(names, duplicates["kind"], strict=True))


def lost(photos: Photos) -> tuple[int, int]:
    """Return how many photos a split by hash excludes, and how many classes still train."""
    index = index_of(photos)
    split = SplitParams(by="hash", valid=0.2, folds=5, test=0.0, group="")
    params = DatablockParams(split=split, near_duplicates="exclude")
    splits = assign_splits(index, params, duplicates_of(photos))
    train = splits[splits["split"] == "train"]
    return int(splits["split"].eq("excluded").sum()), train["label"].nunique()


@pytest.mark.parametrize(
    ("draw", "classes", "count"),
    [
        pytest.param(fixed_camera, 2, 60, id="fixed camera"),
        pytest.param(fixed_camera, 2, 12, id="few of a fixed camera"),
        pytest.param(shirt, 3, 60, id="shirt in three colours"),
        pytest.param(shirt, 3, 9, id="few shirts"),
        pytest.param(traffic_light, 3, 60, id="traffic light"),
        pytest.param(traffic_light, 3, 24, id="eight of each light"),
        pytest.param(solar_cell, 2, 60, id="solar cells with and without a crack"),
        pytest.param(solar_cell, 2, 8, id="few solar cells"),
    ],
)
def test_different_photos_of_one_scene_all_stay(
    draw: Callable[[int], tuple[str, Image.Image]], classes: int, count: int
) -> None:
    """Of one scene or one shape nothing is excluded, in a set of eight photos as in one of 60."""
    drawn = [draw(number) for number in range(count)]
    photos = {f"{label}/{number:02}.png": photo for number, (label, photo) in enumerate(drawn)}
    assert lost(photos) == (0, classes)


def test_copies_are_the_same_picture() -> None:
    """Saved again, reduced and brightened copies pair with their original, below the limit."""
    photo = scene(1)
    photos = {
        "a.jpg": photo,
        "b.jpg": resaved(photo, 50),
        "c.jpg": reduced(photo, 3),
        "d.jpg": brightened(photo, 1.15),
        "other.jpg": scene(2),
    }
    found = duplicates_of(photos)
    assert set(pairs(found).values()) == {"same"}
    assert {path for pair in pairs(found) for path in pair} == {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}
    assert found["difference"].astype(float).between(0, 1).all()
    assert found["bits"].astype(int).between(0, 30).all()


def test_an_object_makes_another_picture() -> None:
    """With something in it that was not there before, a photo is alike and not the same."""
    photo = scene(1)
    found = duplicates_of({"a.jpg": photo, "b.jpg": painted(photo, 0.05)})
    assert pairs(found) == {("b.jpg", "a.jpg"): "alike"}
    assert float(found["difference"][0]) > 1


def test_nothing_chains() -> None:
    """A copy of a copy pairs with what it is compared with; alike photos do not join groups."""
    photo = scene(1)
    photos = {"a.jpg": photo, "b.jpg": resaved(photo, 60), "c.jpg": painted(photo, 0.05)}
    found = duplicates_of(photos)
    groups = group_photos(list(photos), found)
    assert groups.to_dict() == {"a.jpg": "a.jpg", "b.jpg": "a.jpg", "c.jpg": "c.jpg"}
    assert set(group_photos(list(photos), found, ALIKE_KINDS)) == {"a.jpg"}


def test_a_series_is_named_and_not_compared() -> None:
    """More than eight alike files form a series; none of its photos is even decoded."""
    photo = scene(3)
    photos = {f"{n:02}.jpg": brightened(photo, 0.9 + n / 100) for n in range(MAX_COPIES + 1)}

    def fail(path: str) -> NDArray[np.uint8]:
        raise AssertionError(path)

    found = find_duplicates(index_of(photos), fail, "exclude")
    assert set(found["kind"]) == {"series"}
    assert set(found["twin"]) == {"00.jpg"}
    assert len(found) == MAX_COPIES


@pytest.mark.parametrize("count", [MAX_ALIKE, MAX_ALIKE + 1, MAX_COPIES])
def test_as_many_copies_as_there_may_be_are_compared(count: int) -> None:
    """Of four, five and eight copies all pairs are the same, and each photo is decoded once."""
    photo = scene(3)
    photos = {f"{n:02}.jpg": resaved(photo, 61 + 5 * n) for n in range(count)}
    decoded: list[str] = []

    def image(path: str) -> NDArray[np.uint8]:
        decoded.append(path)
        return np.asarray(photos[path])

    found = find_duplicates(index_of(photos), image, "exclude")
    assert set(found["kind"]) == {"same"}
    assert len(found) == count * (count - 1) // 2
    assert sorted(decoded) == sorted(photos)


def test_copies_of_many_sizes_are_the_same_picture() -> None:
    """Of the eight sizes that a web site makes of a picture all pairs are the same."""
    photo = scene(3, 640, 480)
    shares = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.35]
    photos = {
        f"{number}.jpg": photo.resize((round(640 * share), round(480 * share)))
        for number, share in enumerate(shares)
    }
    assert set(duplicates_of(photos)["kind"]) == {"same"}


def test_one_other_photo_makes_a_series() -> None:
    """More than four that are not all one picture are a series, whatever most of them are."""
    photo = scene(3)
    photos = {f"{n:02}.jpg": resaved(photo, 60 + 5 * n) for n in range(MAX_ALIKE)}
    found = duplicates_of({**photos, "object.jpg": painted(photo, 0.05)})
    assert set(found["kind"]) == {"series"}
    assert len(found) == MAX_ALIKE


@pytest.mark.parametrize(("count", "kind"), [(MAX_COPIES, "same"), (MAX_COPIES + 1, "series")])
def test_exposures_of_an_unchanged_scene_are_copies_up_to_a_number(count: int, kind: str) -> None:
    """No pixel tells noise from copies: up to eight exposures are one picture, more a series."""
    photos = {f"{n:02}.png": exposed(scene(3), n, noise=4) for n in range(count)}
    assert set(duplicates_of(photos)["kind"]) == {kind}


def test_in_a_set_of_look_alikes_only_sure_copies_are_the_same() -> None:
    """Where most pairs only look alike, what just passes is not trusted, and a near copy is."""
    photos: Photos = {}
    for number in range(MIN_DENIED):
        photos[f"{number}a.jpg"] = scene(number)
        photos[f"{number}b.jpg"] = painted(scene(number), 0.05)
    copy = {"copy.jpg": resaved(scene(99), 70), "original.jpg": scene(99)}
    cells = {f"cell {n}.png": solar_cell(n)[1] for n in (38, 92)}  # both sound, of other shades
    found = pairs(duplicates_of({**photos, **copy, **cells}))
    assert found["original.jpg", "copy.jpg"] == "same"
    assert found["cell 92.png", "cell 38.png"] == "alike"
    assert list(found.values()).count("same") == 1
    few = {path: photo for path, photo in photos.items() if path < "4"}
    assert pairs(duplicates_of({**few, **cells}))["cell 92.png", "cell 38.png"] == "same"


def test_equal_files_are_exact_duplicates() -> None:
    """Equal bytes pair with the first path, which alone takes part in other pairs."""
    photo = scene(1)
    photos = {"b.jpg": photo, "a.jpg": photo, "c.jpg": photo, "d.jpg": resaved(photo, 70)}
    expected = {
        ("b.jpg", "a.jpg"): "exact",
        ("c.jpg", "a.jpg"): "exact",
        ("d.jpg", "a.jpg"): "same",
    }
    assert pairs(duplicates_of(photos)) == expected
    assert set(pairs(duplicates_of(photos, "off")).values()) == {"exact"}
    assert pairs(duplicates_of(photos, "warn")) == expected


def test_blanks_are_duplicates_by_content_alone() -> None:
    """Without a hash only the same bytes are the same picture."""
    grey = Image.new("RGB", (64, 64), "grey")
    other = Image.new("RGB", (64, 64), "white")
    assert pairs(duplicates_of({"a": grey, "b": other, "c": grey})) == {("c", "a"): "exact"}


def test_an_empty_set_has_no_duplicates() -> None:
    """No photos, no pairs, no groups, no error."""
    assert duplicates_of({}).empty
    assert group_photos([], duplicates_of({})).to_dict() == {}


def test_the_order_of_the_rows_does_not_matter() -> None:
    """Whatever the order of the index, the pairs are the same, sorted by path."""
    photo = scene(1)
    photos = {"a.jpg": photo, "b.jpg": resaved(photo, 60), "c.jpg": scene(2), "d.jpg": photo}
    index = index_of(photos)
    found = find_duplicates(index[::-1], pixels_of(photos), "exclude")
    assert found.equals(duplicates_of(photos))
    assert found["path"].tolist() == sorted(found["path"])


def test_the_file_gives_the_pairs_back(tmp_path: Path) -> None:
    """What is written is read again, names of any kind included."""
    photo = scene(1)
    found = duplicates_of({"NA/é,\n.jpg": photo, "007": photo})
    write_duplicates(tmp_path / "duplicates.csv", found)
    assert read_duplicates(tmp_path / "duplicates.csv").equals(found)
    with pytest.raises(UserError, match="dvc repro datablock"):
        read_duplicates(tmp_path / "none.csv")


def test_time_is_bounded_for_a_fixed_camera() -> None:
    """5,000 photos that all look alike are one series, without a comparison of all pairs."""
    draw = derive(1, "hashes")
    base = draw.integers(0, 256, 32, dtype=np.uint8)
    hashes = np.repeat(base[None], 5000, axis=0)
    hashes[np.arange(5000), draw.integers(0, 32, 5000)] ^= 1
    hashes[:, 0] = hashes[:, 0] ^ (draw.integers(0, 2, 5000) << 7).astype(np.uint8)
    index = pd.DataFrame(
        {
            "path": [f"{n:04}.jpg" for n in range(5000)],
            "sha256": [f"{n:064x}" for n in range(5000)],
            "phash": [row.tobytes().hex() for row in hashes],
        }
    )
    found = find_duplicates(index, pixels_of({}), "exclude")
    assert found["kind"].value_counts().to_dict() == {"series": 4999}


def test_a_line_of_text_is_drawn() -> None:
    """A watermark makes another picture: it cannot be told from an object that came."""
    photo = scene(1)
    marked = photo.copy()
    ImageDraw.Draw(marked).text((180, 200), "2021-05-03 12:33", fill="orange", font_size=14)
    assert set(duplicates_of({"a.jpg": photo, "b.jpg": marked})["kind"]) == {"alike"}
