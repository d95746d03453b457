"""Layers: print the rooms of stages/, what each imports, and a line about every module.

Run: make layers, or python -m stages.tools.layers. The source is read, never run.
"""

from stages.base.environment import prepare_process

prepare_process()

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.terminal import say
from stages.tools.source_uses import CODE, module_uses

TABLE = Path("CONTRIBUTING.md")
SCRIPTS = "scripts"  # the stage scripts, which lie in no room
ROW = re.compile(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", re.MULTILINE)


@dataclass(frozen=True)
class Room:
    """A folder of stages/: a line for each module, and the rooms that its modules import."""

    name: str
    modules: Mapping[str, str]  # path -> first line of the docstring
    imports: frozenset[str]


def allowed_imports(root: Path) -> dict[str, frozenset[str]]:
    """Return room -> the rooms that it may import, from the table in CONTRIBUTING.md.

    Rooms stand in the table from the lowest to the highest; each may import itself.
    """
    rows = ROW.findall((root / TABLE).read_text(encoding="utf-8"))
    if not rows:
        raise UserError(f"{TABLE} has no table of rooms: | `room` | what it holds | imports |")
    return {name: frozenset(re.findall(r"`(\w+)`", cell)) | {name} for name, cell in rows}


def rooms(root: Path) -> dict[str, Room]:
    """Return every room of stages/ by name, with what its modules import from other rooms."""
    paths = sorted(path.relative_to(root).as_posix() for path in (root / CODE).rglob("*.py"))
    modules: dict[str, dict[str, str]] = {}
    imports: dict[str, set[str]] = {}
    for path in paths:
        if path.endswith("__init__.py"):
            continue
        name = room_of(path)
        modules.setdefault(name, {})[path] = first_line(root / path)
        imported = {room_of(other) for other in module_uses(root, path)[1]}
        imports.setdefault(name, set()).update(imported - {name})
    return {name: Room(name, modules[name], frozenset(imports[name])) for name in modules}


def room_of(path: str) -> str:
    """Return the room of a module by its path.

    >>> room_of("stages/stats/holm.py"), room_of("stages/presize.py")
    ('stats', 'scripts')
    """
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else SCRIPTS


def first_line(file: Path) -> str:
    """Return the first line of a module's docstring."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def drawing(by_name: Mapping[str, Room], order: list[str]) -> str:
    """Return the rooms from the highest to the lowest, each with its arrows and its modules."""
    width = max(len(path) for room in by_name.values() for path in room.modules)
    lines = []
    for name in reversed(order):
        room = by_name[name]
        below = [other for other in order if other in room.imports]
        lines += ["", f"{name} -> {', '.join(below) or 'nothing'}"]
        lines += [f"  {path:<{width}}  {line}" for path, line in room.modules.items()]
    return "\n".join(lines).strip()


def main() -> None:
    """Print the drawing."""
    order = list(allowed_imports(Path()))
    say(*drawing(rooms(Path()), order).split("\n"))


if __name__ == "__main__":
    run_command(main)
