"""Findings come in the order of their weight."""

from stages.checks.finding import Finding, error_finding, warning_finding, worst_first


def test_the_worst_comes_first() -> None:
    """Errors stand before warnings, warnings before notes, and equals keep their order."""
    note = Finding("note", "n", "note")
    first = warning_finding("a", "warning", ["b.jpg", "a.jpg"])
    second = warning_finding("b", "warning")
    error = error_finding("e", "error")
    assert worst_first([note, first, second, error]) == [error, first, second, note]
    assert first.paths == ("a.jpg", "b.jpg")
