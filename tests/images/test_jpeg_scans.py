"""A JPEG has a budget of scans, and may lack its end marker but not a scan."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from stages.base.seed import derive
from stages.images.decode import Undecodable, decode
from stages.images.jpeg_scans import MAX_SCANS, all_scans_arrived, most_pixels
from stages.images.jpeg_segments import read_jpeg_header
from tests.measured_work import measured_work


def saved(**options: object) -> bytes:
    """Return the bytes of a JPEG of random structure."""
    coarse = derive(1, "picture").integers(0, 256, (20, 30, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(coarse).resize((150, 100)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


KINDS = {
    "plain": saved(),
    "grey": saved(subsampling="4:4:4", quality=40),
    "progressive": saved(progressive=True),
    "restarts": saved(restart_marker_blocks=2),
}
PROGRESSIVE = KINDS["progressive"]
EMPTY_SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00"


def with_empty_scans(count: int) -> bytes:
    """Return a progressive JPEG with scans of no data before its end."""
    return PROGRESSIVE[:-2] + EMPTY_SCAN * count + PROGRESSIVE[-2:]


@pytest.mark.parametrize("shorter", [None, 20])
def test_too_many_scans_are_refused_before_decoding(shorter: int | None) -> None:
    """A million scans, each of which would be a pass over the picture, cost no time."""
    with measured_work() as work:
        for count in (MAX_SCANS, 1_000_000):
            with pytest.raises(Undecodable, match=r"scans|segments") as caught:
                decode(with_empty_scans(count), shorter)
            assert caught.value.problem == "unsupported JPEG"
    assert work.seconds < 2


def test_a_large_picture_may_have_fewer_scans() -> None:
    """The limit is of scans times pixels: at 180 million pixels 200 scans are too many."""
    content = bytearray(with_empty_scans(200))
    frame = content.index(b"\xff\xc2")
    content[frame + 5 : frame + 9] = (12_000).to_bytes(2, "big") + (15_000).to_bytes(2, "big")
    with pytest.raises(Undecodable, match="210 scans"):
        decode(bytes(content), 20)


def sized(width: int, height: int, mode: str, **options: object) -> bytes:
    """Return a JPEG without pixels whose header states a size."""
    buffer = io.BytesIO()
    Image.new(mode, (16, 16)).save(buffer, "JPEG", **options)
    content = bytearray(buffer.getvalue())
    frame = content.index(b"\xff\xc2" if options.get("progressive") else b"\xff\xc0")
    content[frame + 5 : frame + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(content[: content.index(b"\xff\xda") + 20])


@pytest.mark.parametrize(
    ("mode", "subsampling", "limit"), [("RGB", 0, 160), ("RGB", 1, 200), ("CMYK", 0, 120)]
)
def test_the_coefficients_of_several_scans_fit(mode: str, subsampling: int, limit: int) -> None:
    """A progressive JPEG has a limit of pixels by its coefficients; a baseline has not."""
    header = read_jpeg_header(sized(100, 100, mode, progressive=True, subsampling=subsampling))
    assert header is not None
    allowed = most_pixels(header)
    assert min(allowed, 200_000_000) == limit * 1_000_000
    baseline = read_jpeg_header(sized(100, 100, mode, subsampling=subsampling))
    assert baseline is not None
    assert most_pixels(baseline) == math.inf


@pytest.mark.parametrize(("mode", "limit"), [("RGB", 160), ("CMYK", 120)])
def test_too_many_coefficients_are_refused_by_the_header(mode: str, limit: int) -> None:
    """Above the limit a progressive JPEG is a bomb with the number in its text."""
    content = sized(10_000, limit * 100 + 1, mode, progressive=True, subsampling=0)
    with pytest.raises(Undecodable, match=f"several scans of more than {limit},000,000") as caught:
        decode(content, 460)
    assert caught.value.problem == "bomb"


def test_an_ordinary_number_of_scans_is_read() -> None:
    """Ten scans of a progressive photo are no trait, nor is a scan for each band."""
    assert decode(PROGRESSIVE).traits == ()
    assert all_scans_arrived(PROGRESSIVE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shorter", [None, 50, 100])
def test_only_the_end_marker_is_missing(kind: str, shorter: int | None) -> None:
    """A whole picture without its end marker, or with half of it, is read and counted."""
    whole = decode(KINDS[kind], shorter)
    for lost in (1, 2):
        found = decode(KINDS[kind][:-lost], shorter, thumbnail=25)
        assert found.traits == ("no end marker",)
        if shorter != 100:
            assert np.array_equal(np.asarray(found.image), np.asarray(whole.image))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("added", [b"", b"\xff\xd9"])
def test_a_picture_cut_in_its_pixels_is_refused(kind: str, added: bytes) -> None:
    """From the last byte of pixels on, each loss is refused, even with an end marker behind it."""
    content = KINDS[kind]
    for lost in [*range(3, 40), *range(40, len(content) - content.index(b"\xff\xda"), 97)]:
        cut = content[:-lost]
        if added and all_scans_arrived(cut) != all_scans_arrived(content):
            continue  # cut between scans and ended properly: a whole picture of fewer scans
        with pytest.raises(Undecodable) as caught:
            decode(cut + added)
        assert caught.value.problem in ("truncated", "corrupt")


def test_a_progressive_picture_cut_between_scans_is_refused() -> None:
    """A scan that never came leaves no damage; what it would have brought is missing."""
    place = PROGRESSIVE.index(b"\xff\xda")
    cuts = 0
    while (place := PROGRESSIVE.find(b"\xff\xc4", place + 1)) > 0:
        cuts += 1
        assert not all_scans_arrived(PROGRESSIVE[:place])
        with pytest.raises(Undecodable, match="Premature end"):
            decode(PROGRESSIVE[:place])
    assert cuts >= 5
