"""reports/compare/index.html: one file that needs no network, in the looks of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from stages.compare.text import NOTHING
from stages.compare.what_changed import what_changed
from stages.compare.words import errors, not_compared, p_of, points, scores, seeds, sentence, signed
from stages.page.words import percent, pvalue

TEMPLATE = Path(__file__).with_name("templates") / "comparison.html"
STYLE = Path(__file__).with_name("templates") / "style.css"
CLASSES = 40  # rows of the table of classes; the rest is in compare.json


@dataclass(frozen=True)
class ComparisonView:
    """One comparison on the page."""

    record: Mapping[str, Any]  # of compare.json
    thumbnails: Mapping[str, str]  # path -> data URI of pictures that changed sides
    confusion: str | None  # svg, None where nothing changed
    reliability: str | None  # svg, None where a side does not know its confidence


def render_comparison(shown: Sequence[ComparisonView]) -> str:
    """Return the page; the same content gives the same text."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": percent,
        "pvalue": pvalue,
        "points": points,
        "signed": signed,
        "errors": errors,
        "p_of": p_of,
        "sentence": sentence,
        "apart": not_compared,
        "scores": scores,
        "seeds": seeds,
        "causes": what_changed,
        "thousands": lambda number: f"{number:,}",
        "svg": Markup,
    }
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    widest = max(
        (abs(one.record["difference"][end]) for one in shown for end in ("low", "high")), default=0
    )
    text = template.render(
        shown=shown,
        base=shown[0].record["base"],
        style=Markup(STYLE.read_text(encoding="utf-8")),
        scale=max(1.08 * widest, 0.01),
        nothing=NOTHING,
        most=CLASSES,
    )
    return text.strip() + "\n"
