"""Every row of a table has a photo, or a reason why not."""

from difflib import SequenceMatcher

import pytest

from stages.labels.csv_match import match_rows
from stages.labels.csv_table import CsvRow

PHOTOS = ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"]


def rows(*paths: str) -> list[CsvRow]:
    """Return a row for each path, from line 2 on."""
    return [CsvRow(line, {"path": path}) for line, path in enumerate(paths, start=2)]


def test_rows_of_a_photo_come_together() -> None:
    """Rows that write one path in two harmless ways are rows of one photo."""
    matched = match_rows(rows("cat/1.jpg", "./cat/1.jpg", "x.jpg"), "path", PHOTOS)
    assert {path: [row.line for row in found] for path, found in matched.by_path.items()} == {
        "cat/1.jpg": [2, 3]
    }
    [(row, problem)] = matched.unmatched
    assert (row.line, problem.problem) == (4, "row without photo")
    assert matched.adjusted == []


def meant(written: str, *photos: str) -> str:
    """Return the photo that a row without one is told of, "" where none is."""
    [(_, problem)] = match_rows(rows(written), "path", photos, renamed=False).unmatched
    return problem.detail.partition("did you mean ")[2].strip("'?")


def test_a_misspelt_path_names_the_photo_that_is_like_it() -> None:
    """The nearest photo of the same numbers is asked for; another number is no misspelling."""
    photos = ["cat/1.jpg", "harbour_0412.jpg", "harbour_0413.jpg"]
    assert meant("habour_0412.jpg", *photos) == "harbour_0412.jpg"
    assert meant("harbour_412.jgp", *photos) == "harbour_0412.jpg"
    assert meant("harbour_0414.jpg", *photos) == ""
    assert meant("quay_0412.jpg", *photos) == ""
    assert meant("harbour_0412.jpeg.part", *photos) == "harbour_0412.jpg"


def test_only_the_first_rows_are_looked_for() -> None:
    """Of 30 misspelt rows the first 20 have their photo, since each is a search."""
    photos = [f"harbour_{number}.jpg" for number in range(30)]
    misspelt = rows(*(f"habour_{number}.jpg" for number in range(30)))
    matched = match_rows(misspelt, "path", photos, renamed=False)
    asked = ["did you mean" in problem.detail for _, problem in matched.unmatched]
    assert asked == [True] * 20 + [False] * 10


def test_a_photo_that_another_row_matches_is_not_meant() -> None:
    """A photo with a row of its own is not offered for a misspelt row, the next like it is."""
    photos = ["harbour.jpg", "harbours.jpg"]
    matched = match_rows(rows("harbour.jpg", "harbou.jpg"), "path", photos, renamed=False)
    [(_, problem)] = matched.unmatched
    assert problem.detail.endswith("did you mean 'harbours.jpg'?")
    alone = match_rows(rows("harbour.jpg", "harbou.jpg"), "path", photos[:1], renamed=False)
    assert "did you mean" not in alone.unmatched[0][1].detail


def test_few_of_many_similar_paths_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 3,000 paths without numbers at most 50 are compared for each row, the right one too."""
    compared = []
    ratio = SequenceMatcher.real_quick_ratio

    def counted(matcher: SequenceMatcher[str]) -> float:
        compared.append(matcher)
        return ratio(matcher)

    monkeypatch.setattr(SequenceMatcher, "real_quick_ratio", counted)
    letters = "abcdefghijklmno"
    photos = [
        f"{folder}/photo of {x}{y}{z}.jpg"
        for folder in ("pictures of the harbour", "zoo")
        for x in letters
        for y in letters
        for z in letters[:7]
    ]
    written = [f"zoo/foto of {x}{x}a.jpg" for x in letters[:10]]
    moved = [f"harbour/photo of {x}{x}b.jpg" for x in letters[:10]]
    matched = match_rows(rows(*written, *moved), "path", photos, renamed=False)
    asked = [problem.detail.partition("mean ")[2].strip("'?") for _, problem in matched.unmatched]
    assert asked[:10] == [path.replace("foto", "photo") for path in written]
    assert all(
        path.endswith(row.rpartition("/")[2]) for path, row in zip(asked[10:], moved, strict=True)
    )
    assert [path.rpartition("/")[2] for path in asked[10:]] == [
        path.rpartition("/")[2] for path in moved
    ]
    assert 0 < len(compared) <= 20 * 50


def test_what_was_adjusted_is_counted_with_an_example() -> None:
    """One problem for the file says how its paths were read, not one for each row."""
    matched = match_rows(rows("CAT\\1.jpg", "CAT\\2.jpg"), "path", PHOTOS)
    [problem] = matched.adjusted
    assert problem == (
        "",
        "paths adjusted",
        "taken: 2 paths fit one photo with / for \\, in another case, such as 'CAT\\\\1.jpg' for"
        " 'cat/1.jpg'",
    )


def test_what_would_fit_in_one_of_two_folders_names_the_key() -> None:
    """Where a folder would make names clear, the line says which folder to set."""
    matched = match_rows(rows("1.jpg", "2.jpg"), "path", PHOTOS)
    [problem] = matched.adjusted
    assert problem.problem == "paths would fit"
    assert problem.detail == (
        "not taken: 2 paths fit one photo below cat/, such as '1.jpg' for 'cat/1.jpg';"
        " if they mean these, end ingest.images in cat/"
    )
    assert len(matched.unmatched) == 2


def test_corrections_are_never_renamed() -> None:
    """With renamed off, only the spelling of a path may differ."""
    matched = match_rows(rows("cat\\1.jpg", "2"), "path", PHOTOS, renamed=False)
    assert list(matched.by_path) == ["cat/1.jpg"]
    assert [problem.problem for problem in matched.adjusted] == ["paths adjusted"]
