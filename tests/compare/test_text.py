"""A comparison for the terminal and for a pull request."""

import pytest

from stages.compare.pairing import REASONS
from stages.compare.text import MOST, code, markdown, plain, terminal
from stages.compare.words import APART, not_compared, points, sentence
from tests.compare.example_record import record, stage

NASTY = "<b>|`@x`\n# *y*"


@pytest.mark.parametrize("write", [terminal, markdown])
def test_both_texts_have_what_matters(write) -> None:
    """Verdict, errors, difference, p, images, cause and how many images would tell are there."""
    text = write([record()]).replace("\N{NO-BREAK SPACE}", " ").replace("\\", "")
    for words in (
        *("branch", "cannot tell", "5.0 % → 4.0 %", "−1.0 (−3.0 to +1.0)", "0.4", "200"),
        *("fine_tune.epochs: 4 → 8 (fine_tune)", "about 7,700 images would tell"),
        *("Macro F1: 94.0 % → 95.0 %", "Log loss: 0.200 → 0.150", "90.0 % sure, 95.0 % right"),
    ):
        assert words in text


def test_the_terminal_table_is_aligned() -> None:
    """Columns begin at the same place in every row."""
    head, first, second = terminal([record(), record(other="a-longer-name")]).splitlines()[:3]
    assert head.index("verdict") == first.index("cannot tell") == second.index("cannot tell")


def test_several_comparisons_are_one_table() -> None:
    """Each has a row and a section, and p is said to be Holm's."""
    text = markdown([record(), record(other="second", verdict="better")])
    assert "| `second` | **better** |" in text
    assert "### `second`: better" in text
    assert "p is Holm's, over 2 comparisons" in text
    assert "Holm" not in markdown([record()])


def test_names_cannot_break_the_page() -> None:
    """Tables keep their columns and HTML stays text, whatever revisions and files are called."""
    rows = [{"path": NASTY, "actual": NASTY, "base": NASTY, "other": NASTY}]
    text = markdown([record(other=NASTY, newly_wrong=rows, notes=[NASTY])])
    (row,) = [line for line in text.splitlines() if line.startswith("| `")]
    assert row.replace("\\|", "").count("|") == 7
    assert not any(line.startswith("# ") for line in text.splitlines())
    prose = [line for line in text.splitlines() if line.startswith("- ") and "`" not in line]
    assert all("<b>" not in line for line in prose)
    assert plain("@team") == "&#64;team"


def test_code_is_closed_by_more_ticks_than_it_holds() -> None:
    """A name with backticks is fenced by two, and a name of one line stays one line."""
    assert code("a") == "`a`"
    assert code("a`b") == "`` a`b ``"
    assert "\n" not in code("a\nb")


def test_long_lists_are_cut() -> None:
    """Of a thousand pictures the first few are named, and the others counted."""
    rows = [{"path": f"{n}.jpg", "actual": "a", "base": "a", "other": "b"} for n in range(1000)]
    text = markdown([record(newly_wrong=rows)])
    assert "Newly wrong: 1000" in text
    assert f"and {1000 - MOST} more" in text
    assert len(text) < 5000


def test_classes_beyond_noise_are_named() -> None:
    """Only the classes with a verdict of their own are in the text."""
    worse = {**record()["classes"][0], "label": "owl", "other": 0.5, "verdict": "worse"}
    text = markdown([record(classes=[*record()["classes"], worse])])
    assert "Classes worse beyond noise: owl (5 → 50 % wrong)" in text
    assert "cat" not in text.split("Where:")[1].split("<details>")[0]


def test_nothing_changed_is_said() -> None:
    """Without a difference in dvc.lock the text says so, not nothing."""
    text = markdown([record(changed={"stages": [], "data": None})])
    assert "- nothing that dvc.lock knows of" in text


def test_images_that_are_not_compared_are_counted_by_reason() -> None:
    """The reasons are words, and each that can occur has some."""
    assert not_compared(record()) == ""
    text = not_compared(record(not_common={"added": 3, "moved": 1}))
    assert text == "4 validation images are not compared: 3 new, 1 in training on one side."
    assert not_compared(record(not_common={"removed": 1})).startswith("1 validation image is")
    assert APART.keys() == REASONS.keys()


def test_the_sentence_suits_the_verdict() -> None:
    """A clear verdict gives counts; an open one what would settle it."""
    assert sentence(record(verdict="better")).endswith("4 only in main.")
    assert "So small a difference" in sentence(record(images_to_tell=None))
    seeds = {"base": {"runs": [], "sd": None}, "other": {"runs": [], "sd": 0.1}}
    assert "More seeds" in sentence(record(images_to_tell=None, seeds=seeds))
    assert "no image on which" in sentence(record(n_common=0))


@pytest.mark.parametrize(("right", "words"), [(0, "0 are"), (1, "1 is"), (2, "2 are")])
def test_one_image_is_and_two_are(right: int, words: str) -> None:
    """The verb agrees with the number of images that the other has right alone."""
    assert f"images {words} right only in" in sentence(record(only_other_right=right))


def test_unknown_differences_are_a_dash() -> None:
    """Without common images there is no value, and the text does not invent one."""
    assert points({"value": None, "low": -1.0, "high": 1.0}).startswith("–")
    text = terminal([record(n_common=0, error_rate={"base": None, "other": None})])
    assert "– → –" in text


def test_the_cause_of_a_package_is_in_both() -> None:
    """What changed at a stage is read from the same words everywhere."""
    changed = {"stages": [stage("fine_tune", packages={"timm": ("1", "2")})], "data": None}
    for write in (terminal, markdown):
        assert "packages: timm: 1 → 2" in write([record(changed=changed)])
