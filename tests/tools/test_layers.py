"""The drawing of the rooms comes from the source and from the table in CONTRIBUTING.md."""

from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.tools import layers

TABLE = """
| room | holds | may import |
|---|---|---|
| `base` | what all need | |
| `stats` | numbers | `base` |
| `scripts` | the stages | `base`, `stats` |
"""
MODULES = {
    "base/files.py": '"""Files: written whole."""\n',
    "stats/holm.py": '"""Holm\'s method."""\nfrom stages.base.files import write\n',
    "interpret.py": '"""Interpret.\n\nMore."""\nfrom stages.stats.holm import holm\n',
    "stats/__init__.py": "",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Return a small repository with two rooms and a script."""
    (tmp_path / "CONTRIBUTING.md").write_text(TABLE)
    for name, text in MODULES.items():
        path = tmp_path / "stages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_table_says_what_may_be_imported(house: Path) -> None:
    """A row names a room and the rooms it may import; a room may always import itself."""
    assert layers.allowed_imports(house) == {
        "base": {"base"},
        "stats": {"base", "stats"},
        "scripts": {"base", "stats", "scripts"},
    }


def test_a_page_without_the_table_is_an_error(house: Path) -> None:
    """Without the table nothing is allowed by accident: the error says what belongs there."""
    (house / "CONTRIBUTING.md").write_text("# Contributing\n")
    with pytest.raises(UserError, match="no table of rooms"):
        layers.allowed_imports(house)


def test_rooms_import_what_their_modules_import(house: Path) -> None:
    """A room's arrows are the imports of its modules; empty __init__.py files are no modules."""
    found = layers.rooms(house)
    assert found["base"].imports == set()
    assert found["stats"].imports == {"base"}
    assert found["scripts"].imports == {"stats"}
    assert found["stats"].modules == {"stages/stats/holm.py": "Holm's method."}


def test_the_drawing_has_a_line_a_module(house: Path) -> None:
    """The highest room comes first, each with its arrows and the first line of every module."""
    order = list(layers.allowed_imports(house))
    lines = layers.drawing(layers.rooms(house), order).splitlines()
    assert [line for line in lines if "->" in line] == [
        "scripts -> stats",
        "stats -> base",
        "base -> nothing",
    ]
    assert "  stages/base/files.py  Files: written whole." in lines
