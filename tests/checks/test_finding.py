"""Findings in their order, and names in one sentence."""

from stages.checks.finding import Finding, error_finding, join_names, warning_finding, worst_first


def test_the_worst_comes_first() -> None:
    """Errors stand before warnings, warnings before notes, and equals keep their order."""
    note = Finding("note", "n", "note")
    first = warning_finding("a", "warning", ["b.jpg", "a.jpg"])
    second = warning_finding("b", "warning")
    error = error_finding("e", "error")
    assert worst_first([note, first, second, error]) == [error, first, second, note]
    assert first.paths == ("a.jpg", "b.jpg")


def test_names_are_cut_at_a_count() -> None:
    """Ten names are all shown, of eleven the last is counted."""
    names = [f"{n}" for n in range(11)]
    assert join_names(names[:10]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert join_names(names).endswith("8, 9, 1 more")
    assert join_names([]) == ""
