"""A way of reading paths fits a path to one photo, or to none."""

import pytest

from stages.labels.path_ways import Way, fit_paths, loose_names, respelled, without_extension

PHOTOS = {path: path for path in ("cat/1.jpg", "cat/2.JPG", "dog/3.jpg")}


@pytest.mark.parametrize(
    ("way", "written", "words"),
    [
        (Way(), "cat/1.jpg", ""),
        (Way(extension="add"), "cat/1", "with an extension"),
        (Way(extension="other"), "cat/1.png", "with another extension"),
        (Way(folders="prefix"), "a/b/cat/1.jpg", "without the leading a/b/"),
        (Way(folders="tail"), "1.jpg", "below a folder"),
        (Way(folders="below"), "1.jpg", "below cat/"),
        (Way(folders="name"), "emu/1.jpg", "by the name of the file alone"),
        (Way(folders="tail", extension="add"), "1", "with an extension, below a folder"),
    ],
)
def test_each_way_finds_its_photo(way: Way, written: str, words: str) -> None:
    """A path fits in its way, and the way says in words what was done."""
    fit = fit_paths(way, {written: written}, PHOTOS, frozenset())
    assert fit.photos == {written: "cat/1.jpg"}
    assert str(fit) == words


def test_one_photo_goes_to_one_path() -> None:
    """Of two paths that fit the same photo none gets it, nor one that has a row already."""
    way = Way(extension="other")
    written = {"cat/1.png": "cat/1.png", "cat/1.gif": "cat/1.gif"}
    assert fit_paths(way, written, PHOTOS, frozenset()).photos == {}
    one = {"cat/1.png": "cat/1.png"}
    assert fit_paths(way, one, PHOTOS, frozenset({"cat/1.jpg"})).photos == {}


def test_a_path_that_fits_several_photos_is_counted() -> None:
    """Two photos of one name leave a path unclear."""
    photos = {path: path for path in ("train/1.jpg", "test/1.jpg", "train/2.jpg")}
    written = {"1.jpg": "1.jpg", "2.jpg": "2.jpg"}
    fit = fit_paths(Way(folders="tail"), written, photos, frozenset())
    assert (fit.photos, fit.unclear) == ({"2.jpg": "train/2.jpg"}, 1)


def test_the_prefix_is_that_of_most_paths() -> None:
    """Paths with another prefix are left out, and the shortest of equal prefixes is taken."""
    written = {path: path for path in ("x/cat/1.jpg", "x/cat/2.JPG", "y/dog/3.jpg")}
    fit = fit_paths(Way(folders="prefix"), written, PHOTOS, frozenset())
    assert list(fit.photos) == ["x/cat/1.jpg", "x/cat/2.JPG"]


def test_spellings_are_read_in_any_combination() -> None:
    """Backslashes, % codes, invisible characters and case go together."""
    assert respelled("Cat\\My%20Cat\u200b.JPG") == "cat/my cat.jpg"
    assert respelled("Cat\\1.JPG", ["with / for \\"]) == "Cat/1.JPG"
    assert loose_names("a\\B%20c.tar.GZ") == ("b c.tar.gz", "b c.tar")


@pytest.mark.parametrize(
    ("path", "stem"),
    [("a.b/c", "a.b/c"), (".jpg", ".jpg"), ("a/.x", "a/.x"), ("a.", "a"), ("", "")],
)
def test_what_is_no_extension_stays(path: str, stem: str) -> None:
    """A dot in a folder or at the start of a name begins no extension."""
    assert without_extension(path) == stem
