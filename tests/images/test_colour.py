"""Colours are converted to sRGB by the profile of the file, as libvips converts them."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from stages.base.seed import derive
from stages.images.colour import Colours, colours_of, to_srgb
from stages.images.decode import decode
from stages.images.encode import encode
from stages.images.resize import PresizeParams
from stages.predict.photo_source import PhotoSource
from stages.predict.read_photo import PhotoRequest, read_photo

PARAMS = PresizeParams(size=60, format="jpeg", quality=92, shards=16, max_rejected=0.05)


def number(value: float) -> bytes:
    """Return a number of a profile, s15Fixed16."""
    return struct.pack(">i", round(value * 65536))


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Return an ICC profile of version 2 with the tags given."""
    body = b""
    table = struct.pack(">I", len(tags))
    for name, value in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(value))
        body += value
    header = struct.pack(">I4xI", 132 + 12 * len(tags) + len(body), 0x02400000)
    header += b"mntr" + space + b"XYZ " + bytes(12) + b"acsp" + bytes(28)
    white = number(0.9642) + number(1) + number(0.8249)
    return header + white + bytes(48) + table + body


def gamma(value: float) -> bytes:
    """Return a curve of a profile."""
    return b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(value * 256))


def matrix(red: tuple[float, ...], green: tuple[float, ...], blue: tuple[float, ...]) -> bytes:
    """Return an RGB profile of gamma 1.8 from the XYZ of its primaries."""
    tags = {name: gamma(1.8) for name in (b"rTRC", b"gTRC", b"bTRC")}
    for name, xyz in ((b"rXYZ", red), (b"gXYZ", green), (b"bXYZ", blue)):
        tags[name] = b"XYZ \0\0\0\0" + b"".join(number(value) for value in xyz)
    return profile(b"RGB ", tags)


PROPHOTO = matrix((0.7977, 0.2880, 0), (0.1352, 0.7119, 0), (0.0313, 0.0001, 0.8249))
APPLE = matrix((0.4497, 0.2446, 0.0252), (0.3163, 0.6720, 0.1412), (0.1982, 0.0833, 0.6584))
GREY = profile(b"GRAY", {b"kTRC": gamma(1.8), b"wtpt": b"XYZ \0\0\0\0" + number(0.9642) * 3})
P3 = bytes(pyvips.Operation.call("profile_load", "p3"))
CMYK = bytes(pyvips.Operation.call("profile_load", "cmyk"))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PROFILES = {"P3": P3, "ProPhoto": PROPHOTO, "Apple RGB": APPLE}


def picture(mode: str = "RGB") -> Image.Image:
    """Return a picture of smooth random colours."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    coarse = derive(1, "colours").integers(0, 256, (4, 5, bands)).astype(np.uint8)
    smooth = [Image.fromarray(coarse[:, :, band]).resize((80, 64)) for band in range(bands)]
    return Image.merge(mode, smooth)


def saved(image: Image.Image, format_name: str, **options: object) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def by_libvips(content: bytes) -> np.ndarray:
    """Return a picture as libvips reads and converts it."""
    image = pyvips.Image.new_from_buffer(content, "")
    return np.asarray(image.icc_transform("srgb", embedded=True, intent="relative").numpy()).astype(
        int
    )


def by_us(content: bytes, shorter: int | None = None) -> np.ndarray:
    """Return a picture as it is decoded here, in signed numbers."""
    return np.asarray(decode(content, shorter).image).astype(int)


def unconverted(content: bytes) -> np.ndarray:
    """Return the numbers of a file as if they were sRGB."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
def test_wide_colours_are_converted(name: str, format_name: str) -> None:
    """A file with a profile has the colours that libvips gives it, and is counted."""
    options: dict[str, Any] = {"lossless": True} if format_name == "WEBP" else {"quality": 98}
    content = saved(picture(), format_name, icc_profile=PROFILES[name], **options)
    reference = content
    if format_name == "AVIF":  # whose two decoders round differently
        numbers = Image.fromarray(unconverted(content).astype(np.uint8))
        reference = saved(numbers, "PNG", icc_profile=PROFILES[name])
    assert decode(content).traits == ("colour profile",)
    assert abs(by_us(content) - by_libvips(reference)).max() <= 3
    assert abs(by_us(content) - unconverted(content)).max() > 20


@pytest.mark.parametrize("format_name", ["JPEG", "TIFF"])
def test_inks_are_converted_by_their_profile(format_name: str) -> None:
    """CMYK with a profile of a press goes to sRGB directly."""
    content = saved(picture("CMYK"), format_name, icc_profile=CMYK, quality=95)
    assert decode(content).traits == ("CMYK", "colour profile")
    assert abs(by_us(content) - by_libvips(content)).max() <= 3


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF"])
def test_grey_is_converted_by_its_profile(format_name: str) -> None:
    """Grey of gamma 1.8 becomes the grey of sRGB."""
    content = saved(picture("L"), format_name, icc_profile=GREY)
    assert decode(content).traits == ("colour profile", "grey")
    expected = 255 * (unconverted(content) / 255) ** 1.8
    light = np.where(by_us(content) <= 10, by_us(content) / 12.92, 0)
    bright = ((by_us(content) / 255 + 0.055) / 1.055) ** 2.4 * 255
    assert abs(np.where(by_us(content) <= 10, light, bright) - expected).max() < 2


def test_alpha_is_composited_in_srgb() -> None:
    """Colours are converted first, alpha as it is mixes them with the white of sRGB."""
    image = picture()
    image.putalpha(picture("L"))
    content = saved(image, "PNG", icc_profile=P3)
    colours = by_libvips(saved(picture(), "PNG", icc_profile=P3))
    alpha = np.asarray(picture("L"))[:, :, None] / 255
    assert decode(content).traits == ("alpha", "colour profile")
    assert abs(by_us(content) - (colours * alpha + 255 * (1 - alpha))).max() <= 2


def test_grey_with_alpha_is_converted() -> None:
    """Grey with alpha has a profile of grey."""
    image = Image.merge("LA", [picture("L"), Image.new("L", (80, 64), 255)])
    content = saved(image, "PNG", icc_profile=GREY)
    grey = by_us(saved(picture("L"), "PNG", icc_profile=GREY))
    assert decode(content).traits == ("alpha", "colour profile", "grey")
    assert np.array_equal(by_us(content), grey)


def test_palettes_are_converted() -> None:
    """A picture with a palette has a profile of RGB."""
    image = picture().quantize(32)
    content = saved(image, "PNG", icc_profile=PROPHOTO)
    plain = saved(image.convert("RGB"), "PNG", icc_profile=PROPHOTO)
    assert np.array_equal(by_us(content), by_us(plain))


def test_a_photo_read_at_a_smaller_scale_is_converted() -> None:
    """The scale at which a JPEG is decoded has no part in its colours."""
    content = saved(picture().resize((640, 512)), "JPEG", icc_profile=P3, quality=95)
    whole = Image.fromarray(by_us(content).astype(np.uint8)).reduce(8)
    assert abs(by_us(content, 64) - np.asarray(whole)).mean() < 1.5


def test_srgb_profiles_cost_nothing() -> None:
    """What is sRGB by another name is read as it is, and its JPEG passes through."""
    content = saved(picture(), "JPEG", icc_profile=SRGB)
    assert colours_of(SRGB, "RGB") == Colours()
    assert decode(content).traits == ()
    assert decode(content).plain
    assert encode(content, PARAMS.model_copy(update={"size": 64})).content is None


def test_a_small_photo_with_a_profile_does_not_pass_through() -> None:
    """Its own bytes would be shown in false colours."""
    small = PARAMS.model_copy(update={"size": 64})
    found = encode(saved(picture(), "JPEG", icc_profile=P3), small)
    assert found.content is not None
    assert found.traits == ("colour profile",)
    assert b"ICC_PROFILE" not in found.content
    stored = unconverted(found.content)
    assert abs(stored - by_libvips(saved(picture(), "PNG", icc_profile=P3))).mean() < 3


BROKEN = {
    "noise": derive(1, "noise").bytes(300),
    "empty": b"",
    "cut": P3[:200],
    "huge": bytes(17 << 20),
    "inks": CMYK,
    "grey": GREY,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_profile_is_a_trait(kind: str) -> None:
    """A profile that is noise, or of another kind of picture, leaves the colours as they are."""
    assert colours_of(BROKEN[kind], "RGB") == Colours(trait="broken colour profile")
    if kind in ("noise", "inks"):
        content = saved(picture(), "PNG", icc_profile=BROKEN[kind])
        assert decode(content).traits == ("broken colour profile",)
        assert np.array_equal(by_us(content), unconverted(content))


def test_a_profile_with_a_part_missing_is_broken() -> None:
    """A profile longer than one segment of a JPEG has parts, of which none may be missing."""
    content = saved(picture(), "JPEG", icc_profile=CMYK[:150_000])
    place = content.index(b"ICC_PROFILE\0\2") - 4
    (length,) = struct.unpack(">H", content[place + 2 : place + 4])
    found = decode(content[:place] + content[place + 2 + length :])
    assert "broken colour profile" in found.traits
    assert "colour profile" not in found.traits


def test_damaged_profiles_do_no_harm() -> None:
    """Of 300 profiles damaged at random each is used or broken, and none crashes."""
    draw = derive(2, "profiles")
    originals = (P3, GREY, CMYK[:30_000], PROPHOTO)
    broken = 0
    for index in range(300):
        damaged = bytearray(originals[index % 4])
        for place in draw.integers(0, min(len(damaged), 600), 5):
            damaged[place] = int(draw.integers(256))
        mode = ("RGB", "L", "CMYK", "RGB")[index % 4]
        colours = colours_of(bytes(damaged), mode)
        broken += colours.trait == "broken colour profile"
        assert to_srgb(picture(mode), colours) is not None
    assert 0 < broken < 300


def test_predict_reads_the_same_colours(tmp_path: Path) -> None:
    """A photo to predict has its colours converted as those that were trained on."""
    file = tmp_path / "photo.jpg"
    file.write_bytes(saved(picture(), "JPEG", icc_profile=PROPHOTO, quality=95))
    read = read_photo(PhotoRequest(PhotoSource("photo", file), 64))
    assert np.array_equal(np.asarray(read), by_us(file.read_bytes()))
