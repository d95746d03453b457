"""A JPEG has the pixels that Pillow reads, or damage that is reported."""

import io
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from stages.base.seed import derive
from stages.images.jpeg import NoEndMarker, OddData, read_jpeg, scale_of
from stages.images.picture import Picture, as_image
from tests.images.image_files import JPEG_KINDS


def picture(width: int = 200, height: int = 150, mode: str = "RGB") -> Image.Image:
    """Return a random picture with structure of several pixels."""
    coarse = derive(1, "picture").integers(0, 256, (40, 50, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((width, height)).convert(mode)


def saved(image: Image.Image, **options: object) -> bytes:
    """Return the bytes of a JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def read(content: bytes, scale: int = 1, mode: str = "RGB") -> Picture | None:
    """Return a picture of 200 x 150; any warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_jpeg(content, mode, (200, 150), scale)


PLAIN = saved(picture())


@pytest.mark.parametrize("kind", JPEG_KINDS)
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
@pytest.mark.parametrize("size", [(200, 150), (201, 151), (16, 300)])
def test_the_pixels_are_pillows(kind: str, scale: int, size: tuple[int, int]) -> None:
    """Of every kind, at every scale and odd sizes, the picture is Pillow's to the bit."""
    mode, options = JPEG_KINDS[kind]
    content = saved(picture(*size, mode), **options)
    expected = Image.open(io.BytesIO(content))
    expected.draft(None, (size[0] // scale, size[1] // scale))
    decoded = read_jpeg(content, mode, size, scale)
    assert decoded is not None
    assert as_image(decoded).mode == mode
    assert np.array_equal(np.asarray(decoded), np.asarray(expected))


def test_a_colour_photo_can_be_read_as_grey() -> None:
    """Mode L takes the brightness alone, which is near to Pillow's own grey."""
    grey = np.asarray(read(PLAIN, mode="L")).astype(int)
    assert abs(grey - np.asarray(Image.open(io.BytesIO(PLAIN)).convert("L"))).mean() < 1


@pytest.mark.parametrize("lost", [1, 2])
def test_a_missing_end_marker_is_odd_but_no_damage(lost: int) -> None:
    """Some cameras leave it out: the pixels are all there, and there is a warning."""
    with pytest.warns(NoEndMarker):
        found = read_jpeg(PLAIN[:-lost], "RGB", (200, 150), 1)
    assert np.array_equal(np.asarray(found), np.asarray(read(PLAIN)))


@pytest.mark.parametrize("lost", [3, 4, 30, 1000])
def test_an_early_end_is_an_error(lost: int) -> None:
    """Even one byte of pixels that is missing is refused; libjpeg alone would paint the rest."""
    with pytest.raises(EOFError, match="Premature end of JPEG file"):
        read(PLAIN[:-lost])


def data_of(content: bytes) -> int:
    """Return where the compressed data begin, a little after the marker."""
    return content.index(b"\xff\xda") + 30


def zeroed(content: bytes) -> bytes:
    """Return a file with 400 bytes of its data zeroed."""
    middle = data_of(content) + 1000
    return content[:middle] + bytes(400) + content[middle + 400 :]


def lost(content: bytes) -> bytes:
    """Return a file without 100 bytes of its data."""
    middle = data_of(content) + 1000
    return content[:middle] + content[middle + 100 :]


def padded(content: bytes) -> bytes:
    """Return a file with 40 bytes too many before its end."""
    return content[:-2] + bytes(40) + content[-2:]


@pytest.mark.parametrize("damage", [zeroed, lost, padded])
@pytest.mark.parametrize("scale", [1, 8])
def test_damage_that_decodes_is_refused_at_every_scale(
    damage: Callable[[bytes], bytes], scale: int
) -> None:
    """What Pillow loads without a warning is refused with the decoder's own message."""
    content = damage(PLAIN)
    Image.open(io.BytesIO(content)).load()
    with pytest.raises(ValueError, match="Corrupt JPEG data"):
        read(content, scale)


def test_a_few_bytes_too_many_are_odd_but_no_damage() -> None:
    """Cameras leave some before the end marker: Pillow may read it, with a warning."""
    content = PLAIN[:-2] + bytes(9) + PLAIN[-2:]
    with pytest.warns(OddData, match="3 extraneous bytes"):
        assert read_jpeg(content, "RGB", (200, 150), 1) is None


def test_an_odd_header_is_no_damage() -> None:
    """An unknown version of JFIF and a broken colour profile are warned about, no more."""
    version = PLAIN.replace(b"JFIF\0\1", b"JFIF\0\7", 1)
    profile = saved(picture(), icc_profile=bytes(99)).replace(
        b"ICC_PROFILE\0\1", b"ICC_PROFILE\0\5"
    )
    for content in (version, profile):
        with pytest.warns(UserWarning, match="unknown JFIF|bad ICC") as warned:
            assert read_jpeg(content, "RGB", (200, 150), 1) is None
        assert not issubclass(warned[0].category, OddData)


def test_rare_subsampling_is_left_to_pillow() -> None:
    """What this decoder does not know is no reason to lose a photo."""
    content = saved(picture(mode="CMYK"), subsampling="4:2:2")
    with pytest.warns(UserWarning, match="subsampling"):
        assert read_jpeg(content, "CMYK", (200, 150), 1) is None


def test_another_size_than_was_checked_is_not_read() -> None:
    """A file whose header names two sizes cannot slip past the limit of pixels."""
    assert read_jpeg(PLAIN, "RGB", (199, 150), 1) is None


@pytest.mark.parametrize(
    ("size", "shorter", "scale"),
    [((400, 300), 300, 1), ((400, 300), 150, 2), ((400, 300), 151, 1), ((9000, 300), 1, 8)],
)
def test_the_scale_leaves_the_pixels_wanted(
    size: tuple[int, int], shorter: int, scale: int
) -> None:
    """The shorter side decides, and 8 is the most."""
    assert scale_of(size, shorter) == scale
