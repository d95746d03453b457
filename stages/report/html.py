"""reports/index.html: one file that needs no network, every name in it escaped."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from stages.report.interpretation import Interpretation
from stages.report.words import VERDICTS, chance, ends, percent, pvalue

TEMPLATE = Path(__file__).with_name("page.html")
ROWS = 40  # of a table that may be long; the rest is in the file that the page names


@dataclass(frozen=True)
class Page:
    """Everything that the page shows."""

    result: Interpretation
    thumbnails: Mapping[str, str]  # path -> data URI, for every image that the result names
    overlays: Mapping[str, str]  # path -> data URI of where the model looked; {} when not available
    confusion: Sequence[tuple[str, str]]  # (caption, svg)
    trust: Mapping[str, str]  # svg of trust_figures by name
    batch: str  # data URI of the first batch as the model sees it
    epochs: str  # data URI of one image as the coming epochs see it
    presizing: str  # data URI of photos resampled once, and once per operation
    counts: Mapping[str, int]  # name -> images
    findings: Sequence[Mapping[str, Any]]  # of the datablock's summary
    problems: Mapping[str, pd.DataFrame]  # file that lists them -> path, problem, detail
    suggestion: Mapping[str, Any]  # of lr_find
    finder: str | None  # svg, None where the sweep was skipped
    history: str  # svg
    provenance: Mapping[str, Any]  # data/model/model.json


def render(page: Page) -> str:
    """Return the page; the same content gives the same text."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": percent,
        "ends": ends,
        "chance": chance,
        "pvalue": pvalue,
        "thousands": lambda number: f"{number:,}",
        "records": lambda table: table.to_dict("records"),
        "soft": soft,
        "svg": Markup,
    }
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(
        page=page,
        result=page.result,
        metrics=page.result.metrics,
        verdicts=VERDICTS,
        provenance=list(flatten(page.provenance)),
        most=ROWS,
    )
    return text.strip() + "\n"


def soft(name: str) -> Markup:
    """Return a name, escaped, that may break after an underscore, a slash or a hyphen.

    >>> str(soft("<b>_a"))
    '&lt;b&gt;_<wbr>a'
    """
    return Markup(re.sub(r"([_/-])", r"\1<wbr>", str(escape(name))))


def flatten(value: Mapping[str, Any], prefix: str = "") -> Sequence[tuple[str, str]]:
    """Return the dotted names of a nested mapping and their values as text; long lists by length.

    >>> flatten({"arch": "resnet34", "params": {"lr": [1, 2]}})
    [('arch', 'resnet34'), ('params.lr', '1, 2')]
    """
    rows: list[tuple[str, str]] = []
    for name, inner in value.items():
        dotted = f"{prefix}.{name}" if prefix else str(name)
        if isinstance(inner, Mapping):
            rows += flatten(inner, dotted)
        elif isinstance(inner, list):
            few = ", ".join(map(str, inner))
            rows.append((dotted, few if len(few) <= 60 else f"{len(inner)} values"))
        else:
            rows.append((dotted, "none" if inner is None else str(inner)))
    return rows
