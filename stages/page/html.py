"""reports/index.html: one file that needs no network, every name in it escaped."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from stages.page.content import Page
from stages.page.words import VERDICTS, chance, ends, p_is, percent, times

FOLDER = Path(__file__).parent
PAGE = "templates/page.html"
SHARED = ("templates/macros.html", "templates/review.html")
STYLE = "templates/style.css"
SCRIPTS = ("templates/tables.js", "templates/corrections.js", "templates/review.js")
# The sections of the page in their order: id, name in the menu, template.
SECTIONS = (
    ("result", "", "templates/result.html"),
    ("mistakes", "Mistakes", "templates/mistakes.html"),
    ("confusion", "Confusion", "templates/confusion.html"),
    ("classes", "Classes", "templates/classes.html"),
    ("suspects", "Labels", "templates/suspects.html"),
    ("trust", "Trust", "templates/trust.html"),
    ("data", "Data", "templates/data.html"),
    ("training", "Training", "templates/training.html"),
    ("provenance", "Provenance", "templates/provenance.html"),
)
ROWS = 40  # of a list that may be long; the rest is in the file that the page names


def render_page(page: Page) -> str:
    """Return the page; the same content gives the same text."""
    text = (
        jinja_environment()
        .get_template(PAGE)
        .render(
            page=page,
            result=page.result,
            reports=page.reports,
            metrics=page.result.metrics,
            verdicts=VERDICTS,
            sections=SECTIONS,
            style=STYLE,
            scripts=[script(name) for name in SCRIPTS],
            most=ROWS,
        )
    )
    return text.strip() + "\n"


def jinja_environment() -> Environment:
    """Return what renders templates; they escape every name, and take no variable for granted."""
    made = Environment(
        loader=FileSystemLoader(FOLDER, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "percent": percent,
        "ends": ends,
        "chance": chance,
        "p_is": p_is,
        "thousands": lambda number: f"{number:,}",
        "times": times,
        "records": lambda table: table.to_dict("records"),
        "flat": flatten,
        "soft": soft,
        "svg": Markup,
    }
    return made


def script(name: str) -> tuple[Markup, str]:
    """Return a script of ours and its hash, by which the page's policy lets it run and no other."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return Markup(text), "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


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
