"""A comparison for the terminal and for a pull request."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from stages.compare.record import (
    BaseAndOther,
    ChangedImage,
    Changes,
    ComparisonRecord,
    ImageCounts,
    SeedRun,
    SeedRuns,
)
from stages.compare.text import LIST_LENGTH, comparison_markdown, terminal_text
from stages.stats.intervals import Interval
from tests.compare.example_record import CLASS_CHANGE, example_record, stage_difference
from tests.page.github_markdown import Rendered

Writer = Callable[[Sequence[ComparisonRecord]], str]


@pytest.mark.parametrize("write", [terminal_text, comparison_markdown])
def test_both_texts_have_what_matters(write: Writer) -> None:
    """Verdict, errors, difference, p, images, cause and how many images would tell are there."""
    text = write([example_record()]).replace("\N{NO-BREAK SPACE}", " ").replace("`", "")
    for words in (
        *("branch", "cannot tell", "5.0 % → 4.0 %", "−1.0 (−3.0 to +1.0)", "0.4", "200"),
        *("fine_tune.epochs: 4 → 8 (fine_tune)", "about 7,700 images would tell"),
        *("Macro F1: 94.0 % → 95.0 %", "Log loss: 0.200 → 0.150", "90.0 % sure, 95.0 % right"),
    ):
        assert words in text


SAME = {
    "same_model": "The model is the same, to the byte",
    "difference": Interval(0.0, 0.0, 0.0),
    "images_to_tell": None,
    "newly_wrong": [],
}


@pytest.mark.parametrize("write", [terminal_text, comparison_markdown])
def test_the_same_model_is_said_in_the_verdict_and_first(write: Writer) -> None:
    """No difference, interval, p or score stands beside a model that is the same."""
    text = write([example_record(**SAME)])
    assert text.index("same model") < text.index("The model is the same, to the byte")
    title = "## Better, worse, or cannot tell"
    body = text.removeprefix(title).replace("5.0", "").replace("4.0", "")
    for words in ("cannot tell", "0.0", "would tell", "Macro F1", "Log loss", "0.4"):
        assert words not in body


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


@pytest.mark.parametrize(
    "name",
    [
        "<b>|`@x`\n# *y*",
        "a``![x](http://evil.example/x.png)[x](http://evil.example)",
        "www.evil.example http://evil.example someone@evil.example",
        "@someone #12 owner/repo#12 GH-12 deadbeef0123",
        "\\| x | y\n\n<img src=x>",
    ],
)
def test_names_are_text_and_nothing_else(name: str) -> None:
    """GitHub's renderer finds no link, picture, mention, HTML or cell in any name of compare.md."""
    images = [ChangedImage(path=name, actual=name, base=name, other=name)]
    difference = stage_difference(
        "fine_tune", params={name: (name, 8)}, packages={name: (name, name)}, inputs={name: "added"}
    )
    counts = ImageCounts(counts={"added": 1}, by_class={name: {"added": 1}})
    runs = SeedRuns(runs=[SeedRun(name=name, seed=name, error_rate=0.1)] * 2, sd=0.1)
    record = example_record(
        base=name,
        other=name,
        newly_wrong=images,
        newly_right=images,
        classes=[replace(CLASS_CHANGE, label=name, verdict="worse")],
        changed=Changes(stages=[difference], data=counts),
        seeds=BaseAndOther(base=runs, other=runs),
        notes=[name],
    )
    page = Rendered(comparison_markdown([record]))
    assert page.live == []
    assert (page.tags.count("th"), page.tags.count("td")) == (6, 6)
    assert {"img", "b", "em", "h1"} & set(page.tags) == set()
    assert page.text.count(" ".join(name.split())) >= 4


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
    assert "- nothing that `dvc.lock` knows of" in text


def test_unknown_differences_are_a_dash() -> None:
    """Without common images there is no value, and the text does not invent one."""
    unknown = BaseAndOther[float | None](base=None, other=None)
    text = terminal_text([example_record(n_common=0, error_rate=unknown)])
    assert "– → –  –  " in text


@pytest.mark.parametrize("write", [terminal_text, comparison_markdown])
def test_what_is_not_the_cause_stands_last_in_a_line_each(write: Writer) -> None:
    """Below the causes one line has what was made the same, and one what was not used."""
    stages = [
        stage_difference("presize", "none", packages={"b": ("1", "2"), "c": ("1", "2")}),
        stage_difference("interpret", "aside", params={"interpret.suspects": (4, 5)}),
        stage_difference("fine_tune", packages={"timm": ("1", "2")}),
    ]
    text = write([example_record(changed=Changes(stages=stages, data=None))]).replace("`", "")
    lines = [line.strip(" -") for line in text.splitlines()]
    at = lines.index("packages: timm: 1 → 2 (fine_tune)")
    assert lines[at + 1 : at + 3] == [
        "not the cause, made the same: b: 1 → 2 (presize); c: 1 → 2 (presize)",
        "not the cause, not used: interpret.suspects: 4 → 5 (interpret)",
    ]


@pytest.mark.parametrize("write", [terminal_text, comparison_markdown])
def test_a_changed_package_is_in_both(write: Writer) -> None:
    """What changed at a stage is in the same words everywhere."""
    difference = stage_difference("fine_tune", packages={"timm": ("1", "2")})
    changed = Changes(stages=[difference], data=None)
    assert "packages: timm: 1 → 2" in write([example_record(changed=changed)])
