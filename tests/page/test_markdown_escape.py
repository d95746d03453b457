"""Names and sentences that stay what they are in GitHub's Markdown."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.page.markdown_escape import CODE_SPAN_LENGTH, code_span, plain_sentence


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("six", "`six`"),
        ("<script>@all #1", "`<script>@all #1`"),
        ("a|b", r"`a\|b`"),
        ("`x`", "`` `x` ``"),
        ("a``b`c", "```a``b`c```"),
        ("two\nlines", "`two lines`"),
    ],
)
def test_a_name_is_one_span(name: str, span: str) -> None:
    """Markup, mentions, bars, backticks and line ends in a name are just characters."""
    assert code_span(name) == span


@given(st.text(min_size=1).filter(str.strip))
def test_a_span_closes_where_it_should(name: str) -> None:
    """No run of backticks inside is as long as the fence, and the span is one line."""
    span = code_span(name)
    fence = re.match("`+", span)
    assert fence is not None
    inside = span[len(fence[0]) : -len(fence[0])]
    assert span.endswith(fence[0])
    assert fence[0] not in re.findall("`+", inside)
    assert len(span.splitlines()) == 1


def test_a_long_name_is_cut() -> None:
    """A name of just the length stays; a longer one ends in an ellipsis."""
    whole = "x" * CODE_SPAN_LENGTH
    assert code_span(whole) == f"`{whole}`"
    assert code_span(whole + "y") == f"`{'x' * (CODE_SPAN_LENGTH - 1)}…`"
    assert code_span(whole + "y", longest=None) == f"`{whole}y`"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a_b *c* [d](e)", r"a\_b \*c\* \[d\](e)"),
        ("`code` | cell", r"\`code\` \| cell"),
        ("<b> @someone", "&lt;b&gt; &#64;someone"),
        ("back\\slash_", r"back\\slash\_"),
        ("two\nlines", "two lines"),
    ],
)
def test_nothing_in_a_sentence_is_markup(text: str, plain: str) -> None:
    """Emphasis, links, code, tables, HTML and mentions are escaped, on one line."""
    assert plain_sentence(text) == plain


@given(st.text(alphabet=st.characters(exclude_characters="&")))
def test_a_plain_sentence_reads_as_the_text(text: str) -> None:
    r"""Without its backslashes and entities it is the text on one line (CommonMark 2.4 and 2.5)."""
    unescaped = re.sub(r"\\([\\`*_\[\]|])", r"\1", plain_sentence(text))
    assert html.unescape(unescaped) == " ".join(text.split())
