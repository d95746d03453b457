"""The jinja environment and the stylesheet of every page that the project writes.

Light on purpose: the comparison of revisions renders with it too, and has no scikit-learn.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from stages.page.formatting import percent, thousands

_STYLESHEET = "templates/style.css"


def jinja_environment(*folders: Path) -> Environment:
    """Return an environment for the templates below some folders, with the filters of all pages.

    Autoescape: every name becomes text, whatever markup it contains. Strict: a variable that is not
    given is an error, never an empty string. A line that holds only a tag leaves no empty line.
    """
    environment = Environment(
        loader=FileSystemLoader(folders, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "thousands": thousands, "svg": Markup}
    return environment


def stylesheet() -> Markup:
    """Return the stylesheet of the pages, to stand inside <style> as it is."""
    path = Path(__file__).parent / _STYLESHEET
    return Markup(path.read_text(encoding="utf-8"))  # noqa: S704 - a file of this package
