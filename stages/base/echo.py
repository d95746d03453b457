"""What a person wrote, as an error shows it: enough to recognise it, never pages of it."""

from reprlib import Repr

_MOST = 80
_REPR = Repr()  # looks at the beginning of a value only, however large the value is
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = _MOST
_REPR.maxlevel = 3


def echo(value: object) -> str:
    """Return a value as Python writes it, of at most 80 characters.

    >>> echo(0.5), len(echo("x" * 12000))
    ('0.5', 80)
    """
    try:
        return cut(_REPR.repr(value), _MOST)
    except ValueError:  # Python writes out no whole number of more than 4,300 digits
        return "a whole number that is too long"


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters, with three dots where it was cut.

    >>> cut("no such parameter", 10)
    'no such...'
    """
    return text if len(text) <= most else f"{text[: most - 3]}..."
