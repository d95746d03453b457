"""The environment that renders every page."""

from pathlib import Path

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from stages.page.formatting import SPACE
from stages.page.jinja_environment import jinja_environment, stylesheet


def rendered(folder: Path, template: str, **variables: object) -> str:
    """Return a template, written into the folder, with these variables."""
    (folder / "page.html").write_text(template, encoding="utf-8")
    return jinja_environment(folder).get_template("page.html").render(**variables)


def test_every_name_is_escaped(tmp_path: Path) -> None:
    """Markup in a variable is text on the page, in an attribute too."""
    name = "<b>\"'&"
    escaped = "&lt;b&gt;&#34;&#39;&amp;"
    text = rendered(tmp_path, '<p title="{{ name }}">{{ name }}</p>', name=name)
    assert text == f'<p title="{escaped}">{escaped}</p>'


def test_a_figure_is_not_escaped(tmp_path: Path) -> None:
    """The filter svg marks our own drawings as markup."""
    assert rendered(tmp_path, "{{ figure | svg }}", figure="<svg/>") == "<svg/>"


@pytest.mark.parametrize("template", ["{{ missing }}", "{% if missing %}{% endif %}"])
def test_a_missing_variable_is_an_error(tmp_path: Path, template: str) -> None:
    """A variable that is not given is never an empty text."""
    with pytest.raises(UndefinedError, match="missing"):
        rendered(tmp_path, template)


def test_a_line_with_a_tag_alone_leaves_no_line(tmp_path: Path) -> None:
    """Tags may be indented as the markup around them."""
    template = "<ul>\n  {% for n in numbers %}\n  <li>{{ n }}</li>\n  {% endfor %}\n</ul>"
    assert rendered(tmp_path, template, numbers=[1]) == "<ul>\n  <li>1</li>\n</ul>"


def test_numbers_are_written_alike_on_every_page(tmp_path: Path) -> None:
    """The filters percent and thousands are there for all pages."""
    assert rendered(tmp_path, "{{ 0.25 | percent }}, {{ 1234 | thousands }}") == (
        f"25.0{SPACE}%, 1,234"
    )


def test_a_template_outside_the_folder_is_not_found(tmp_path: Path) -> None:
    """Templates come from the one folder."""
    (tmp_path / "outside.html").write_text("x", encoding="utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(TemplateNotFound):
        jinja_environment(inner).get_template("../outside.html")


def test_the_stylesheet_stands_in_a_page_as_it_is(tmp_path: Path) -> None:
    """It is not escaped, asks the network for nothing, and cannot end its element."""
    style = stylesheet()
    assert (
        rendered(tmp_path, "<style>{{ style }}</style>", style=style) == f"<style>{style}</style>"
    )
    assert "prefers-color-scheme: dark" in style
    assert "</" not in style
    assert "@import" not in style
    assert "http" not in style
