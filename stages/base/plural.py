"""A number and its noun in the right form, for messages that people read."""


def count_noun(number: int, singular: str, plural: str = "") -> str:
    """Return a number, thousands parted by commas, with its noun; without a plural, it adds s.

    >>> count_noun(1, "image"), count_noun(1016, "image"), count_noun(2, "class", "classes")
    ('1 image', '1,016 images', '2 classes')
    """
    noun = singular if number == 1 else plural or f"{singular}s"
    return f"{number:,} {noun}"
