"""The page of a comparison."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from stages.compare.html import ComparisonView, render_comparison
from stages.compare.record import BaseAndOther, ChangedImage, Changes, ScoreChange
from stages.page.jinja_environment import stylesheet
from stages.stats.intervals import Interval
from tests.compare.example_record import example_record, stage_difference

NASTY = "</script><img src=x onerror=alert(1)>&\"'"


def example_view(**changes: Any) -> ComparisonView:
    """Return a comparison without figures."""
    return ComparisonView(
        record=example_record(**changes),
        thumbnails={"a/b.jpg": "data:image/jpeg;base64,AAAA"},
        confusion=None,
        reliability=None,
    )


class TagParser(HTMLParser):
    """Collects the tags of a page, and fails on one that is closed without being open."""

    VOID = frozenset({"meta", "link", "img", "br", "path", "use", "circle", "rect"})

    def __init__(self) -> None:
        """Begin with nothing open."""
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open a tag."""
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that was opened last."""
        assert self.open.pop() == tag


def tags_of(text: str) -> list[str]:
    """Return every tag of a page whose tags are all closed in order."""
    parser = TagParser()
    parser.feed(text)
    assert parser.open == []
    return parser.tags


def test_of_many_changed_images_the_first_are_listed() -> None:
    """A page of many thousand changed images stays small, and says how many more there are."""
    images = [
        ChangedImage(path=f"{number:05}.jpg", actual="cat", base="cat", other="dog")
        for number in range(20_000)
    ]
    text = render_comparison([example_view(newly_wrong=images)])
    assert "00999.jpg" in text
    assert "01000.jpg" not in text
    assert "and 19,000 more, in compare.json" in text
    assert len(text) < 500_000


def test_one_comparison_is_a_page() -> None:
    """Verdict, errors, cause and picture are on a page whose tags all close."""
    text = render_comparison([example_view()])
    assert tags_of(text).count("img") == 1
    for words in ("These images cannot tell", "fine_tune.epochs: 4 → 8", "Newly wrong: 1", "7,700"):
        assert words in text
    assert text == render_comparison([example_view()])


def test_what_is_not_the_cause_is_one_entry_at_the_end() -> None:
    """What was made the same and what was not used stand last, under one heading."""
    stages = [
        stage_difference("presize", "none", code={"stages/a.py": "changed"}),
        stage_difference("interpret", "aside", params={"x": (4, 5)}),
    ]
    text = render_comparison([example_view(changed=Changes(stages=stages, data=None))])
    assert tags_of(text).count("dt") == 1
    assert "made the same: code (presize)" in text
    assert "not used: x: 4 → 5 (interpret)" in text
    assert text.count("not the cause") == 1


def test_the_same_model_is_the_heading() -> None:
    """The page begins with it, and has no interval, p, whisker or table of classes."""
    note = "The model is the same, to the byte"
    nothing = Interval(0.0, 0.0, 0.0)
    view = example_view(same_model=note, difference=nothing, images_to_tell=None, newly_wrong=[])
    text = render_comparison([view])
    tags_of(text)
    assert ">The same model: 4.0" in text
    assert f'<p class="lead">{note}. It answers alike' in text
    for words in ("cannot tell", "McNemar", "p = ", 'class="whisker"', "Class by class", "0.0 to"):
        assert words not in text
    both = render_comparison([view, example_view()])
    assert "<h1>1 undecided, 1 same model</h1>" in both
    assert both.count('class="whisker"') == 1
    assert "McNemar" in both


def test_several_comparisons_share_a_page() -> None:
    """Each has a row in the first panel and a section with its own anchor."""
    text = render_comparison(
        [
            example_view(),
            example_view(other="second", verdict="better"),
            example_view(verdict="worse"),
        ]
    )
    assert tags_of(text).count("h2") == 3
    assert 'id="other-3"' in text
    assert "<h1>1 better, 1 worse, 1 undecided</h1>" in text


def test_the_test_is_not_that_of_the_first_alone() -> None:
    """One model stands first, and the other comparison counts groups."""
    same = example_view(same_model="The model is the same", images_to_tell=None)
    text = render_comparison([same, example_view(groups=12)])
    assert "Sign-flip test over groups, two-sided." in text
    assert "McNemar" not in text
    assert "about 7,700 images in 470 groups would tell" in text


def test_verdicts_that_did_not_occur_are_not_counted() -> None:
    """The heading names the verdicts that there are, and nothing after the last."""
    better = example_view(verdict="better")
    assert "<h1>2 better</h1>" in render_comparison([better, better])
    assert "<h1>1 better, 1 undecided</h1>" in render_comparison([example_view(), better])


def test_names_stay_text() -> None:
    """No name of a revision, class or file becomes a tag."""
    images = [ChangedImage(path=NASTY, actual=NASTY, base=NASTY, other=NASTY)]
    view = example_view(base=NASTY, other=NASTY, newly_right=images, notes=[NASTY])
    text = render_comparison([view])
    assert "<img src=x" not in text
    assert "script" not in tags_of(text)
    plain = example_view(newly_right=[replace(images[0], path="x")], notes=["x"])
    assert sorted(tags_of(text)) == sorted(tags_of(render_comparison([plain])))


def test_nothing_comes_from_a_network() -> None:
    """The page loads nothing and runs nothing, and its style is that of the report."""
    text = render_comparison([example_view()])
    assert "default-src 'none'" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    assert "--accent" in stylesheet()
    assert stylesheet() in text


def test_unequal_classes_have_a_tile_of_mean_recall() -> None:
    """The tile stands there only where the record has the score."""
    assert "Macro recall" not in render_comparison([example_view()])
    recall = ScoreChange(base=0.8, other=0.7, difference=Interval(-0.1, -0.2, 0.01))
    text = render_comparison([example_view(macro_recall=recall)])
    assert "<span>Macro recall</span><b>70.0" in text
    assert "−10.0 (−20.0 to +1.0); every class counts alike" in text


def test_a_comparison_of_nothing_is_a_page() -> None:
    """Without common images, classes, scores and data there is still a page that says so."""
    view = example_view(
        n_common=0,
        classes=[],
        macro_f1=None,
        log_loss=None,
        newly_wrong=[],
        error_rate=BaseAndOther(base=None, other=None),
        notes=["No image in common"],
        difference=Interval(None, -1.0, 1.0),
        changed=Changes(stages=None, data=None),
        not_common={"removed": 4},
    )
    text = render_comparison([view])
    tags_of(text)
    assert "No image in common" in text
    assert "4 validation images are not compared" in text


def test_figures_are_shown_where_there_are_any() -> None:
    """A figure stands on the page as svg, with a name for those who do not see it."""
    view = ComparisonView(
        record=example_record(), thumbnails={}, confusion="<svg>1</svg>", reliability=None
    )
    text = render_comparison([view])
    assert tags_of(text).count("svg") == 1
    assert 'aria-label="Change of the confusion matrix"' in text
    assert "Accuracy over confidence" not in text
