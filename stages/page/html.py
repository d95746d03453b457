"""reports/index.html: one file that needs no network, every name in it escaped."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd
from jinja2 import Environment
from markupsafe import Markup, escape

from stages.page.content import Page
from stages.page.formatting import (
    VERDICTS,
    first_five,
    groups_sentence,
    interval_ends,
    is_probe,
    of_groups,
    p_is,
    paired_test,
    probability,
    pvalue,
    recipe_sentences,
    times,
    trial_images,
)
from stages.page.jinja_environment import jinja_environment, stylesheet

_FOLDER = Path(__file__).parent
_PAGE_TEMPLATE = "templates/page.html"
# Templates that the page and its sections include or import; dvc.yaml lists them by these names.
_SHARED_TEMPLATES = ("templates/macros.html", "templates/review.html")
_SCRIPTS = (
    "templates/tables.js",
    "templates/corrections.js",
    "templates/entry.js",
    "templates/review.js",
)
# The sections of the page in their order: id, name in the menu, template.
_SECTIONS = (
    ("result", "", "templates/result.html"),
    ("mistakes", "Mistakes", "templates/mistakes.html"),
    ("confusion", "Confusion", "templates/confusion.html"),
    ("classes", "Classes", "templates/classes.html"),
    ("suspects", "Labels", "templates/suspects.html"),
    ("trust", "Trust", "templates/trust.html"),
    ("next", "Next", "templates/next.html"),
    ("data", "Data", "templates/data.html"),
    ("training", "Training", "templates/training.html"),
    ("provenance", "Provenance", "templates/provenance.html"),
)
_LIST_ROWS = 40  # of a list that may be long; the rest is in the file that the page names
_PATH_END = 36  # characters that two lines of the narrowest card hold
_LIST_TEXT = 60  # characters of a list in the provenance; a longer one is counted


@dataclass(frozen=True, kw_only=True)
class PageScript:
    """A script of the page, and its hash for the page's content security policy."""

    text: Markup
    integrity: str  # as the policy writes it: sha256-...


def render_page(page: Page) -> str:
    """Return the page as HTML; the same content gives the same text."""
    template = page_environment().get_template(_PAGE_TEMPLATE)
    text = template.render(
        page=page,
        result=page.result,
        reports=page.reports,
        metrics=page.result.metrics,
        verdicts=VERDICTS,
        sections=_SECTIONS,
        style=stylesheet(),
        scripts=[read_page_script(name) for name in _SCRIPTS],
        most=_LIST_ROWS,
    )
    return text.strip() + "\n"


def page_environment(*folders: Path) -> Environment:
    """Return the environment of the report, with templates of other folders before its own."""
    environment = jinja_environment(*folders, _FOLDER)
    environment.filters |= {
        "first_five": first_five,
        "interval_ends": interval_ends,
        "probability": probability,
        "is_probe": is_probe,
        "p_is": p_is,
        "paired_test": paired_test,
        "groups_sentence": groups_sentence,
        "of_groups": of_groups,
        "trial_images": trial_images,
        "pvalue": pvalue,
        "recipe_sentences": recipe_sentences,
        "times": times,
        "records": _records,
        "flatten": flatten,
        "breakable": breakable,
        "path_end": path_end,
        "wrong": _wrong,
        "right": _right,
    }
    return environment


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table, each as a mapping by column."""
    return [{str(column): cell for column, cell in row.items()} for row in table.to_dict("records")]


def _wrong(rows: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Return the rows of predictions that are wrong."""
    return [row for row in rows if row["actual"] != row["predicted"]]


def _right(rows: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """Return the rows of predictions that are right."""
    return [row for row in rows if row["actual"] == row["predicted"]]


def read_page_script(name: str) -> PageScript:
    """Return a script of this package and its hash; the page's policy lets no other script run."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    digest = b64encode(sha256(text.encode()).digest()).decode()
    return PageScript(
        text=Markup(text),  # noqa: S704 - a file of this package
        integrity=f"sha256-{digest}",
    )


def breakable(name: str) -> Markup:
    """Return a name, escaped, that may break after an underscore, a slash or a hyphen.

    >>> str(breakable("<b>_a"))
    '&lt;b&gt;_<wbr>a'
    """
    escaped = str(escape(name))
    return Markup(re.sub(r"([_/-])", r"\1<wbr>", escaped))  # noqa: S704 - escaped the line before


def path_end(path: str) -> str:
    """Return a path, of a long one its end, since paths of one folder begin alike.

    >>> path_end("cat/1.jpg"), path_end("camera 3/2024-05-17 harbour/ships/IMG_0001.jpg")
    ('cat/1.jpg', '…24-05-17 harbour/ships/IMG_0001.jpg')
    """
    return path if len(path) <= _PATH_END else f"…{path[1 - _PATH_END :]}"


def flatten(value: Mapping[str, object], prefix: str = "") -> Sequence[tuple[str, str]]:
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
            text = ", ".join(map(str, inner))
            rows.append((dotted, text if len(text) <= _LIST_TEXT else f"{len(inner)} values"))
        else:
            rows.append((dotted, "none" if inner is None else str(inner)))
    return rows
