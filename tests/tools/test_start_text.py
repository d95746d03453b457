"""What start says of a proposal: counts, three examples, the other ways, what stays open."""

from stages.dataset.split_advice import SplitAdvice
from stages.labels.label_guess import guess_labels
from stages.tools.start_params import ParamChange
from stages.tools.start_text import change_lines, guess_lines, proposal_lines
from tests.example_rule import example_rule


def lines_of(*paths: str, taken: int = 1) -> list[str]:
    """Return the lines about photos."""
    guess = guess_labels(paths, [], example_rule())
    sides = SplitAdvice(by="folds", reason="few validate")
    return list(guess_lines(guess, taken, "data/photos", sides))


def test_a_class_has_its_count_and_three_examples() -> None:
    """Each class is a line with the number of its photos and the first three of them."""
    lines = lines_of(*(f"{name}/{n}.jpg" for name in ("cat", "dog") for n in range(5)))
    assert "2 classes, 10 photos:" in lines
    assert "  cat       5  cat/0.jpg, cat/1.jpg, cat/2.jpg, ..." in lines


def test_the_sides_have_their_reason() -> None:
    """What divides the photos is named with its param and why, or with who gives it."""
    paths = [f"{name}/{n}.jpg" for name in ("cat", "dog") for n in range(5)]
    assert "Sides  by folds (datablock.split.by): few validate" in lines_of(*paths)
    [proposal] = guess_labels(paths, [], example_rule()).proposals
    assert "Sides  as datablock.split.by in params.yaml says" in proposal_lines(proposal, None)
    given = guess_labels(
        [f"{side}/{path}" for side in ("train", "val") for path in paths], [], example_rule()
    )
    assert "Sides  as the folders say" in proposal_lines(given.proposals[0], None)


def test_at_most_ten_classes_are_shown() -> None:
    """Of twelve classes ten have a line, and one line counts the others."""
    lines = lines_of(*(f"{chr(97 + at)}x/{n}.jpg" for at in range(12) for n in range(2)))
    assert sum(line.endswith("/1.jpg") for line in lines) == 10
    assert "  ... and 2 more classes" in lines


def test_long_names_are_cut() -> None:
    """A class of 200 characters leaves its line readable."""
    lines = lines_of(*(f"{letter * 200}/{n}.jpg" for letter in "ab" for n in range(5)))
    assert max(map(len, lines)) < 200


def test_other_ways_and_photos_without_label_are_said() -> None:
    """A second way has its number, and photos without a label are counted with their param."""
    named = [f"part{part}/{name}_{n}.jpg" for part in (1, 2) for name in "ab" for n in range(9)]
    lines = lines_of(*named, "part1/other.jpg")
    assert (
        "Also possible, TAKE=2: by the folder that holds the photo: 2 classes, part1, part2"
        in lines
    )
    assert any("ingest.label.regex: 1 of 37 photos get no label" in line for line in lines)
    assert "Labels by the folder that holds the photo" in lines_of(*named, taken=2)


def test_changes_are_said_with_both_values() -> None:
    """A changed param has a line; where none changes, that is said."""
    change = ParamChange(key="ingest.label.by", before="filename", after="folder")
    assert list(change_lines([change])) == [
        "In params.yaml:",
        "  ingest.label.by: 'filename' -> 'folder'",
    ]
    assert list(change_lines([])) == ["params.yaml says all of this already."]
