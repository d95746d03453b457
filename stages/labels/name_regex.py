"""Name regex: an expression with one capture group, and what the group catches in each name."""

import unicodedata
from collections.abc import Iterator, Sequence
from time import monotonic

import regex

from stages.base.echo import echo
from stages.base.errors import UserError
from stages.labels.label_text import clean_label

# Seconds that the regex may take: for one name (an ordinary one takes a few microseconds), and for
# all names together, a fixed part and a part for each.
_NAME_SECONDS = 0.5
_TOTAL_SECONDS = 10.0
_TOTAL_SECONDS_PER_NAME = 0.001


def one_group_regex(value: str, catches: str) -> str:
    """Return a regular expression with exactly one capture group; a ValueError where it is none.

    catches: what the group is for, in words.
    """
    try:
        groups = regex.compile(value).groups
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None
    if groups != 1:
        raise ValueError(
            f"{value!r} has {groups} capture groups and needs exactly one, which catches the"
            f" {catches}; (?:...) groups without capturing"
        )
    return value


def catch_in_names(expression: str, names: Sequence[str], key: str) -> Iterator[str | None]:
    """Yield what the group catches in each name (search), None without a match.

    key: the param that the expression is of. Raises UserError where it takes far too long.
    """
    pattern = regex.compile(expression)
    end = monotonic() + _TOTAL_SECONDS + _TOTAL_SECONDS_PER_NAME * len(names)
    for name in names:
        yield _search(pattern, unicodedata.normalize("NFC", name), end - monotonic(), key)


def caught_groups(expression: str, paths: Sequence[str], key: str) -> list[str]:
    """Return the name of each path's group by a regex, "" where it catches none; key: as above."""
    return [clean_label(name or "") for name in catch_in_names(expression, paths, key)]


def _search(pattern: regex.Pattern[str], text: str, seconds_left: float, key: str) -> str | None:
    """Return what the group catches in a name; seconds_left: until all names must be done."""
    try:
        match = pattern.search(text, timeout=max(1e-6, min(_NAME_SECONDS, seconds_left)))
    except TimeoutError:
        slow_name = seconds_left > _NAME_SECONDS
        slow = f"over {_NAME_SECONDS:g} s on" if slow_name else "far too long on names such as"
        raise UserError(
            f"{key} {pattern.pattern} took {slow} {echo(text)};"
            " repeats inside repeats, such as (a+)+, do that: write a simpler one"
        ) from None
    if match is None or match[1] is None:
        return None
    return match[1]
