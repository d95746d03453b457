"""reports/compare/index.html: one file that needs no network, with the report's stylesheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.compare.record import ComparisonRecord
from stages.compare.text import NOTHING_CHANGED
from stages.compare.what_changed import NOT_THE_CAUSE, not_the_cause, what_changed
from stages.compare.words import (
    adjusted_pvalue,
    choosing_sentence,
    groups_note,
    not_compared,
    seed_lines,
    signed,
    signed_interval,
    verdict_sentence,
    verdict_word,
    which_test,
)
from stages.page.formatting import pvalue
from stages.page.jinja_environment import jinja_environment, stylesheet

_FOLDER = Path(__file__).with_name("templates")
_TEMPLATE = "comparison.html"
_SHOWN_CLASSES = 40  # rows of the table of classes; the rest is in compare.json
_LISTED_IMAGES = 1000  # without a picture, newly wrong or newly right; of 18,000 each it was 3 MB
_LEAST_SCALE = 0.01  # half the width of the axis of differences is at least a point


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """One comparison on the page."""

    record: ComparisonRecord
    thumbnails: Mapping[str, str]  # path -> data URI, of images newly wrong or newly right
    confusion: str | None  # svg; None where nothing changed
    reliability: str | None  # svg; None where a side has no confidence


def render_comparison(views: Sequence[ComparisonView]) -> str:
    """Return the page; the same content gives the same text."""
    environment = jinja_environment(_FOLDER)
    environment.filters |= {
        "pvalue": pvalue,
        "signed": signed,
        "signed_interval": signed_interval,
        "adjusted_pvalue": adjusted_pvalue,
        "verdict_sentence": verdict_sentence,
        "verdict_word": verdict_word,
        "choosing_sentence": choosing_sentence,
        "groups_note": groups_note,
        "which_test": which_test,
        "not_compared": not_compared,
        "seed_lines": seed_lines,
        "what_changed": what_changed,
        "not_the_cause": not_the_cause,
    }
    differences = [view.record.difference for view in views]
    widest = max(max(abs(ends.low), abs(ends.high)) for ends in differences)
    text = environment.get_template(_TEMPLATE).render(
        views=views,
        base=views[0].record.base,
        style=stylesheet(),
        scale=max(1.08 * widest, _LEAST_SCALE),
        nothing_changed=NOTHING_CHANGED,
        no_cause=NOT_THE_CAUSE,
        shown_classes=_SHOWN_CLASSES,
        listed_images=_LISTED_IMAGES,
    )
    return text.strip() + "\n"
