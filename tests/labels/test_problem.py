"""A problem is a line that a terminal shows as text."""

from stages.labels.problem import Problem


def test_a_problem_prints_on_one_line() -> None:
    """Line ends and control characters in a file name do not reach the terminal."""
    assert str(Problem("a\n\x1b[31m.jpg", "no match", "x")) == r"'a\n\x1b[31m.jpg': no match: x"
    assert str(Problem("", "labels look alike", "")) == "labels look alike"
    assert len(str(Problem("a" * 12_000, "no match", "b" * 12_000))) < 1_000
    assert str(Problem("b \N{CAT FACE}.jpg", "dropped", "")) == "b \N{CAT FACE}.jpg: dropped"
