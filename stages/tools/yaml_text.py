"""Values and comments in the text of a YAML file, changed without touching a byte around them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from stages.base.errors import UserError

# What YAML 1.1 and 1.2 read as text without quotes.
_PLAIN = re.compile(
    r"(?!(true|false|null|yes|no|on|off|y|n)$)[a-z_][\w./-]*", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a value stands in a text: its first character, and the first behind it."""

    start: int
    end: int


def value_places(text: str) -> dict[str, Place]:
    r"""Return dotted key -> place, for every single value in the sections of a YAML text.

    >>> value_places("model:\n  cut: 16 # times")
    {'model.cut': Place(start=14, end=16)}
    """
    return dict(_places(text, YAML().compose(text), ""))


def _places(text: str, node: Node | None, prefix: str) -> Iterator[tuple[str, Place]]:
    for key, value in node.value if isinstance(node, MappingNode) else ():
        dotted = f"{prefix}.{key.value}" if prefix else key.value
        if not isinstance(value, ScalarNode):
            yield from _places(text, value, dotted)
        elif value.start_mark.index < value.end_mark.index:
            yield dotted, Place(start=value.start_mark.index, end=value.end_mark.index)
        else:  # nothing stands there; the parser places that nothing before the next key
            behind_colon = text.index(":", key.end_mark.index) + 1
            yield dotted, Place(start=behind_colon, end=behind_colon)


def values_as_written(text: str) -> dict[str, str]:
    r"""Return dotted key -> value, spelled as in the text.

    >>> values_as_written("fine_tune:\n  base_lr: 7.0e-4 # peak")
    {'fine_tune.base_lr': '7.0e-4'}
    """
    return {key: text[place.start : place.end] for key, place in value_places(text).items()}


def with_comments(text: str, comments: Mapping[str, str]) -> str:
    r"""Return a YAML text with other comments behind its values, by dotted key.

    Values without a comment here keep what stands behind them. Raises UserError where a value
    shares its line with another.

    >>> with_comments("model:\n  cut: 16 # old", {"model.cut": "none | 16"})
    'model:\n  cut: 16 # none | 16'
    """
    places = value_places(text)
    for key, place in sorted(places.items(), key=lambda item: item[1].start, reverse=True):
        if key in comments:
            rest = text[place.end :].partition("\n")[0]
            if not re.fullmatch(r"\s*(#.*)?", rest):
                raise UserError(f"{key} shares its line with {rest.strip()!r}; give each a line")
            text = f"{text[: place.end]} # {comments[key]}{text[place.end + len(rest) :]}"
    return text


def with_values(text: str, values: Mapping[str, str | float]) -> str:
    r"""Return a YAML text with other values, by dotted key; all else stays as it is.

    Raises UserError where the text has no such key with a single value.

    >>> with_values("label:\n  by: csv # where\n  regex: a", {"label.by": "folder"})
    'label:\n  by: folder # where\n  regex: a'
    """
    places = value_places(text)
    if absent := [key for key in values if key not in places]:
        raise UserError(f"the key {absent[0]} is missing; docs/params.md has them all")
    for key in sorted(values, key=lambda key: places[key].start, reverse=True):
        place = places[key]
        space = "" if place.start < place.end or text[: place.start].endswith(" ") else " "
        text = f"{text[: place.start]}{space}{yaml_scalar(values[key])}{text[place.end :]}"
    return text


def yaml_scalar(value: str | float) -> str:
    r"""Return a value as YAML reads it back, a text without quotes where it needs none.

    >>> [yaml_scalar(value) for value in ("data/photos", "yes", "a 'b' # c", "\t", 0.2)]
    ['data/photos', "'yes'", "'a ''b'' # c'", '"\\t"', '0.2']
    """
    if not isinstance(value, str):
        return repr(value)
    if _PLAIN.fullmatch(value):
        return value
    if value.isprintable():
        quoted = value.replace("'", "''")
        return f"'{quoted}'"
    return json.dumps(value, ensure_ascii=True)
