"""Set in params.yaml the values of a preset; comments, order and layout stay as they are.

Run: python -m stages.tools.preset NAME, where presets/NAME.yaml has the values. `make photographs`
does it for photographs.
"""

from stages.base.environment import prepare_process

prepare_process()

import sys
from pathlib import Path

from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.files import write_bytes
from stages.base.params import PARAMS
from stages.base.terminal import say
from stages.base.yaml_file import read_yaml
from stages.tools.yaml_text import values_as_written, with_values

PRESETS = Path("presets")


def preset_names(root: Path) -> list[str]:
    """Return the names of all presets, sorted."""
    return sorted(path.stem for path in (root / PRESETS).glob("*.yaml"))


def preset_values(root: Path, name: str) -> dict[str, str]:
    """Return dotted key -> value of a preset, as written; UserError names those there are."""
    names = preset_names(root)
    if name not in names:
        there_are = ", ".join(names) or f"none in {PRESETS}/; run from the root of the repository"
        raise UserError(f"there is no preset {name!r}; there are: {there_are}")
    path = root / PRESETS / f"{name}.yaml"
    read_yaml(path)  # a file that is not valid YAML is a UserError
    return values_as_written(path.read_text(encoding="utf-8"))


def merge_preset(text: str, values: dict[str, str]) -> tuple[str, list[str]]:
    r"""Return the text of params.yaml with a preset's values, and each change in words.

    >>> merge_preset("augment:\n  size: 96 # pixels", {"augment.size": "224"})
    ('augment:\n  size: 224 # pixels', ['augment.size: 96 -> 224'])
    """
    before = values_as_written(text)
    if missing := [key for key in values if key not in before]:
        raise UserError(f"{PARAMS}: {missing[0]} is missing, which the preset sets")
    changed = {key: value for key, value in values.items() if before[key] != value}
    words = [f"{key}: {before[key]} -> {value}" for key, value in changed.items()]
    return with_values(text, changed), words


def main() -> None:
    """Change params.yaml, and print how."""
    if len(sys.argv) != 2:
        names = " | ".join(preset_names(Path()))
        raise UserError(f"python -m stages.tools.preset takes the name of a preset: {names}")
    name = sys.argv[1]
    read_yaml(PARAMS)
    values = preset_values(Path(), name)
    # As bytes, since reading as text would make every line end a line feed.
    text, changes = merge_preset(PARAMS.read_bytes().decode("utf-8"), values)
    write_bytes(PARAMS, text.encode("utf-8"))
    say(*(changes or [f"{PARAMS} has every value for {name} already"]))


if __name__ == "__main__":
    run_command(main)
