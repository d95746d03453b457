"""A file beside a photo is no photo, and a photo that is damaged is one still."""

from stages.dataset.photo_files import other_file_rows, other_files, photo_files
from stages.dataset.scan import FileFacts
from stages.labels.problem import Problem


def facts(path: str, image_format: str = "") -> FileFacts:
    """Return the facts of a file; without a format it is no image."""
    side = 40 if image_format else 0
    return FileFacts(path, "0" * 64, image_format, side, side, 1)


def paths(files: list[FileFacts]) -> list[str]:
    """Return the paths of files."""
    return [file.path for file in files]


def test_what_programs_put_beside_photos_is_no_photo() -> None:
    """Side files of Takeout, Lightroom and phones, notes and tables, are told apart by ending."""
    takeout = ["a.jpg.json", "a.jpg.supplemental-metadata.json"]
    others_beside = ["a.xmp", "a.AAE", "a.MOV", "notes.txt", "labels.csv", "a.jpg:id", "README"]
    beside = takeout + others_beside
    files = [facts("a.jpg", "JPEG"), *map(facts, beside)]
    assert paths(photo_files(files)) == ["a.jpg"]
    others = other_files(files, photo_files(files))
    assert sum(map(len, others.values())) == len(beside)
    assert others[".json"] == takeout


def test_what_is_meant_as_a_photo_is_one() -> None:
    """A damaged JPEG, a HEIC, a camera's raw file and an image without its ending are photos."""
    damaged = [facts(name) for name in ("a.JPG", "a.HEIC", "a.CR3", "empty.png")]
    images = [facts("a.dng", "TIFF"), facts("x.bin", "PNG"), facts("a.jpg_original", "JPEG")]
    files = damaged + images
    assert photo_files(files) == files
    assert other_files(files, files) == {}


def test_a_damaged_photo_among_photos_without_an_ending_is_a_photo() -> None:
    """Where half of the files with an ending are images the others are damaged; else they are not.

    An image that was named .json by mistake does not make photos of all .json files.
    """
    named = [facts("1", "JPEG"), facts("2"), facts("a.dat", "PNG"), facts("b.dat"), facts("c.dat")]
    named += [facts("x.json", "JPEG"), *(facts(f"{number}.json") for number in range(5))]
    photos = photo_files(named)
    assert paths(photos) == ["1", "2", "a.dat", "x.json"]
    assert {name: len(rest) for name, rest in other_files(named, photos).items()} == {
        ".dat": 2,
        ".json": 5,
    }


def test_the_list_of_problems_has_a_row_for_each_ending() -> None:
    """Thousands of side files are a row, which counts them and names one."""
    others = {
        ".json": [f"{number}.jpg.json" for number in range(2000)],
        "no extension": ["LICENSE"],
    }
    assert other_file_rows(others) == [
        Problem("0.jpg.json", "not a photo", "the first of 2,000 files with .json"),
        Problem("LICENSE", "not a photo", "the first of 1 file with no extension"),
    ]
