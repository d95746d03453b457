"""The structure of a JPEG is read as libjpeg reads it, and files lose their metadata losslessly."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages.base.seed import derive
from stages.images.decode import Undecodable, decode
from stages.images.jpeg_segments import (
    UnsupportedJpeg,
    read_jpeg_header,
    scans,
    segments,
    with_adobe_marker,
    without_metadata,
)
from tests.measured_work import measured_work

PLACE = b"GPS 48.8584 N 2.2945 E"


def picture(mode: str = "RGB") -> Image.Image:
    """Return a random picture with structure of several pixels."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    coarse = derive(1, "picture").integers(0, 256, (20, 30, bands)).astype(np.uint8)
    return Image.fromarray(coarse.squeeze(), mode).resize((300, 200))


def saved(mode: str = "RGB", **options: object) -> bytes:
    """Return the bytes of a JPEG."""
    buffer = io.BytesIO()
    picture(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def pixels(content: bytes) -> np.ndarray:
    """Return the pixels that Pillow reads, in the bands of the file."""
    return np.asarray(Image.open(io.BytesIO(content)))


def segment(marker: int, body: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def lossless(frame: int = 0xC3, width: int = 320, height: int = 200) -> bytes:
    """Return a grey JPEG of lossless coding: every pixel is as the one before, a bit for each."""
    return b"".join(
        [
            b"\xff\xd8",
            segment(frame, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
            segment(0xC4, bytes([0, 1, 1, *[0] * 14, 0, 1])),
            segment(0xDA, bytes([1, 1, 0, 1, 0, 0])),
            bytes(width * height // 8),
            b"\xff\xd9",
        ]
    )


def inserted(content: bytes, *parts: bytes) -> bytes:
    """Return a file with something right after its start."""
    return content[:2] + b"".join(parts) + content[2:]


PLAIN = saved()


@pytest.mark.parametrize("shorter", [None, 40])
@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        *((frame, "lossless") for frame in (0xC3, 0xCB)),
        *((frame, "hierarchical") for frame in (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF)),
        (0xF7, "JPEG-LS"),
    ],
)
def test_codings_that_are_not_read_are_named(frame: int, kind: str, shorter: int | None) -> None:
    """No decoder is given a lossless JPEG, which crashes libjpeg-turbo when it is scaled."""
    with pytest.raises(Undecodable, match=kind) as caught:
        decode(lossless(frame), shorter)
    assert caught.value.problem == "unsupported JPEG"


@pytest.mark.parametrize(
    "disguise",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"\xff" * 50, id="fill bytes"),
        pytest.param(b"\x00\x12\xff\x00", id="stray bytes"),
        pytest.param(b"\xff\xd3\xff\x01", id="markers without length"),
        pytest.param(segment(0xE1, PLAIN), id="an ordinary JPEG in a segment"),
        pytest.param(b"\xff\xfe\x00\x00", id="an impossible length"),
    ],
)
def test_a_lossless_frame_is_found_behind_anything(disguise: bytes) -> None:
    """Whatever libjpeg passes over on its way to the frame, the walk does too."""
    with pytest.raises(UnsupportedJpeg, match="lossless"):
        read_jpeg_header(inserted(lossless(), disguise))


@pytest.mark.parametrize(
    "disguise", [b"\xff" * 50, b"\x00\x12", b"\xff\xd3", segment(0xE1, lossless())]
)
def test_an_ordinary_frame_is_found_behind_anything(disguise: bytes) -> None:
    """A frame inside another segment, such as that of a thumbnail, does not count."""
    header = read_jpeg_header(inserted(PLAIN, disguise))
    assert header is not None
    assert (header.frame, header.width, header.height) == (0xC0, 300, 200)


def test_a_second_frame_or_start_is_no_header() -> None:
    """What libjpeg refuses has no header: two frames, two starts, an end before any pixel."""
    frame = PLAIN.index(b"\xff\xc0")
    for twice in (PLAIN[frame:], lossless()[2:]):
        assert read_jpeg_header(PLAIN[: frame + 19] + twice) is None
    for early in (b"\xff\xd8", b"\xff\xd9"):
        assert read_jpeg_header(inserted(PLAIN, early)) is None
        with pytest.raises(Undecodable):
            decode(inserted(PLAIN, early), 40)


def test_twelve_bits_are_named() -> None:
    """A frame of 12 bits a sample, as medical cameras write, has a problem of its own."""
    frame = PLAIN.index(b"\xff\xc0")
    with pytest.raises(Undecodable, match="12 bits") as caught:
        decode(PLAIN[: frame + 4] + b"\x0c" + PLAIN[frame + 5 :])
    assert caught.value.problem == "unsupported JPEG"


def test_a_file_of_empty_segments_is_refused_at_once() -> None:
    """A million segments take no time, and neither do as many fill bytes."""
    with measured_work() as work:
        with pytest.raises(UnsupportedJpeg, match="segments"):
            read_jpeg_header(inserted(PLAIN, b"\xff\xe5\x00\x02" * 1_000_000))
        assert read_jpeg_header(inserted(PLAIN, b"\xff" * 4_000_000)) is not None
    assert work.seconds < 2


def test_progressive_files_have_several_scans() -> None:
    """The scans of all passes are found, those in a thumbnail are not."""
    content = inserted(saved(progressive=True), segment(0xE1, PLAIN))
    assert len(list(scans(content))) == 10
    assert len(list(scans(PLAIN))) == 1


CMYK = saved("CMYK", quality=95)


def test_cmyk_without_its_marker_is_what_was_saved() -> None:
    """Inks are stored inverted with Adobe's marker or without, as browsers and Pillow take it."""
    start = CMYK.index(b"\xff\xee")
    found = decode(CMYK[:start] + CMYK[start + 16 :])
    assert found.traits == ("CMYK", "CMYK without Adobe marker")
    assert np.array_equal(np.asarray(found.image), np.asarray(decode(CMYK).image))
    assert decode(CMYK).traits == ("CMYK",)


def test_ycck_without_its_marker_is_told_by_its_thinned_colours() -> None:
    """Four bands of which the second and third have fewer pixels are YCCK."""
    header = read_jpeg_header(CMYK)
    assert header is not None
    assert with_adobe_marker(CMYK, header)[17] == 0
    frame = CMYK.index(b"\xff\xc0")
    thinned = bytearray(CMYK)
    for band, sampling in enumerate((0x22, 0x11, 0x11, 0x22)):
        thinned[frame + 11 + 3 * band] = sampling
    header = read_jpeg_header(bytes(thinned))
    assert header is not None
    assert with_adobe_marker(bytes(thinned), header)[17] == 2


def rich(**options: Any) -> bytes:
    """Return a JPEG with all that cameras add: EXIF, XMP, a thumbnail, a comment, a film."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[29] = "2024:01:01"
    exif[0x010E] = PLACE.decode()
    content = saved(exif=exif, comment=PLACE, icc_profile=PLACE * 9000, **options)
    thumbnail = segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\2\2" + PLACE[:12])
    added = (segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PLACE), segment(0xED, PLACE))
    start = content.index(b"\xff\xdb")
    return content[:2] + thumbnail + content[20:start] + b"".join(added) + content[start:] + PLACE


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"restart_marker_blocks": 3}],
    ids=["plain", "progressive", "restarts"],
)
def test_metadata_go_and_pixels_stay(options: dict[str, Any]) -> None:
    """Without metadata a file has no place in it, the same pixels, and needs no second pass."""
    content = rich(**options)
    assert content.count(PLACE) > 9000
    bare = without_metadata(content)
    assert np.array_equal(pixels(bare), pixels(content))
    assert np.array_equal(np.asarray(decode(bare).image), np.asarray(decode(content).image))
    assert PLACE[:12] not in bare
    assert b"Exif" not in bare
    assert not Image.open(io.BytesIO(bare)).getexif()
    assert bare.endswith(b"\xff\xd9")
    assert without_metadata(bare) == bare
    kept = {found.marker for found in segments(bare)}
    assert kept <= {0xE0, 0xEE, 0xDB, 0xC0, 0xC2, 0xC4, 0xDD, 0xDA, 0xD9}


def test_the_colour_space_of_an_adobe_file_stays() -> None:
    """Adobe's marker says whether bands are RGB, YCbCr, CMYK or YCCK, so it is no metadata."""
    for content in (CMYK, saved(keep_rgb=True, comment=PLACE)):
        bare = without_metadata(content)
        assert np.array_equal(pixels(bare), pixels(content))
        assert PLACE not in bare


def test_comments_between_scans_go_and_a_missing_end_comes() -> None:
    """Metadata may stand between the scans of a progressive file."""
    content = saved(progressive=True)
    second = content.index(b"\xff\xc4", content.index(b"\xff\xda"))
    commented = content[:second] + segment(0xFE, PLACE) + content[second:-2]
    assert without_metadata(commented) == without_metadata(content)
    assert np.array_equal(pixels(without_metadata(commented)), pixels(content))


def test_a_film_behind_the_picture_goes() -> None:
    """What phones append, films and further pictures, is not stored."""
    assert without_metadata(PLAIN + PLAIN + b"ftypmp42") == without_metadata(PLAIN)
