"""YAML files that people write: read within bounds of size, depth and time; what is wrong is named.

Anchors let a few lines stand for billions of values, and ruamel.yaml's own errors name no file.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    ScalarEvent,
)
from ruamel.yaml.reader import ReaderError

from stages.base.echo import cut, echo
from stages.base.errors import UserError

# params.yaml has 5 kB and dvc.lock 45; ruamel.yaml takes 1 s for 25 to 130 kB.
_MOST_BYTES = 250_000
_MOST_VALUES = 50_000  # with every anchor written out
_DEEPEST = 50
# From how many digits on Python refuses to read a whole number.
_LONG_INTEGER = re.compile(r"\d{4301,}")
# What "\0" and "\ud800" write into a text: the end of a name in C, and half of a character.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML 1.2 file, as DVC reads it (1e-3 is a number there)."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; run from the root of the repository") from None
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}; it must be a file of YAML that you may read"
        ) from None
    return parse_yaml(content, str(path))


def parse_yaml(content: bytes, name: str) -> dict[str, Any]:
    """Return the mapping in the content of a YAML 1.2 file; a UserError names the file and line."""
    if len(content) > _MOST_BYTES:
        raise UserError(f"{name} has more than {_MOST_BYTES:,} bytes; is it the right file?")
    return deepcopy(_parse(content, name))


@lru_cache(maxsize=8)  # a stage reads params.yaml up to ten times, at 40 ms each
def _parse(content: bytes, name: str) -> dict[str, Any]:
    text = _decode(content, name)
    try:
        if "&" in text:
            _refuse_explosion(text, name)
        value = YAML(typ="safe", pure=True).load(text)
    except RecursionError:
        raise UserError(f"{name} is nested deeper than {_DEEPEST} levels; write it flat") from None
    except UserError:
        raise
    except Exception as error:  # of a date, a tag or a number that is none, almost any
        raise UserError(f"{name} is not valid YAML: {_what_is_wrong(error, text)}") from None
    if not isinstance(value, dict):
        what = "it is empty" if value is None else f"it holds {echo(value)}"
        raise UserError(f"{name} must hold sections of keys and values; {what}")
    for key, part in _texts("", value):
        if match := _NO_TEXT.search(part):
            where = f"{name}: {cut(key, 120)}"
            raise UserError(f"{where}: {echo(match[0])} may not stand in a text; remove it")
    return value


def _texts(key: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield each text in a value, names of keys among them, with its dotted key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, part in value.items():
            shown = name if isinstance(name, str) else echo(name)
            inner = f"{key}.{shown}".lstrip(".")
            yield inner, shown
            yield from _texts(inner, part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(key, part)


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{name}, line {line}: byte {content[error.start]:#04x} is no UTF-8; "
            "save the file as UTF-8 in your editor"
        ) from None


def _refuse_explosion(text: str, name: str) -> None:
    """Refuse a text whose anchors, each written out where it is used, make too many values.

    The parser's events are counted, since neither the parser nor this loop writes anything out.
    """
    sizes: dict[str, int] = {}  # of what each anchor stands for
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and the count before it
    count = 0
    for event in _events(text):
        if isinstance(event, AliasEvent):
            if event.anchor in {anchor for anchor, _ in open_nodes}:
                raise UserError(f"{_place(name, event)}: *{event.anchor} stands inside itself")
            count += sizes.get(event.anchor, 0)
        elif isinstance(event, CollectionStartEvent):
            open_nodes.append((event.anchor, count))
        elif isinstance(event, CollectionEndEvent):
            anchor, before = open_nodes.pop()
            sizes[anchor or ""] = count - before + 1
            count += 1
        elif isinstance(event, ScalarEvent):
            sizes[event.anchor or ""] = 1 + len(event.value) // 80
            count += sizes[event.anchor or ""]
        if count > _MOST_VALUES or len(open_nodes) > _DEEPEST:
            raise UserError(
                f"{_place(name, event)}: with its anchors (&, *) written out the file has more "
                f"than {_MOST_VALUES:,} values or {_DEEPEST} levels; write the values themselves"
            )


def _events(text: str) -> Iterator[Event]:
    yield from YAML(typ="safe", pure=True).parse(text)


def _place(name: str, event: Event) -> str:
    return f"{name}, line {event.start_mark.line + 1}"


def _what_is_wrong(error: Exception, text: str) -> str:
    """Return what the reader says is wrong, with its line where it is known, and the remedy."""
    line = None
    what = str(error)
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        what = error.problem or error.context or what
    elif isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        what = f"the character {chr(error.character)!r} may not stand in it"
    elif match := _LONG_INTEGER.search(text):
        line = text.count("\n", 0, match.start()) + 1
        what = f"a whole number of {len(match[0]):,} digits is too long"
    what = cut(" ".join(what.split()), 120)
    if line is None:
        return f"{what}; mend that value"
    remedy = "indent with spaces, not tabs" if "\\t" in what else "mend that line"
    return f"line {line}: {what}; {remedy}"
