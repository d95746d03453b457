"""Names and sentences that stay what they are in GitHub's Markdown."""

import pytest
from hypothesis import given, settings

from stages.base.terminal import printable
from stages.page.markdown_escape import CODE_SPAN_LENGTH, code_span, plain_sentence
from tests.page.github_markdown import Rendered, weapons

ONE_LINE_OF_CODE = ["p", "code"]


def visible(text: str) -> str:
    """Return a text on one line, as people see it."""
    return printable(" ".join(text.split()))


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("six", "`six`"),
        ("<script>@all #1", "`<script>@all #1`"),
        ("a|b", "`a|b`"),
        ("`x`", "`` `x` ``"),
        ("a``b", "`a``b`"),
        ("a``b`c", "```a``b`c```"),
        ("two\nlines", "`two lines`"),
        ("", '`""`'),
    ],
)
def test_a_name_is_one_span(name: str, span: str) -> None:
    """Markup, mentions, backticks and line ends in a name are just characters."""
    assert code_span(name) == span


@settings(max_examples=80, deadline=None)
@given(weapons)
def test_a_span_is_the_name_and_nothing_else(name: str) -> None:
    """GitHub's renderer shows the name, all of it as code, whatever it is."""
    page = Rendered(code_span(name, longest=None))
    assert page.tags == ONE_LINE_OF_CODE
    assert page.text.strip("\n") == (visible(name) or '""')


@settings(max_examples=80, deadline=None)
@given(weapons, weapons)
def test_a_table_of_names_keeps_its_cells(first: str, second: str) -> None:
    """Two names in two cells are two cells, whatever bars and backslashes they contain."""
    row = f"| {code_span(first, None, in_table=True)} | {code_span(second, None, in_table=True)} |"
    page = Rendered(f"{row}\n|---|---|\n{row}\n")
    assert [tag for tag in page.tags if tag in ("th", "td")] == ["th", "th", "td", "td"]
    assert page.tags.count("code") == 4
    expected = [visible(name) or '""' for name in (first, second)]
    assert [line for line in page.text.split("\n") if line] == expected * 2


@settings(max_examples=100, deadline=None)
@given(weapons)
def test_a_sentence_is_its_text_and_nothing_acts(text: str) -> None:
    """In a paragraph and in a list the text is whole, without a link, a picture or a mention."""
    for lead in ("", "- "):
        page = Rendered(lead + plain_sentence(text))
        assert " ".join(page.text.split()) == " ".join(visible(text).split())
        assert set(page.tags) <= {"p", "code", "ul", "li"}
        assert page.tags.count("ul") == bool(lead)
        assert page.live == []


def test_very_many_backticks_are_one_span() -> None:
    """A run of more backticks than a fence may have needs a fence of one."""
    name = f"x{'`' * 200}![](http://evil.example/x.png)"
    page = Rendered(code_span(name, longest=None))
    assert (page.tags, page.text.strip()) == (ONE_LINE_OF_CODE, name)


def test_a_long_name_is_cut() -> None:
    """A name of just the length stays; a longer one ends in an ellipsis."""
    whole = "x" * CODE_SPAN_LENGTH
    assert code_span(whole) == f"`{whole}`"
    assert code_span(whole + "y") == f"`{'x' * (CODE_SPAN_LENGTH - 1)}…`"
    assert code_span(whole + "y", longest=None) == f"`{whole}y`"


@pytest.mark.parametrize(
    "text",
    [
        "Of 1,200 common images 12 are right only in main",
        "mean 4.5 %, standard deviation −0.3 points (two seeds)",
        "the results are from before, so it's near-identical: nothing → more.",
    ],
)
def test_prose_stays_prose(text: str) -> None:
    """Words, numbers and their punctuation are not made code."""
    assert plain_sentence(text) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("fine_tune.epochs: 4 → 8 (fine_tune)", "`fine_tune.epochs`: 4 → 8 (`fine_tune`)"),
        ("<b> @someone", "`<b>` `@someone`"),
        ("two\nlines", "two lines"),
        ("1. one", "`1.` one"),
        ("0.5 and 1.0123456789", "0.5 and `1.0123456789`"),  # its end could be a commit
    ],
)
def test_what_is_no_plain_word_is_code(text: str, plain: str) -> None:
    """Keys, markup and mentions stand as code between their punctuation."""
    assert plain_sentence(text) == plain
