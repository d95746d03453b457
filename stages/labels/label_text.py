"""Label text: labels as they are compared, without what nobody can see in them.

A zero-width space, a soft hyphen or a no-break space comes along when a label is copied from a page
or a spreadsheet, and would make a second class of one word. Some invisible characters are spelling,
though: the joiners of Persian and of the scripts of India, and those inside an emoji. They stay
where they can change a word.
"""

import unicodedata
from functools import lru_cache

import regex

# Controls but white space, and of what Unicode calls Default_Ignorable_Code_Point all that no
# writing needs: hyphenation, direction, fillers, the choice between an emoji and its text form.
_NEVER_SEEN = regex.compile(
    r"[\p{Cc}--\s]|[\u00AD\u034F\u061C\u17B4\u17B5\u180E\u200B\u200E\u200F\u202A-\u202E"
    r"\u2060-\u206F\u3164\uFE0E\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB]",
    regex.VERSION1,
)
# Scripts without joiners, and the signs that all scripts share.
_PLAIN = (
    r"[\p{Latin}\p{Greek}\p{Cyrillic}\p{Armenian}\p{Georgian}\p{Hebrew}\p{Han}\p{Hiragana}"
    r"\p{Katakana}\p{Hangul}\p{Bopomofo}\p{Common}]"
)
_SPELLING = rf"[\p{{L}}\p{{M}}--{_PLAIN}--\p{{Inherited}}]"  # letters of the other scripts
_BEHIND_SPELLING = rf"(?<={_SPELLING}\p{{Inherited}}*)"
# An emoji may have a colour of skin (Emoji_Modifier) or an enclosing sign behind it.
_INSIDE_EMOJI = r"(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}]\p{Inherited}*)\u200D"
_JOINERS = regex.compile(
    rf"(?:{_BEHIND_SPELLING}\u200D"
    rf"|{_BEHIND_SPELLING}\u200C(?=\p{{Inherited}}*{_SPELLING})"
    rf"|{_INSIDE_EMOJI}(?=\p{{Inherited}}*\p{{Extended_Pictographic}}))(*SKIP)(*FAIL)"
    r"|[\u200C\u200D]",
    regex.VERSION1,
)
# Variants of a character (of Han too), fillers of Hangul, the letters of a flag.
_HAS_VARIANTS = (
    r"[[\p{Han}\p{Myanmar}\p{Phags_Pa}\p{Manichaean}]"
    r"--\p{Default_Ignorable_Code_Point}]"
)
_JAMO = r"[\p{Hangul}--\p{Default_Ignorable_Code_Point}]"
_VARIANTS = regex.compile(
    rf"(?<={_HAS_VARIANTS})[\uFE00-\uFE0D\U000E0100-\U000E01EF](*SKIP)(*FAIL)"
    r"|(?<=[\p{Mongolian}--\p{Default_Ignorable_Code_Point}])"
    r"[\u180B-\u180D\u180F](*SKIP)(*FAIL)"
    r"|(?<=\U0001F3F4[\U000E0020-\U000E007F]*)[\U000E0020-\U000E007F](*SKIP)(*FAIL)"
    rf"|(?:(?<={_JAMO})[\u115F\u1160]|[\u115F\u1160](?={_JAMO}))(*SKIP)(*FAIL)"
    r"|[\u115F\u1160\u180B-\u180D\u180F\uFE00-\uFE0D\U000E0000-\U000E0FFF]",
    regex.VERSION1,
)
_BLANK = "\N{BRAILLE PATTERN BLANK}"  # is seen as a space, and is none to Unicode
# A search for all of them at once: 1 us for a label that has none, where the three take 13.
_ANY_UNSEEN = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cc}\uFFF9-\uFFFB]")
# Letters of Cyrillic and Greek, by number, that look like a Latin one (their capitals, for some).
_LATIN_TWINS = dict(
    zip(
        (
            *(0x430, 0x435, 0x43E, 0x440, 0x441, 0x443, 0x445, 0x456, 0x458, 0x455, 0x4BB, 0x501),
            *(0x432, 0x43A, 0x43C, 0x43D, 0x442),
            *(0x3B1, 0x3B5, 0x3B9, 0x3BA, 0x3BD, 0x3BF, 0x3C1, 0x3C4, 0x3C5, 0x3C7, 0x3C9, 0x3B3),
        ),
        "aeopcyxijshd" + "bkmht" + "aeiknoptuxwy",
        strict=True,
    )
)


@lru_cache(maxsize=4096)  # thousands of photos have one of a few labels: 0.1 us instead of 0.7
def clean_label(text: str) -> str:
    r"""Return a label as it is compared: in composed form (NFC), trimmed, without invisible signs.

    Each run of white space, no-break spaces among it, becomes one space.

    >>> clean_label(" cafe\N{COMBINING ACUTE ACCENT} ") == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    True
    >>> clean_label("tabby\N{NO-BREAK SPACE} cat\N{ZERO WIDTH SPACE}")
    'tabby cat'
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    text = " ".join(text.replace(_BLANK, " ").split())
    if _ANY_UNSEEN.search(text):
        for pattern in (_NEVER_SEEN, _VARIANTS, _JOINERS):
            text = pattern.sub("", text)
    return " ".join(unicodedata.normalize("NFC", text).split())


def look_alike_key(label: str) -> str:
    """Return what labels have in common that look alike: by case, by spaces, or letter by letter.

    A Cyrillic а is taken for a Latin a, and a full-width or bold letter for the plain one.

    >>> look_alike_key("Tabby Cat") == look_alike_key("t\N{CYRILLIC SMALL LETTER A}bby cat")
    True
    """
    letters = unicodedata.normalize("NFKC", label).casefold()
    return "".join(letters.translate(_LATIN_TWINS).split())
