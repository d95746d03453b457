"""A rule labels every photo or says why it does not."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.base.errors import UserError
from stages.labels import name_regex
from stages.labels.label_rule import by_filename, by_folder, label_photos
from stages.labels.label_text import clean_label
from stages.labels.labels import PhotoLabels
from stages.labels.problem import Problem
from tests.example_rule import example_rule
from tests.measured_work import measured_work

repeatable = settings(derandomize=True, deadline=None, max_examples=100)


def test_pets_are_labelled_by_the_regex_of_the_book() -> None:
    """The default regex takes all before the last number, as fastbook does for Pets."""
    result = by_filename(["great_pyrenees_173.jpg", "sub/Abyssinian_34.jpg"], example_rule())
    assert result.labels == {
        "great_pyrenees_173.jpg": "great_pyrenees",
        "sub/Abyssinian_34.jpg": "Abyssinian",
    }
    assert result.unlabelled == []


def test_every_mismatch_is_a_problem_not_only_the_first() -> None:
    """Photos that the regex does not match are listed one by one, with the regex."""
    result = by_filename(["a.jpg", "cat_1.jpg", "b.jpg"], example_rule())
    assert result.labels == {"cat_1.jpg": "cat"}
    assert [problem.path for problem in result.unlabelled] == ["a.jpg", "b.jpg"]
    assert {problem.problem for problem in result.unlabelled} == {"no match"}
    assert r"^(.+)_\d+" in result.unlabelled[0].detail


def test_the_regex_looks_at_the_name_or_at_the_whole_path() -> None:
    """On path the folders count too; on name they do not exist."""
    pattern = r"^(\w+)/"
    assert by_filename(["cat/1.jpg"], example_rule(regex=pattern)).labels == {}
    assert by_filename(["cat/1.jpg"], example_rule(regex=pattern, on="path")).labels == {
        "cat/1.jpg": "cat"
    }


@pytest.mark.parametrize("name", ["_1.jpg", "  _1.jpg"])
def test_a_group_that_catches_nothing_gives_no_label(name: str) -> None:
    """An empty label is a problem of its own, not a class."""
    result = by_filename([name], example_rule(regex=r"^(.*)_\d"))
    assert result.labels == {}
    assert result.unlabelled[0].problem == "empty label"


def test_a_group_outside_the_match_gives_no_label() -> None:
    """When the match goes past the group, there is no label to take."""
    result = by_filename(["1.jpg"], example_rule(regex=r"^(?:(cat)|\d)"))
    assert result.unlabelled[0].problem == "no match"


def test_a_decomposed_name_gets_the_composed_label() -> None:
    """A name in which é is two characters, as macOS writes it, has the same label as elsewhere."""
    composed = "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    path = unicodedata.normalize("NFD", composed) + "_1.jpg"
    assert by_filename([path], example_rule(regex=r"^(\w{4})_")).labels == {path: composed}


def test_a_pathological_regex_is_stopped() -> None:
    """A regex that would run for years ends in one line that names the key and the photo."""
    with (
        measured_work() as work,
        pytest.raises(
            UserError, match=r"^ingest\.label\.regex .* took over 0\.5 s on 'aaaa"
        ) as caught,
    ):
        by_filename(["a" * 60 + "!"], example_rule(regex=r"^(?:(?:a|aa)+)+(b)$"))
    assert work.seconds < 5
    assert "\n" not in str(caught.value)


def test_a_regex_that_is_slow_on_every_name_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that each stay below the limit do not add up to hours."""
    monkeypatch.setattr(name_regex, "_TOTAL_SECONDS", 0.2)
    names = [f"{'a' * 18}{number:03}!" for number in range(1000)]
    slow = r"took far too long on names such as 'aaaa"
    with measured_work() as work, pytest.raises(UserError, match=slow):
        by_filename(names, example_rule(regex=r"^(?:(?:a|aa)+)+(b)$"))
    assert work.seconds < 5


def test_labels_are_cleaned_and_their_spelling_is_remembered() -> None:
    """A name or folder with an invisible character gives the class that it shows."""
    paths = ["cat_1.jpg", "cat\u200b_2.jpg"]
    result = by_filename(paths, example_rule())
    assert result.labels == dict.fromkeys(paths, "cat")
    assert result.written == {paths[1]: "cat\u200b"}
    result = by_folder(["c\u00adat/1.jpg", " cat/2.jpg", "\u200b/3.jpg"])
    assert result.labels == {"c\u00adat/1.jpg": "cat", " cat/2.jpg": "cat"}
    assert result.written == {"c\u00adat/1.jpg": "c\u00adat", "\u200b/3.jpg": "\u200b"}
    assert [problem.problem for problem in result.unlabelled] == ["no folder"]


def test_a_folder_names_the_class_of_what_lies_in_it() -> None:
    """Only the nearest folder counts, and a photo at the top has no label."""
    result = by_folder(["train/cat/1.jpg", "dog/2.jpg", "3.jpg"])
    assert result.labels == {"train/cat/1.jpg": "cat", "dog/2.jpg": "dog"}
    assert [problem[:2] for problem in result.unlabelled] == [("3.jpg", "no folder")]


@given(st.lists(st.text(st.characters(blacklist_characters="/\0", codec="utf-8"), min_size=1)))
@repeatable
def test_each_photo_is_labelled_or_a_problem(names: list[str]) -> None:
    """Whatever the names, no photo is lost and none is both labelled and not."""
    paths = sorted({f"{name}_1.jpg" for name in names} | set(names))
    for result in (
        by_filename(paths, example_rule()),
        by_folder(paths),
        by_folder([f"x/{p}" for p in paths]),
    ):
        unlabelled = [problem.path for problem in result.unlabelled]
        assert len(unlabelled) == len(set(unlabelled))
        assert not set(unlabelled) & result.labels.keys()
        assert len(unlabelled) + len(result.labels) == len(paths)
        assert all(label == clean_label(label) != "" for label in result.labels.values())


def test_the_csv_adds_the_split_to_any_rule() -> None:
    """With another rule, splits and problems of the CSV stay, and its labels give way."""
    rows = PhotoLabels(
        splits={"cat_1.jpg": "valid"}, problems=[Problem("x", "y", "z")], merged_rows=3
    )
    result = label_photos(["cat_1.jpg", "x.jpg"], example_rule(), rows)
    assert result.labels == {"cat_1.jpg": "cat"}
    assert [problem.path for problem in result.unlabelled] == ["x.jpg"]
    assert (result.splits, result.problems, result.merged_rows) == (rows.splits, rows.problems, 3)
    assert label_photos(["cat/1.jpg"], example_rule(by="folder"), rows).labels == {
        "cat/1.jpg": "cat"
    }
    assert label_photos(["cat/1.jpg"], example_rule(by="csv"), rows) is rows
