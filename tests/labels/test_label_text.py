"""A label is compared by what people see of it, and no spelling that means something is lost."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.labels.label_text import clean_label, look_alike_key

repeatable = settings(derandomize=True, deadline=None, max_examples=200)
UNSEEN = [
    *("\u200b", "\u200c", "\u200d", "\u200e", "\u202e", "\u2060", "\u2063", "\ufeff", "\u00ad"),
    *("\u034f", "\u061c", "\u115f", "\u180b", "\u180e", "\u3164", "\uffa0", "\ufe0f", "\ufe00"),
    *("\U000e0041", "\U000e0100", "\x00", "\x07", "\x1b", "\x7f", "\u0080"),
]


@pytest.mark.parametrize("sign", UNSEEN, ids=ascii)
@pytest.mark.parametrize("word", ["cat", "Κάτα", "кот", "7 cats", "猫", "kätzchen"])
def test_what_nobody_sees_makes_no_other_label(word: str, sign: str) -> None:
    """An invisible character before, within or behind a word changes nothing, however often."""
    places = (sign + word, word[:2] + sign + word[2:], word + sign * 2)
    if word != "猫" or sign not in ("\ufe00", "\U000e0100"):  # variants of that very character
        assert {clean_label(place) for place in places} == {word}


@pytest.mark.parametrize(
    "word",
    [
        "می\u200cخواهم",  # Persian: two parts of a word that must not join
        "क्\u200dष",  # Devanagari: a half letter instead of a ligature
        "क्\u200cष",  # and a whole one
        "ന്\u200d",  # Malayalam: a chillu, at the end
        "র\u200d্য",  # Bengali: the joiner stands before the virama
        "👨\u200d👩\u200d👧",
        "🧑🏽\u200d🚀",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # flag of England
        "葛\U000e0100",  # a variant of a character of Han, as in names
        "ᄀ\u1160",
    ],
)
def test_invisible_characters_that_are_spelling_stay(word: str) -> None:
    """Joiners of scripts and emoji, the letters of a flag and variants are part of a word."""
    assert clean_label(word) == unicodedata.normalize("NFC", word)


def test_words_that_differ_by_a_joiner_stay_two() -> None:
    """In Persian a joiner less is another word; two flags are two."""
    assert clean_label("نامه\u200cای") != clean_label("نامهای")
    flags = [
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in name) for name in ("gbeng", "gbsct")
    ]
    assert clean_label(flags[0]) != clean_label(flags[1])


@pytest.mark.parametrize(
    "space", ["  ", "\u00a0", "\t", "\n", "\u2003", "\u3000", "\u2800", " \u200b "]
)
def test_spaces_are_one_space(space: str) -> None:
    """Runs of spaces, no-break ones and line ends are one space, and none at the ends."""
    assert clean_label(f"{space}tabby{space}cat{space}") == "tabby cat"


@pytest.mark.parametrize("label", ["NA", "null", "007", "Cat", "a b", "1e5", "c++", "é", "cat’s"])
def test_labels_are_otherwise_left_alone(label: str) -> None:
    """No label is guessed to be a number, nothing, or another spelling."""
    assert clean_label(f" {label}\t") == label


@given(st.text() | st.text(st.sampled_from([*UNSEEN, *"aक्अمه猫👩ᄀ ", "\u0301", "\u200d"])))
@repeatable
def test_cleaning_twice_changes_nothing(text: str) -> None:
    """A clean label is clean."""
    assert clean_label(clean_label(text)) == clean_label(text)


@pytest.mark.parametrize(
    "other", ["Cat", "c at", "с\u0430t", "CAT", "ｃａｔ", "c\N{GREEK SMALL LETTER ALPHA}t"]
)
def test_labels_that_look_alike_have_one_key(other: str) -> None:
    """Case, spaces, full width and letters of other scripts make a label look like another."""
    assert look_alike_key(other) == look_alike_key("cat")
    assert look_alike_key("cats") != look_alike_key("cat")
