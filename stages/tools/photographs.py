"""Set in params.yaml what suits photographs, as its comments say. Run: make photographs."""

import re
from pathlib import Path

from stages.base.errors import UserError, run_command
from stages.base.files import write_text

FILE = Path("params.yaml")
SECTION = re.compile(r"(\w+):")
# A key, its value, and the first value that its comment names for photographs.
KEY = re.compile(r"(\s+(\w+): *)(\S+)( .*?for photographs ([\w.]*\w).*)")


def suited(text: str) -> tuple[str, list[str]]:
    """Return the text of params.yaml with those values, and each change in words.

    >>> suited("augment:\\n  size: 96 # pixels; for photographs 224")
    ('augment:\\n  size: 224 # pixels; for photographs 224', ['augment.size: 96 -> 224'])
    """
    lines, changes, section = [], [], ""
    for line in text.split("\n"):
        if named := SECTION.match(line):
            section = named[1]
        if (said := KEY.fullmatch(line)) and said[3] != said[5]:
            changes.append(f"{section}.{said[2]}: {said[3]} -> {said[5]}")
            line = f"{said[1]}{said[5]}{said[4]}"
        lines.append(line)
    return "\n".join(lines), changes


def main() -> None:
    """Change the file, and say how."""
    try:
        text = FILE.read_text("utf-8")
    except OSError as error:
        raise UserError(f"{FILE}: {error.strerror}; run this where it lies") from None
    changed, changes = suited(text)
    write_text(FILE, changed)
    print("\n".join(changes) or f"{FILE} has every value for photographs already")


if __name__ == "__main__":
    run_command(main)
