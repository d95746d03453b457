"""Paths as people write them are matched with the photos they mean, or with none."""

import time
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.labels.path_match import match_paths

PHOTOS = [f"{kind}/IMG {kind[0]}_{number:02}.jpg" for kind in ("cat", "Dög") for number in range(6)]
repeatable = settings(derandomize=True, deadline=None, max_examples=80)
Rewrite = Callable[[str], str]

SPELLINGS: dict[str, Rewrite] = {
    "with / for \\": lambda path: path.replace("/", "\\"),
    "with its % codes read": quote,
    "in another case": str.upper,
    "without invisible characters": lambda path: f"\u200e{path}".replace(" ", "\N{NO-BREAK SPACE}"),
}
RENAMED: dict[str, Rewrite] = {
    "with an extension": lambda path: path.removesuffix(".jpg"),
    "with another extension": lambda path: path.replace(".jpg", ".png"),
    "without the leading data/photos/": lambda path: f"data/photos/{path}",
    "without the leading /home/me/": lambda path: f"/home/me/{path}",
    "without the leading ../photos/": lambda path: f"../photos/{path}",
    "below a folder": lambda path: path.partition("/")[2],
    "with an extension, below a folder": lambda path: path.partition("/")[2][:-4],
    "with / for \\, without the leading C:/Users/me/": lambda path: (
        "C:\\Users\\me\\" + path.replace("/", "\\")
    ),
    "in another case, with an extension": lambda path: path.upper()[:-4],
}


@pytest.mark.parametrize(("words", "rewrite"), [*SPELLINGS.items(), *RENAMED.items()])
def test_each_way_of_writing_is_understood_and_named(words: str, rewrite: Rewrite) -> None:
    """All paths that are written in one way find their photos, and the way is said."""
    match = match_paths(map(rewrite, PHOTOS), PHOTOS)
    assert match.photos == {rewrite(photo): photo for photo in PHOTOS}
    assert [str(fit) for fit in match.taken] == [words]
    assert match.offered is None


@pytest.mark.parametrize("rewrite", SPELLINGS.values())
def test_another_spelling_is_taken_for_a_single_row_too(rewrite: Rewrite) -> None:
    """Among rows that fit as they are, one in another spelling is found, also with renamed off."""
    written = [*PHOTOS[1:], rewrite(PHOTOS[0])]
    for renamed in (True, False):
        match = match_paths(written, PHOTOS, renamed=renamed)
        assert match.photos[rewrite(PHOTOS[0])] == PHOTOS[0]
        assert len(match.photos) == len(PHOTOS)


@pytest.mark.parametrize("rewrite", RENAMED.values())
def test_another_name_of_few_rows_is_offered_alone(rewrite: Rewrite) -> None:
    """Where most rows fit as they are, a row with another name may well be another photo."""
    written = [*PHOTOS[1:], rewrite(PHOTOS[0])]
    match = match_paths(written, PHOTOS)
    assert rewrite(PHOTOS[0]) not in match.photos
    assert match.offered is not None
    assert match.offered.photos == {rewrite(PHOTOS[0]): PHOTOS[0]}
    assert match_paths(written, PHOTOS, renamed=False).offered is None


def test_a_table_of_all_photos_fits_a_few_of_them() -> None:
    """When half of the photos are found, it does not matter how many rows name others."""
    written = [f"{number}" for number in range(1_000)]
    match = match_paths(written, ["a/7.jpg", "b/99.jpg", "b/cover.jpg"])
    assert match.photos == {"7": "a/7.jpg", "99": "b/99.jpg"}


def test_names_that_stand_in_two_folders_are_offered_with_the_folder() -> None:
    """1.jpg may be train/1.jpg or test/1.jpg: then none is taken, not even one that is clear."""
    photos = ["train/1.jpg", "train/2.jpg", "test/1.jpg", "test/3.jpg"]
    match = match_paths(["1.jpg", "2.jpg"], photos)
    assert (match.photos, match.taken) == ({}, [])
    assert match.offered is not None
    assert str(match.offered) == "below train/"


def test_the_name_of_a_file_alone_is_never_enough() -> None:
    """Rows of train/ do not label the photos of test/, though the names are the same."""
    match = match_paths(["train/1.jpg", "train/2.jpg"], ["test/1.jpg", "test/2.jpg"])
    assert match.photos == {}
    assert match.offered is not None
    assert str(match.offered) == "by the name of the file alone"


@pytest.mark.parametrize(
    ("written", "photos", "expected"),
    [
        (["a.jpg", "A.jpg"], ["a.jpg"], {"a.jpg": "a.jpg"}),
        (["A.JPG"], ["a.jpg", "A.jpg"], {}),
        (["A.jpg", "a.JPG"], ["a.jpg"], {}),
        (["1"], ["1.jpg", "1.png"], {}),
        (
            ["a b.jpg", "a%20b.jpg"],
            ["a%20b.jpg", "a b.jpg"],
            {"a b.jpg": "a b.jpg", "a%20b.jpg": "a%20b.jpg"},
        ),
        ([" ./a.jpg "], ["a.jpg"], {" ./a.jpg ": "a.jpg"}),
        (["", " "], ["a.jpg"], {}),
        (["a.jpg"], [], {}),
        ([], ["a.jpg"], {}),
    ],
)
def test_what_could_mean_two_photos_is_not_guessed(
    written: list[str], photos: list[str], expected: dict[str, str]
) -> None:
    """A path goes to a photo only when no other path and no other photo could be meant."""
    assert match_paths(written, photos).photos == expected


def test_unicode_forms_may_differ() -> None:
    """A path that macOS decomposed is the same path, and is no adjustment."""
    match = match_paths([unicodedata.normalize("NFD", photo) for photo in PHOTOS], PHOTOS)
    assert sorted(match.photos.values()) == sorted(PHOTOS)
    assert match.taken == []


names = st.text(st.sampled_from("abAB1. _-%é"), min_size=1, max_size=6)


@given(
    photos=st.lists(
        st.builds("{}/{}.jpg".format, names, names), min_size=1, max_size=12, unique=True
    ),
    rewrite=st.sampled_from([*SPELLINGS.values(), *RENAMED.values()]),
    extra=st.lists(names, max_size=3),
)
@repeatable
def test_a_photo_is_never_taken_for_another(
    photos: list[str], rewrite: Rewrite, extra: list[str]
) -> None:
    """Whatever the names, a path that was rewritten finds its own photo or none."""
    true = {rewrite(photo): photo for photo in photos}
    if len(true) < len(photos) or true.keys() & set(photos):
        return
    match = match_paths([*true, *extra], photos)
    assert {path: match.photos.get(path, photo) for path, photo in true.items()} == true
    assert len(set(match.photos.values())) == len(match.photos)


def test_many_rows_are_matched_in_seconds() -> None:
    """Rows that fit as they are take 1 us each, and others less than 100."""
    photos = [f"class_{number % 100}/photo_{number:06}.jpg" for number in range(5_000)]
    start = time.process_time()
    assert len(match_paths(photos, photos).photos) == len(photos)
    assert time.process_time() - start < 0.1
    written = [photo.partition("/")[2][:-4] for photo in photos]
    assert len(match_paths(written, photos).photos) == len(photos)
    assert time.process_time() - start < 2
