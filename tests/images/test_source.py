"""What a file says about its colours without an ICC profile is read."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from stages.images.colour import to_srgb
from stages.images.colour_profile import CodePoints, adobe_rgb_profile, code_point_profile
from stages.images.decode import decode
from stages.images.source import read_source, stated_colours

GREEN = Image.new("RGB", (32, 32), (20, 200, 40))
P3 = code_point_profile(CodePoints(12, 13))


def saved(format_name: str, **options: object) -> bytes:
    """Return the bytes of a green picture."""
    buffer = io.BytesIO()
    GREEN.save(buffer, format_name, **options)
    return buffer.getvalue()


def camera_exif(space: int, index: str) -> Image.Exif:
    """Return EXIF with a colour space and an interoperability index."""
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] = space
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.IFD.Interop] = {1: index}
    return exif


def png_with_code_points(primaries: int, transfer: int, **options: object) -> bytes:
    """Return a PNG with a chunk cICP."""
    content = saved("PNG", **options)
    body = b"cICP" + bytes([primaries, transfer, 0, 1])
    return (
        content[:33]
        + struct.pack(">I", 4)
        + body
        + struct.pack(">I", zlib.crc32(body))
        + content[33:]
    )


def avif_with_code_points(primaries: int, transfer: int) -> bytes:
    """Return an AVIF whose box of code points is changed."""
    content = saved("AVIF", quality=100)
    place = content.index(b"colrnclx") + 8
    return content[:place] + struct.pack(">HH", primaries, transfer) + content[place + 4 :]


def colour(content: bytes) -> NDArray[np.int64]:
    """Return the colour in the middle."""
    middle: NDArray[np.int64] = np.asarray(decode(content).image)[16, 16].astype(np.int64)
    return middle


def is_near(found: NDArray[np.int64], profile: bytes | None) -> bool:
    """Return whether a colour is the green picture's by a profile, or as it is without one."""
    content = saved("PNG", icc_profile=profile) if profile else saved("PNG")
    return bool(abs(found - colour(content)).max() <= 4)


@pytest.mark.parametrize("make", [png_with_code_points, avif_with_code_points])
def test_code_points_are_converted(make: Callable[[int, int], bytes]) -> None:
    """Display P3 by number is the same as by profile; HDR is a trait; sRGB is nothing."""
    assert P3 is not None
    assert is_near(colour(make(12, 13)), P3)
    assert decode(make(12, 13)).traits == ("colour profile",)
    assert decode(make(9, 16)).traits == ("HDR",)
    assert decode(make(1, 13)).traits == ()
    assert is_near(colour(make(1, 13)), None)


def test_code_points_go_before_a_profile_in_png() -> None:
    """As the format demands, and libvips does not yet."""
    assert is_near(colour(png_with_code_points(1, 13, icc_profile=P3)), None)


def test_a_camera_set_to_adobe_rgb_is_believed() -> None:
    """EXIF with colour space uncalibrated and index R03 means Adobe RGB, where no profile is."""
    noted = saved("JPEG", quality=98, exif=camera_exif(0xFFFF, "R03"))
    assert decode(noted).traits == ("colour profile",)
    assert not decode(noted).plain
    assert is_near(colour(noted), adobe_rgb_profile())
    with_profile = saved("JPEG", quality=98, icc_profile=P3, exif=camera_exif(0xFFFF, "R03"))
    assert is_near(colour(with_profile), P3)


@pytest.mark.parametrize(("space", "index"), [(1, "R98"), (1, "R03"), (0xFFFF, "R98")])
def test_other_notes_of_cameras_mean_srgb(space: int, index: str) -> None:
    """An uncalibrated colour space alone says nothing."""
    noted = saved("JPEG", exif=camera_exif(space, index))
    assert decode(noted).traits == ()
    assert decode(noted).plain


def test_broken_exif_says_nothing_of_colours() -> None:
    """R03 somewhere in broken EXIF is not enough."""
    assert decode(saved("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0R03\0" + bytes(20))).plain


def test_gamma_and_primaries_of_png_are_passed_over() -> None:
    """A gamma without a profile is often false, and other libraries ignore it too."""
    body = b"gAMA" + struct.pack(">I", 100_000)
    content = saved("PNG")
    content = (
        content[:33]
        + struct.pack(">I", 4)
        + body
        + struct.pack(">I", zlib.crc32(body))
        + content[33:]
    )
    assert is_near(colour(content), None)


def test_an_ordinary_file_is_read_as_it_is() -> None:
    """Nothing is copied or counted where nothing is unusual."""
    for format_name in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"):
        content = saved(format_name)
        source = read_source(content)
        assert source.content is content
        assert source.traits == frozenset()
        photo = Image.open(io.BytesIO(content))
        assert to_srgb(GREEN, stated_colours(photo, source)) is GREEN
