"""Foreign content: what a file holds that is named as a photo and is none."""

import re

HEAD_BYTES = 512  # enough of a file to name its content
# Offset and signature -> what it is, with the remedy where there is one.
_SIGNATURES = (
    (0, b"version https://git-lfs.github.com/spec/", "a Git LFS pointer: git lfs pull brings it"),
    (0, b"/annex/objects/", "a git-annex pointer: git annex get brings the photo"),
    (0, b"%PDF", "PDF: export its page as JPEG first"),
    (0, b"PK\3\4", "a ZIP archive: unpack it first"),
    (0, b"8BPS", "PSD: convert it to JPEG first"),
    (0, b"\xff\x0a", "JPEG XL: convert it to JPEG first"),
    (4, b"JXL \r\n\x87\n", "JPEG XL: convert it to JPEG first"),
    (0, b"\x1aE\xdf\xa3", "a film"),
    *(
        (4, b"ftyp" + brand, "HEIC: convert it to JPEG first")
        for brand in (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
    ),
    *((4, b"ftyp" + brand, "a film") for brand in (b"qt  ", b"isom", b"mp41", b"mp42", b"M4V ")),
)
_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)\b", re.IGNORECASE)
_SVG = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype )?svg\b",
    re.IGNORECASE | re.DOTALL,
)


def foreign_content(head: bytes) -> str:
    """Return what the first HEAD_BYTES of a file show that no decoder knows.

    >>> foreign_content(b"<!DOCTYPE html><title>404</title>")
    'a web page, not the photo: download it again'
    """
    if not head:
        return "0 bytes"
    for offset, signature, what in _SIGNATURES:
        if head.startswith(signature, offset):
            return what
    if _PAGE.match(head):
        return "a web page, not the photo: download it again"
    if _SVG.match(head):
        return "SVG, a drawing: convert it to PNG first"
    return "no decoder knows it"
