"""Name patterns: regular expressions that people's file names follow, and which of them fits best.

The names of cameras and programs (IMG_0001.jpg, frame 12.png) follow the same patterns and say
nothing of what a photo shows: their words are known, and make no class.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from stages.labels.sides import SIDE_WORDS

# In the order in which they are tried: the first that fits nearly all names is taken.
NAME_PATTERNS = (
    *(rf"^(.+){separator}\d+\.\w+$" for separator in ("_", "-", r"\.", " ")),  # great_dane_173.jpg
    r"^(.*[^-_. (\d])[-_. ]*\(?\d+\)?\.\w+$",  # cat12.jpg, cat (12).jpg, and separators mixed
    r"^(\D+?)[-_. ]*\(?\d",  # Black_Footed_Albatross_0046_18.jpg
    r"^\d+[-_. ]+(.+)\.\w+$",  # 0412_seven.jpg
    r"^([^-_. ]+)[-_. ].*\.\w+$",  # cat_black_a.jpg
    r"[-_. ]([^-_. \d]+)\.\w+$",  # IMG_0412_cat.jpg
)
# Words that cameras, programs and people who tidy up give to all photos alike.
_WORDS_OF_NO_CLASS = frozenset(
    {"img", "imgs", "image", "images", "photo", "photos", "pic", "pics", "picture", "pictures"}
    | {"dsc", "dscn", "dscf", "dcim", "pxl", "mvi", "vid", "wa", "whatsapp", "camera", "cam", "p"}
    | {"screenshot", "screen", "shot", "scan", "frame", "file", "files", "data", "dataset", "raw"}
    | {"original", "originals", "new", "untitled", "jpg", "jpeg", "png", "part", "batch", "set"}
    | {"fold", "folder", "day", "week", "month", "year"}
).union(*SIDE_WORDS.values())
_LEAST_SHARED = 0.8  # of the photos, in classes of two or more: a label is no photo's own name
_LEAST_CLASS = 2


def says_nothing(labels: Iterable[str]) -> bool:
    """Return whether labels are numbers, one word with numbers, or words that tell no classes.

    >>> says_nothing(["2024-05", "part 1"]), says_nothing(["s1", "s2"]), says_nothing(["1", "cat"])
    (True, True, False)
    """
    numbered = {tuple(_words(label)) for label in labels if re.search(r"\d", label)}
    others = {tuple(_words(label)) for label in labels if not re.search(r"\d", label)}
    return {word for words in others | numbered for word in words} <= _WORDS_OF_NO_CLASS or (
        len(numbered) == 1 and not others
    )


def is_camera_name(labels: Iterable[str]) -> bool:
    """Return whether each label has a word, and only such as cameras and programs give.

    >>> is_camera_name(["IMG", "DSC_01"]), is_camera_name(["0", "1"])
    (True, False)
    """
    words = [set(_words(label)) for label in labels]
    return all(words) and set().union(*words) <= _WORDS_OF_NO_CLASS


def are_classes(labels: Mapping[str, str]) -> bool:
    """Return whether labels, by path, part the photos into two classes or more that photos share.

    >>> are_classes({"1.jpg": "cat", "2.jpg": "cat", "3.jpg": "dog", "4.jpg": "dog"})
    True
    """
    counts = Counter(labels.values())
    shared = sum(count for count in counts.values() if count >= _LEAST_CLASS)
    return len(counts) > 1 and shared >= _LEAST_SHARED * len(labels)


def _words(label: str) -> list[str]:
    return [word for word in re.split(r"[\W\d_]+", label.casefold()) if word]
