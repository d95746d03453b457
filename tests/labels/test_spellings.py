"""Merged spellings and look-alikes are named with their counts."""

from stages.labels.labels import PhotoLabels
from stages.labels.problem import Problem
from stages.labels.spellings import similar_labels, spelling_problems


def test_labels_that_differ_by_case_or_spaces_are_named_with_their_counts() -> None:
    """One problem for each group of look-alikes, and none for labels that are just different."""
    labels = ["Cat", "cat", "cat", "c at", "dog", "dogs", "d-og"]
    assert similar_labels(labels) == [
        Problem("", "labels look alike", "'Cat' (1 image), 'c at' (1 image), 'cat' (2 images)")
    ]


def test_letters_of_another_script_are_a_warning_and_no_merger() -> None:
    """A Cyrillic letter in a Latin word stays a class of its own, and is reported."""
    labels = dict(enumerate(["cat", "c\N{CYRILLIC SMALL LETTER A}t"]))
    named = PhotoLabels({str(number): label for number, label in labels.items()})
    assert spelling_problems(named) == [
        Problem("", "labels look alike", "'cat' (1 image), 'c\\u0430t' (1 image)")
    ]


def test_merged_spellings_are_told_with_every_sign_visible() -> None:
    """Six spellings of one word are one problem, in which each can be told from the others."""
    written = ["cat", "cat\u200b", "\u200ecat", "c\u00adat", "cat\ufeff", "cat\u2060", "cat\ufe0f"]
    paths = [f"{number}.jpg" for number in range(len(written))]
    labels = PhotoLabels(
        dict.fromkeys(paths, "cat") | {"d.jpg": "dog", "e.jpg": "emu"},
        written=dict(zip(paths[1:], written[1:], strict=True)) | {"e.jpg": "emu\u200b"},
    )
    [problem] = spelling_problems(labels)
    assert problem.problem == "spellings merged"
    assert problem.detail.endswith("are one class, 'cat'")
    assert problem.detail.isprintable()
    for sign in ("\\u200b", "\\u200e", "\\xad", "\\ufeff", "\\u2060", "\\ufe0f"):
        assert sign in problem.detail
    assert "emu" not in problem.detail


def test_a_photo_without_label_has_no_spelling() -> None:
    """A spelling is counted only while its photo has a label."""
    assert spelling_problems(PhotoLabels({"a.jpg": "cat"}, written={"b.jpg": "cat\u200b"})) == []
