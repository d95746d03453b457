"""The page of a comparison."""

from html.parser import HTMLParser

import numpy as np
import pytest

from stages.compare.figures import MOST, confusion_change, reliability_change_figure
from stages.compare.html import STYLE, ComparisonView, render_comparison
from stages.stats.reliability import reliability
from tests.compare.example_record import record

NASTY = "</script><img src=x onerror=alert(1)>&\"'"


def shown(**changes) -> ComparisonView:
    """Return a comparison without figures."""
    return ComparisonView(record(**changes), {"a/b.jpg": "data:image/jpeg;base64,AAAA"}, None, None)


class Tags(HTMLParser):
    """Counts opened tags, and fails on one that is closed without being open."""

    VOID = frozenset({"meta", "link", "img", "br", "i/", "path", "use", "circle", "rect"})

    def __init__(self) -> None:
        """Begin with nothing open."""
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        """Open a tag."""
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        """Close the tag that was opened last."""
        assert self.open.pop() == tag


def tags(text: str) -> list[str]:
    """Return every tag of a page whose tags are all closed in order."""
    parser = Tags()
    parser.feed(text)
    assert parser.open == []
    return parser.seen


def test_one_comparison_is_a_page() -> None:
    """Verdict, errors, cause and picture are on a page whose tags all close."""
    text = render_comparison([shown()])
    assert tags(text).count("img") == 1
    for words in ("These images cannot tell", "fine_tune.epochs: 4 → 8", "Newly wrong: 1", "7,700"):
        assert words in text
    assert text == render_comparison([shown()])


def test_several_comparisons_share_a_page() -> None:
    """Each has a row in the first panel and a section with its own anchor."""
    text = render_comparison(
        [shown(), shown(other="second", verdict="better"), shown(verdict="worse")]
    )
    assert tags(text).count("h2") == 3
    assert 'id="other-3"' in text
    assert "<h1>1 better, 1 worse, 1 undecided</h1>" in text


def test_verdicts_that_nobody_got_are_not_counted() -> None:
    """The heading names the verdicts that there are, and nothing after the last."""
    better = shown(verdict="better")
    assert "<h1>2 better</h1>" in render_comparison([better, better])
    assert "<h1>1 better, 1 undecided</h1>" in render_comparison([shown(), better])


def test_names_stay_text() -> None:
    """No name of a revision, class or file becomes a tag."""
    rows = [{"path": NASTY, "actual": NASTY, "base": NASTY, "other": NASTY}]
    text = render_comparison([shown(base=NASTY, other=NASTY, newly_right=rows, notes=[NASTY])])
    assert "<img src=x" not in text
    assert "script" not in tags(text)


def test_nothing_comes_from_a_network() -> None:
    """The page loads nothing and runs nothing, and its looks are those of the report."""
    text = render_comparison([shown()])
    assert "default-src 'none'" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    style = STYLE.read_text(encoding="utf-8")
    assert "--accent" in style
    assert style in text


def test_a_comparison_of_nothing_is_a_page() -> None:
    """Without common images, classes, scores and data there is still a page that says so."""
    nothing = {
        "n_common": 0, "classes": [], "macro_f1": None, "log_loss": None, "newly_wrong": [],
        "error_rate": {"base": None, "other": None}, "notes": ["No image in common"],
        "difference": {"value": None, "low": -1.0, "high": 1.0},
        "changed": {"stages": None, "data": None}, "not_common": {"removed": 4},
    }  # fmt: skip
    text = render_comparison([shown(**nothing)])
    tags(text)
    assert "No image in common" in text
    assert "4 validation images are not compared" in text


def test_the_change_of_confusion_shows_only_what_changed() -> None:
    """Classes without a change are left out; without any change there is no figure."""
    change = np.zeros((4, 4))
    assert confusion_change(list("abcd"), change, "x") is None
    change[0, 2], change[0, 0] = 3, -3
    svg = confusion_change(["ant", "bee", "cow", "doe"], change, "x")
    assert "+3" in svg
    assert "−3" in svg
    assert "ant" in svg
    assert "bee" not in svg


def test_of_many_classes_the_busiest_are_shown() -> None:
    """A large matrix is cut to the classes with most changes."""
    names = [f"class{n:03}" for n in range(90)]
    change = np.diag(np.arange(1.0, 91.0))
    svg = confusion_change(names, change, "x")
    assert sum(svg.count(f">{name}<") for name in names) == 2 * MOST
    assert "class089" in svg
    assert "class001" not in svg


@pytest.mark.parametrize("images", [1, 500])
def test_reliability_is_drawn_before_and_after(images) -> None:
    """Both curves are in the figure, with few images and with many; the same gives the same."""
    rng = np.random.default_rng(0)
    sides = [reliability(rng.random((1, images)), rng.random((1, images)) > 0.5) for _ in range(2)]
    svg = reliability_change_figure(*sides, "x")
    assert svg == reliability_change_figure(*sides, "x")
    for words in ("before", "after", "how sure the model was"):
        assert words in svg
