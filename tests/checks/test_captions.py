"""Captions: no two names are drawn alike, whatever fonts the machine has."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image, ImageDraw

from stages.checks.captions import CaptionFont, system_fonts
from stages.checks.contact_sheet import batch_sheet

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
NO_FONTS = CaptionFont(12, fallbacks=())
# A letter that STIX has and DejaVu lacks.
STIX_LETTER = "\u1d81"
OTHER_STIX_LETTER = "\u1d84"


def drawn(text: str, font: CaptionFont = NO_FONTS, width: int = 96) -> np.ndarray:
    """Return the pixels of a caption, (24, width) uint8."""
    canvas = Image.new("L", (width, 24), "white")
    font.draw(ImageDraw.Draw(canvas), (0, 12), font.shorten(text, width), "black")
    return np.asarray(canvas)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("猫", "犬"),
        ("ねこ", "いぬ"),
        ("고양", "강아"),
        ("แมว", "นกก"),
        ("कख", "गघ"),
        ("中国花园红", "中国花园蓝"),
        ("cat 猫", "cat 犬"),
        ("\U0001f600", "\U0001f601"),
    ],
)
def test_no_two_names_look_alike(one: str, other: str) -> None:
    """Names in scripts that no font here has are drawn as code points, which differ."""
    assert not np.array_equal(drawn(one), drawn(other))
    picture = np.zeros((1, 96, 96, 3), np.uint8)
    assert batch_sheet(picture, [one]) != batch_sheet(picture, [other])


def test_code_points_stand_in_brackets() -> None:
    """A character without a font is its code point; what has one stays."""
    assert NO_FONTS.shorten("cat 猫犬!", 500) == "cat [732B 72AC]!"


def test_the_middle_of_code_points_is_cut() -> None:
    """Code points that are too long lose their middle, so that ends tell names apart."""
    text = NO_FONTS.shorten("中国花园红色", 96)
    assert text.startswith("[4E2D")
    assert "…" in text
    assert text.endswith("8272]")


def test_a_font_that_has_it_is_taken() -> None:
    """A character that DejaVu lacks is drawn with the first font that has it."""
    font = CaptionFont(12, fallbacks=(FONTS / "STIXGeneral.ttf",))
    assert font.shorten(STIX_LETTER, 96) == STIX_LETTER
    assert not np.array_equal(drawn(STIX_LETTER, font), drawn(OTHER_STIX_LETTER, font))
    assert drawn(f"a{STIX_LETTER}b", font).min() < 100


def test_what_dejavu_has_does_not_depend_on_the_system() -> None:
    """Latin, Greek and Cyrillic are drawn alike with and without other fonts."""
    font = CaptionFont(12, fallbacks=(FONTS / "STIXGeneral.ttf",))
    for text in ("Siamese cat", "Ελληνικά", "кошка"):
        assert np.array_equal(drawn(text, font), drawn(text))


def test_a_broken_font_is_passed_over(tmp_path: Path) -> None:
    """A file that is no font takes no part."""
    broken = tmp_path / "NotoSansCJK.ttf"
    broken.write_bytes(b"no font")
    font = CaptionFont(12, fallbacks=(broken, FONTS / "STIXGeneral.ttf"))
    assert font.shorten(STIX_LETTER, 96) == STIX_LETTER


def test_fonts_of_boxes_take_no_part() -> None:
    """A font with a box for every character is none of those of the system."""
    assert not any("lastresort" in font.name.casefold() for font in system_fonts())


@pytest.mark.parametrize("text", ["W" * 500, "a very long name " * 9, "中" * 300, ""])
def test_a_caption_fits(text: str) -> None:
    """However long, a caption is cut to its width."""
    shown = NO_FONTS.shorten(text, 96)
    pixels = drawn(shown, width=200)
    ink = np.nonzero(pixels.min(axis=0) < 255)[0]
    assert ink.max(initial=0) <= 96
