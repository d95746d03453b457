"""Captions: lines of text in any script, drawn with the fonts that this machine has.

DejaVu comes with matplotlib, and what it knows (Latin, Greek, Cyrillic, Arabic and more) looks the
same on any machine. Chinese, Japanese, Korean, Thai or Devanagari need a font of the system, such
as Noto Sans CJK; so a picture with them is the same only on machines with the same fonts. A
character that no font has is written as its code point in brackets, so that two names never look
alike, as boxes would.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import matplotlib as mpl
from matplotlib.font_manager import findSystemFonts
from matplotlib.ft2font import FT2Font
from PIL import ImageDraw, ImageFont

_OWN_FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
# Looked at first among the fonts of the system, in this order: parts of the names of their files.
_PREFERRED = (
    "notosanscjk",
    "notosansjp",
    "notosanssc",
    "notosansthai",
    "notosansdevanagari",
    "notosans",
    "sourcehansans",
    "wqy",
    "droidsansfallback",
    "arialunicode",
)
# These have a glyph for every character: a box.
_PLACEHOLDERS = ("lastresort", "adobeblank", "tofu")
_MAX_CHARACTERS = 200

Run = tuple[str, ImageFont.FreeTypeFont]


@dataclass(frozen=True)
class CaptionFont:
    """A size and weight of text, and the files of fonts for what DejaVu lacks."""

    size: int  # pixels
    bold: bool = False
    fallbacks: tuple[Path, ...] | None = None  # None for those of the system

    def draw(
        self, draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: str
    ) -> None:
        """Draw a line of text; place is its left end, at half of its height."""
        x, y = place
        for part, font in self._runs(text):
            draw.text((x, y), part, colour, font, anchor="lm")
            x += font.getlength(part)

    def shorten(self, text: str, width: int) -> str:
        """Return one line that fits: without line ends, and cut with dots if need be.

        Of a text that no font has, the middle is cut, since code points begin alike.
        """
        text = " ".join(text.split())[:_MAX_CHARACTERS]
        shown = self._shown(text)
        if self._length(shown) <= width:
            return shown
        cuts = [_cut(shown, count, in_the_middle=shown != text) for count in range(len(shown) + 1)]
        return cuts[bisect_left(cuts, True, key=lambda cut: self._length(cut) <= width)]

    def _length(self, text: str) -> float:
        return sum(font.getlength(part) for part, font in self._runs(text))

    def _shown(self, text: str) -> str:
        """Return a text in which each run of characters that no font has is its code points."""
        parts = []
        for missing, run in groupby(text, lambda sign: self._file(sign) is None):
            signs = list(run)
            codes = " ".join(f"{ord(sign):04X}" for sign in signs)
            parts.append(f"[{codes}]" if missing else "".join(signs))
        return "".join(parts)

    def _runs(self, text: str) -> Iterator[Run]:
        """Yield the parts of a text, each with a font that has it."""
        for file, run in groupby(self._shown(text), self._file):
            if file is not None:
                yield "".join(run), _opened(file, self.size)

    def _file(self, sign: str) -> Path | None:
        own = _OWN_FONTS / ("DejaVuSans-Bold.ttf" if self.bold else "DejaVuSans.ttf")
        others = system_fonts() if self.fallbacks is None else self.fallbacks
        return _file_with(sign, own, others)


@cache
def system_fonts() -> tuple[Path, ...]:
    """Return the files of the system's fonts, those for many scripts first."""
    return tuple(_by_preference(map(Path, findSystemFonts())))


def _by_preference(files: Iterable[Path]) -> list[Path]:
    """Return files without the fonts of boxes, the preferred ones first, regular before bold."""

    def rank(file: Path) -> tuple[int, bool, str]:
        name = _plain(file)
        places = [place for place, part in enumerate(_PREFERRED) if part in name]
        return min(places, default=len(_PREFERRED)), "regular" not in name, str(file)

    real = (file for file in files if not any(part in _plain(file) for part in _PLACEHOLDERS))
    return sorted(real, key=rank)


def _plain(file: Path) -> str:
    return file.name.casefold().replace("-", "").replace("_", "").replace(" ", "")


@cache
def _file_with(sign: str, own: Path, others: Sequence[Path]) -> Path | None:
    """Return the first font with a character; without one, None."""
    return next((file for file in (own, *others) if ord(sign) in _characters(file)), None)


@cache
def _characters(file: Path) -> frozenset[int]:
    """Return the code points of a font; none of one that cannot be drawn with, as of bitmaps."""
    try:
        ImageFont.truetype(file, 12)
        return frozenset(FT2Font(str(file)).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


@cache
def _opened(file: Path, size: int) -> ImageFont.FreeTypeFont:
    """Return a font; only fonts of the system, whose scripts need it, shape their characters."""
    own = file.is_relative_to(_OWN_FONTS)
    layout = ImageFont.Layout.BASIC if own else None
    return ImageFont.truetype(file, size, layout_engine=layout)


def _cut(text: str, count: int, *, in_the_middle: bool) -> str:
    """Return a text with dots for `count` of its characters, at its end or in its middle.

    >>> _cut("abcdef", 2, in_the_middle=False), _cut("abcdef", 2, in_the_middle=True)
    ('abcd…', 'ab…ef')
    """
    length = len(text) - count
    head = (length + 1) // 2 if in_the_middle else length
    return text[:head].rstrip() + "…" + text[len(text) - (length - head) :]
