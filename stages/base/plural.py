"""Numbers with their nouns, and names with the number of the others, for messages to people."""

from collections.abc import Collection
from itertools import islice

_MAX_NAMES = 10  # in one sentence


def count_noun(number: int, singular: str, plural: str = "") -> str:
    """Return a number, thousands parted by commas, with its noun; without a plural, it adds s.

    >>> count_noun(1, "image"), count_noun(1016, "image"), count_noun(2, "class", "classes")
    ('1 image', '1,016 images', '2 classes')
    """
    noun = singular if number == 1 else plural or f"{singular}s"
    return f"{number:,} {noun}"


def join_names(names: Collection[str], separator: str = ", ", count: int = _MAX_NAMES) -> str:
    """Return the first names, and how many more there are.

    >>> join_names(["a.jpg", "b.jpg", "c.jpg"], count=2)
    'a.jpg, b.jpg, 1 more'
    """
    rest = [f"{len(names) - count:,} more"] if len(names) > count else []
    return separator.join([*islice(names, count), *rest])
