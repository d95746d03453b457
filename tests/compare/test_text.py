"""A comparison for the terminal and for a pull request."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from stages.compare.record import BaseAndOther, ChangedImage, Changes, ComparisonRecord
from stages.compare.text import LIST_LENGTH, comparison_markdown, terminal_text
from tests.compare.example_record import CLASS_CHANGE, example_record, stage_difference

NASTY = "<b>|`@x`\n# *y*"
Writer = Callable[[Sequence[ComparisonRecord]], str]


@pytest.mark.parametrize("write", [terminal_text, comparison_markdown])
def test_both_texts_have_what_matters(write: Writer) -> None:
    """Verdict, errors, difference, p, images, cause and how many images would tell are there."""
    text = write([example_record()]).replace("\N{NO-BREAK SPACE}", " ").replace("\\", "")
    for words in (
        *("branch", "cannot tell", "5.0 % → 4.0 %", "−1.0 (−3.0 to +1.0)", "0.4", "200"),
        *("fine_tune.epochs: 4 → 8 (fine_tune)", "about 7,700 images would tell"),
        *("Macro F1: 94.0 % → 95.0 %", "Log loss: 0.200 → 0.150", "90.0 % sure, 95.0 % right"),
    ):
        assert words in text


def test_the_terminal_table_is_aligned() -> None:
    """Columns begin at the same place in every row."""
    text = terminal_text([example_record(), example_record(other="a-longer-name")])
    head, first, second = text.splitlines()[:3]
    assert head.index("verdict") == first.index("cannot tell") == second.index("cannot tell")


def test_several_comparisons_are_one_table() -> None:
    """Each has a row and a section, and the text says that p is Holm's."""
    text = comparison_markdown([example_record(), example_record(other="second", verdict="better")])
    assert "| `second` | **better** |" in text
    assert "### `second`: better" in text
    assert "p is Holm's, over 2 comparisons" in text
    assert "Holm" not in comparison_markdown([example_record()])


def test_names_cannot_break_the_page() -> None:
    """Tables keep their columns and HTML stays text, whatever revisions and files are called."""
    images = [ChangedImage(path=NASTY, actual=NASTY, base=NASTY, other=NASTY)]
    text = comparison_markdown([example_record(other=NASTY, newly_wrong=images, notes=[NASTY])])
    (row,) = [line for line in text.splitlines() if line.startswith("| `")]
    assert row.replace("\\|", "").count("|") == 7
    assert not any(line.startswith("# ") for line in text.splitlines())
    prose = [line for line in text.splitlines() if line.startswith("- ") and "`" not in line]
    assert all("<b>" not in line for line in prose)


def test_a_long_name_is_whole() -> None:
    """The path of an image is needed to find it, so it is not cut."""
    path = f"{'folder/' * 30}photo.jpg"
    images = [ChangedImage(path=path, actual="a", base="a", other="b")]
    assert f"`{path}`" in comparison_markdown([example_record(newly_wrong=images)])


def test_long_lists_are_cut() -> None:
    """Of a thousand images the first few are named, and the others counted."""
    images = [
        ChangedImage(path=f"{number}.jpg", actual="a", base="a", other="b")
        for number in range(1000)
    ]
    text = comparison_markdown([example_record(newly_wrong=images)])
    assert "Newly wrong: 1000" in text
    assert f"and {1000 - LIST_LENGTH} more" in text
    assert len(text) < 5000


def test_classes_beyond_noise_are_named() -> None:
    """Only the classes with a verdict of their own are in the text."""
    worse = replace(CLASS_CHANGE, label="owl", other=0.5, verdict="worse")
    text = comparison_markdown([example_record(classes=[CLASS_CHANGE, worse])])
    assert "Classes worse beyond noise: owl (5 → 50 % wrong)" in text
    assert "cat" not in text.split("Where:")[1].split("<details>")[0]


def test_that_nothing_changed_is_stated() -> None:
    """Without a difference in dvc.lock the text says so."""
    text = comparison_markdown([example_record(changed=Changes(stages=[], data=None))])
    assert "- nothing that dvc.lock knows of" in text


def test_unknown_differences_are_a_dash() -> None:
    """Without common images there is no value, and the text does not invent one."""
    unknown = BaseAndOther[float | None](base=None, other=None)
    text = terminal_text([example_record(n_common=0, error_rate=unknown)])
    assert "– → –  –  " in text


@pytest.mark.parametrize("write", [terminal_text, comparison_markdown])
def test_a_changed_package_is_in_both(write: Writer) -> None:
    """What changed at a stage is in the same words everywhere."""
    difference = stage_difference("fine_tune", packages={"timm": ("1", "2")})
    changed = Changes(stages=[difference], data=None)
    assert "packages: timm: 1 → 2" in write([example_record(changed=changed)])
