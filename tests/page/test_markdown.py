"""The text for a pull request: the page's facts, small, with names that stay names."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.page.markdown import LONGEST, code_span, report_markdown
from stages.stats.interpretation import Interpretation, InterpretParams, interpret
from tests.example_results import NASTY, arrays, properties

COUNTS = {"train": 320, "valid": 80}


def result(labels: list[str], right: float = 0.8) -> Interpretation:
    """Return a made-up interpretation of 400 images."""
    paths = np.array([f"a|b`{number}`.jpg" for number in range(400)])
    targets = np.random.default_rng(0).permutation(400) % len(labels)
    predictions, baseline = arrays(labels, targets, paths, right=right)
    params = InterpretParams(top_losses=12, most_confused=30, suspects=40)
    return interpret(
        predictions, baseline, pd.Series(paths, paths), properties(paths), params, seed=1
    )


def test_it_says_what_the_page_says_first() -> None:
    """Headline with both intervals, verdict, pairs and suspects, and never long."""
    made = result([f"kind {number}" for number in range(12)])
    text = report_markdown(made, COUNTS, "abc123")
    own = made.metrics["error_rate"]
    assert text.startswith("## Fine-tuning is better than the linear probe: ")
    assert f"{100 * own['value']:.1f} % error ({100 * own['low']:.1f} to" in text
    assert f"| {code_span(made.suspects['path'][0])} |" in text
    first = made.confused.iloc[0]
    assert f"| {first['count']} of {first['of']} |" in text
    assert "Data: 320 train, 80 valid; fingerprint `abc123`." in text
    assert "and 30 more on the page." in text
    assert len(text) < 4000


def test_nothing_to_tell_is_said() -> None:
    """A model that is always right has no confused pairs."""
    assert "No class was taken for another." in report_markdown(
        result(["a", "b"], 3.0), COUNTS, "abc"
    )


def test_names_are_code() -> None:
    """Every row of a table has as many cells as its header, whatever the names."""
    text = report_markdown(result(NASTY), COUNTS, "abc")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
    assert not re.search(r"(?<!`)<script>", text)
    assert "x" * LONGEST not in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("six", "`six`"),
        ("<script>@all #1", "`<script>@all #1`"),
        ("a|b", r"`a\|b`"),
        ("`x`", "`` `x` ``"),
        ("two\nlines", "`two lines`"),
    ],
)
def test_a_name_is_one_span(name: str, shown: str) -> None:
    """Markup, mentions, bars, backticks and line ends in a name are just characters."""
    assert code_span(name) == shown


@given(st.text(min_size=1).filter(str.strip))
def test_a_span_closes_where_it_should(name: str) -> None:
    """No run of backticks inside is as long as the fence, and the span is one line."""
    span = code_span(name)
    fence = re.match("`+", span)[0]
    inside = span[len(fence) : -len(fence)]
    assert span.endswith(fence)
    assert fence not in re.findall("`+", inside)
    assert len(span.splitlines()) == 1
