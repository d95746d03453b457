"""Run a command of Finetrack, with or without make; `help` shows the commands.

Run     python -m stages.tools.run COMMAND [KEY=value ...], such as predict PHOTOS=album OUT=a.csv

make calls it too. It needs nothing but Python, since it makes the environment first. A value is
text: no shell reads it. A variable of that name counts too.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - said here, since all else needs it
    sys.exit(
        "Finetrack needs Python 3.11 or newer, such as: make PYTHON=python3.12"
        + ("; remove the .venv of this older one first" if sys.prefix != sys.base_prefix else "")
    )

import os
from collections.abc import Mapping, Sequence

from stages.base.errors import UserError
from stages.base.system_errors import system_error_line
from stages.base.terminal import ended_when_unread, say
from stages.tools.command_lines import COMMANDS
from stages.tools.own_python import run_program


def main() -> None:
    """Run the command, and end with the exit code of its first program that fails."""
    try:
        # make says "Error 1" of a code that is none of help's reader, who has seen enough.
        with ended_when_unread(0 if sys.argv[1:] in ([], ["help"]) else 1):
            code = _run(sys.argv[1:])
    except UserError as error:
        say(f"finetrack: {error.lines[0]}", *error.lines[1:], file=sys.stderr)
        code = 1
    except OSError as error:
        say(f"finetrack: {system_error_line(error)}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:  # between two programs, which have it else
        code = 130
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    name, *words = arguments or ["help"]
    if name not in COMMANDS:
        raise UserError(f"{name} is no command; these are: {', '.join(COMMANDS)}")
    command = COMMANDS[name]
    goals = os.environ.get("GOALS", "").split() or [name]
    _refuse_unknown(os.environ.get("MAKE_VARIABLES", "").split(), goals)
    values = _values(name, command.keys, words)
    programs = command.programs(values)
    variables: Mapping[str, str] = os.environ
    if command.own_python:
        command.own_python.prepare(values.get("TORCH", ""))
        variables = command.own_python.variables()
    for first, *rest in programs:
        program = str(command.own_python.python) if command.own_python else first
        if code := run_program([program, *rest], variables):
            return code
    if command.own_python and not programs and name in goals:
        say(command.own_python.ready_line())
    return 0


def _refuse_unknown(names: Sequence[str], goals: Sequence[str]) -> None:
    """Refuse a variable on make's command line that no goal knows: make itself would ignore it.

    What every goal takes is let through: TORCH, PYTHON and Finetrack's environment variables.
    """
    keys = [key for goal in goals if goal in COMMANDS for key in COMMANDS[goal].keys]
    unknown = [
        name
        for name in names
        if name not in (*keys, "TORCH", "PYTHON") and not name.startswith("FINETRACK_")
    ]
    if unknown:
        raise UserError(
            f"{' '.join(goals)} takes {_takes(keys)}, not {unknown[0]}=...; a variable for another "
            f"program stands before make: {unknown[0]}=... make {' '.join(goals)}"
        )


def _takes(keys: Sequence[str]) -> str:
    return " and ".join(f"{key}=..." for key in keys) or "nothing"


def _values(name: str, keys: Sequence[str], words: Sequence[str]) -> dict[str, str]:
    """Return the values that a command takes, from KEY=value or a variable; empty ones are none."""
    values = {key: os.environ.get(key, "") for key in keys}
    for word in words:
        key, is_pair, value = word.partition("=")
        if not is_pair or key not in keys:
            raise UserError(f"{name} takes {_takes(keys)}, not {word}")
        values[key] = value
    return {key: value for key, value in values.items() if value}


if __name__ == "__main__":
    main()
