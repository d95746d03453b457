"""A file's extension is compared with the format of its content."""

import pytest

from stages.images.formats import wrong_extension


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
