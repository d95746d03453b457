"""Content that is named as a photo and is none says what it is, with the remedy."""

import pytest

from stages.images.decode import Undecodable, decode
from stages.images.foreign import foreign_content

POINTER = (
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"
)
CASES = {
    b"": "0 bytes",
    POINTER: "a Git LFS pointer: git lfs pull brings it",
    b"/annex/objects/SHA256E-s31390--f50d.jpg\n": (
        "a git-annex pointer: git annex get brings the photo"
    ),
    b"\xef\xbb\xbf\n <!DOCTYPE HTML><title>404</title>": (
        "a web page, not the photo: download it again"
    ),
    b"<html lang=en>": "a web page, not the photo: download it again",
    b'<?xml version="1.0"?>\n<!-- a drawing -->\n<svg xmlns="x">': (
        "SVG, a drawing: convert it to PNG first"
    ),
    b"%PDF-1.7": "PDF: export its page as JPEG first",
    b"PK\3\4" + bytes(30): "a ZIP archive: unpack it first",
    b"\0\0\0\x18ftypheic" + bytes(20): "HEIC: convert it to JPEG first",
    b"\0\0\0\x18ftypmp42" + bytes(20): "a film",
    b"\xff\x0a" + bytes(20): "JPEG XL: convert it to JPEG first",
    b"<?xml version='1.0'?><annotation/>": "no decoder knows it",
    b"htmlish": "no decoder knows it",
    bytes(100): "no decoder knows it",
}


@pytest.mark.parametrize("head", CASES, ids=repr)
def test_content_is_named(head: bytes) -> None:
    """What a file holds is told from its first bytes, and what nobody knows stays unknown."""
    assert foreign_content(head) == CASES[head]


def test_the_refusal_names_the_content() -> None:
    """A pointer of Git LFS in a photo's place is refused with the command that brings the photo."""
    with pytest.raises(Undecodable) as refused:
        decode(POINTER)
    assert refused.value.problem == "not an image"
    assert "git lfs pull" in refused.value.detail
