"""Extensions are those of the formats that are opened, and compared with the content."""

import pytest

from stages.images.formats import ALL_EXTENSIONS, wrong_extension


@pytest.mark.parametrize(
    ("path", "format_name", "wrong"),
    [
        ("a/b.JPG", "JPEG", False),
        ("b.jpeg", "JPEG", False),
        ("b.jpg", "PNG", True),
        ("b.jpg", "GIF", True),
        ("b", "JPEG", True),
        ("folder.jpg/b.png", "JPEG", True),
        ("b.tif", "TIFF", False),
        ("a.jpg", "MPO", False),
    ],
)
def test_extension_against_content(path: str, format_name: str, wrong: bool) -> None:
    """The last extension is compared with the format of the content, in either case."""
    assert wrong_extension(path, format_name) is wrong


def test_the_extensions_are_those_of_every_format() -> None:
    """Each is in lower case with its dot; a format that runs other programs has none there."""
    assert {".jpg", ".mpo", ".tif", ".webp"} < ALL_EXTENSIONS
    assert all(name == f".{name.strip('.').lower()}" for name in ALL_EXTENSIONS)
    assert not {".eps", ".ps"} & ALL_EXTENSIONS
