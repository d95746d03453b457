"""Files of every kind become upright RGB, or a problem with a name."""

import io
import pickle
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from stages.base.seed import derive
from stages.images.decode import Decoded, Undecodable, decode
from stages.images.formats import EXTENSIONS

PROBLEMS = {
    "empty",
    "not an image",
    "truncated",
    "corrupt",
    "bomb",
    "unsupported mode",
    "too small",
    "unsupported JPEG",
}


def picture(width: int = 64, height: int = 48, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Return a smooth random picture, which JPEG changes little."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    coarse = derive(seed, "picture").integers(0, 256, (4, 5, bands)).astype(np.uint8)
    layers = [Image.fromarray(coarse[:, :, band]) for band in range(bands)]
    smooth = [layer.resize((width, height), Image.Resampling.BICUBIC) for layer in layers]
    return Image.merge(mode, smooth) if bands > 1 else smooth[0].convert(mode)


def saved(image: Image.Image, format_name: str, **options: object) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def png(header: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG made by hand: IHDR, the chunks given, IEND."""
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    body = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def problem_of(content: bytes) -> str:
    """Return the name of the problem that a file has."""
    with pytest.raises(Undecodable) as caught:
        decode(content)
    assert caught.value.detail
    return caught.value.problem


def pixels(decoded: Decoded) -> np.ndarray:
    """Return the picture as signed numbers, after checking that it is RGB."""
    assert decoded.image.mode == "RGB"
    return np.asarray(decoded.image).astype(int)


def same(decoded: Decoded, image: Image.Image, within: int = 0) -> bool:
    """Return whether a decoded picture is the expected one, within some grey levels."""
    expected = np.asarray(image.convert("RGB")).astype(int)
    return expected.shape == pixels(decoded).shape and bool(
        (abs(pixels(decoded) - expected) <= within).all()
    )


def test_an_upright_rgb_jpeg_is_plain() -> None:
    """An ordinary photo has no traits and needs no conversion."""
    content = saved(picture(), "JPEG", quality=95)
    found = decode(content)
    assert (found.width, found.height, found.format) == (64, 48, "JPEG")
    assert found.plain
    assert found.traits == ()
    assert same(found, Image.open(io.BytesIO(content)))


@pytest.mark.parametrize("format_name", ["AVIF", "BMP", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP"])
def test_every_listed_format_decodes(format_name: str) -> None:
    """Each format in EXTENSIONS decodes to the same picture."""
    lossy = format_name in ("AVIF", "JPEG2000", "WEBP")
    found = decode(saved(picture(), format_name))
    assert found.format == format_name
    assert same(found, picture(), within=40 if lossy else 0)


def test_an_empty_file_is_named() -> None:
    """No bytes at all are a problem of their own."""
    assert problem_of(b"") == "empty"


@pytest.mark.parametrize(
    "content", [b"hello", bytes(5000), b"%PDF-1.7 ...", b"\xff\xd8", b"GIF89a"]
)
def test_what_no_decoder_knows_is_not_an_image(content: bytes) -> None:
    """Text, zeros, documents and bare signatures are not images."""
    assert problem_of(content) == "not an image"


def test_heic_is_named_with_its_remedy() -> None:
    """The one common photo format that Pillow cannot read gets a hint."""
    with pytest.raises(Undecodable, match="convert it to JPEG") as caught:
        decode(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100))
    assert caught.value.problem == "not an image"


def test_postscript_is_not_opened() -> None:
    """EPS would start another program; it is refused as no image."""
    assert problem_of(saved(picture(), "EPS")) == "not an image"


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "BMP", "GIF", "PPM"])
def test_a_file_cut_short_is_truncated(format_name: str) -> None:
    """Half of a file is named truncated, though its header is whole."""
    noise = Image.fromarray(derive(1, "noise").integers(0, 256, (90, 90, 3)).astype(np.uint8))
    content = saved(noise, format_name)
    assert problem_of(content[: len(content) // 2]) == "truncated"


def test_a_wrong_checksum_in_a_png_is_corrupt() -> None:
    """A PNG whose pixels decode but whose checksum is wrong is refused; Pillow would take it."""
    rows = b"".join(b"\0" + bytes([row]) * 20 for row in range(20))
    content = png(struct.pack(">IIBBBBB", 20, 20, 8, 0, 0, 0, 0), (b"IDAT", zlib.compress(rows, 0)))
    assert pixels(decode(content))[7, 3, 0] == 7
    place = content.index(bytes([7]) * 20)
    flipped = content[:place] + b"\x09" + content[place + 1 :]
    assert problem_of(flipped) == "corrupt"


def test_a_jpeg_that_decodes_in_spite_of_damage_is_corrupt() -> None:
    """Damage that only libjpeg warns of is refused with its message, thumbnail or not."""
    content = saved(picture(320, 240), "JPEG", quality=95)
    lost = content[:3000] + content[3100:]
    Image.open(io.BytesIO(lost)).load()
    for shorter, thumbnail in ((None, None), (100, None), (240, 60)):
        with pytest.raises(Undecodable, match="Corrupt JPEG data") as caught:
            decode(lost, shorter, thumbnail)
        assert caught.value.problem == "corrupt"


def test_a_few_bytes_too_many_in_a_jpeg_are_counted() -> None:
    """A camera's padding costs no photo, at any scale."""
    content = saved(picture(), "JPEG", quality=95)
    padded = content[:-2] + bytes(9) + content[-2:]
    for shorter in (None, 24):
        found = decode(padded, shorter)
        clean = decode(content, shorter)
        assert found.traits == ("odd data",)
        assert same(found, clean.image)
    assert decode(padded, 48, thumbnail=24).traits == ("odd data",)


def test_an_odd_header_of_a_jpeg_is_counted() -> None:
    """A version or subsampling that the strict decoder refuses is read by Pillow."""
    content = saved(picture(), "JPEG", quality=95)
    found = decode(content.replace(b"JFIF\0\1", b"JFIF\0\7", 1))
    assert found.traits == ("odd metadata",)
    assert same(found, decode(content).image)
    rare = decode(saved(picture().convert("CMYK"), "JPEG", subsampling="4:2:2", quality=98))
    assert rare.traits == ("CMYK", "odd metadata")
    assert same(rare, picture(), within=40)


def test_a_bomb_is_refused_by_its_header() -> None:
    """Too many pixels are refused before any are decoded: there are none in this file."""
    header = struct.pack(">IIBBBBB", 20_000, 10_001, 8, 2, 0, 0, 0)
    assert problem_of(png(header, (b"IDAT", b""))) == "bomb"


def test_the_largest_phone_photos_are_no_bombs() -> None:
    """200 million pixels pass the limit (this file then turns out to hold none)."""
    header = struct.pack(">IIBBBBB", 16_320, 12_240, 8, 0, 0, 0, 0)
    with pytest.raises(Undecodable) as caught:
        decode(png(header, (b"IDAT", b"")))
    assert caught.value.problem != "bomb"


def test_formats_that_take_more_memory_have_a_lower_limit() -> None:
    """A size that other formats may have is refused by the header, with the number."""
    webp = bytearray(saved(picture(), "WEBP"))
    webp[26:30] = struct.pack("<HH", 7800, 7800)
    avif = bytearray(saved(picture(), "AVIF"))
    sizes = avif.index(b"ispe") + 8
    avif[sizes : sizes + 8] = struct.pack(">II", 7100, 7100)
    for content, limit in ((webp, "WEBP of more than 60"), (avif, "AVIF of more than 50")):
        with pytest.raises(Undecodable, match=f"{limit},000,000 pixels") as caught:
            decode(bytes(content))
        assert caught.value.problem == "bomb"


@pytest.mark.parametrize("size", [(15, 400), (400, 15), (1, 1)])
def test_less_than_16_pixels_a_side_is_too_small(size: tuple[int, int]) -> None:
    """A side of 15 pixels is refused, one of 16 is not."""
    assert problem_of(saved(picture(*size), "PNG")) == "too small"
    assert decode(saved(picture(max(16, size[0]), max(16, size[1])), "PNG")).traits == ()


@pytest.mark.parametrize("mode", ["F", "I"])
def test_modes_without_a_known_range_are_unsupported(mode: str) -> None:
    """Floating-point and 32-bit pictures have no white, so they are not guessed at."""
    image = Image.fromarray(np.arange(400, dtype={"F": "f4", "I": "i4"}[mode]).reshape(20, 20))
    assert problem_of(saved(image, "TIFF")) == "unsupported mode"


def test_problems_survive_the_way_between_processes() -> None:
    """A problem can be sent from a worker to its master."""
    copy = pickle.loads(pickle.dumps(Undecodable("empty", "0 bytes")))
    assert (copy.problem, copy.detail) == ("empty", "0 bytes")


def test_grey_becomes_rgb() -> None:
    """A grey picture has three equal bands, and is counted."""
    found = decode(saved(picture(mode="L"), "PNG"))
    assert found.traits == ("grey",)
    assert not found.plain
    assert same(found, picture(mode="L"))


def test_black_and_white_becomes_rgb() -> None:
    """One bit a pixel becomes 0 and 255."""
    found = decode(saved(picture(mode="L").convert("1"), "PNG"))
    assert set(np.unique(pixels(found))) == {0, 255}
    assert found.traits == ("grey",)


def test_a_palette_becomes_rgb() -> None:
    """The colours of a palette are looked up."""
    image = picture().quantize(16)
    found = decode(saved(image, "PNG"))
    assert found.traits == ("palette",)
    assert same(found, image)


def test_alpha_lies_over_white() -> None:
    """What is transparent becomes white, what is half so is mixed with white."""
    rgba = np.zeros((20, 30, 4), np.uint8)
    rgba[..., 0] = 200
    rgba[:, 10:20, 3] = 255
    rgba[:, 20:, 3] = 128
    found = decode(saved(Image.fromarray(rgba), "PNG"))
    assert found.traits == ("alpha",)
    columns = pixels(found)[0]
    assert columns[5].tolist() == [255, 255, 255]
    assert columns[15].tolist() == [200, 0, 0]
    assert abs(columns[25] - [227, 127, 127]).max() <= 1


def test_a_transparent_colour_of_a_palette_lies_over_white() -> None:
    """A palette entry marked transparent becomes white."""
    image = Image.new("P", (20, 20), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 10, 20))
    found = decode(saved(image, "PNG", transparency=0))
    assert found.traits == ("alpha", "palette")
    assert pixels(found)[0, 0].tolist() == [255, 255, 255]
    assert pixels(found)[0, 15].tolist() == [0, 0, 255]


def test_a_transparent_colour_of_an_rgb_png_lies_over_white() -> None:
    """A PNG without an alpha band may still name one colour as transparent."""
    image = Image.new("RGB", (20, 20), (9, 9, 9))
    image.paste((200, 0, 0), (0, 0, 10, 20))
    found = decode(saved(image, "PNG", transparency=(200, 0, 0)))
    assert found.traits == ("alpha",)
    assert not found.plain
    assert pixels(found)[0, 0].tolist() == [255, 255, 255]
    assert pixels(found)[0, 15].tolist() == [9, 9, 9]


def test_grey_with_alpha_lies_over_white() -> None:
    """Grey with alpha has both traits."""
    found = decode(saved(Image.new("LA", (20, 20), (0, 0)), "PNG"))
    assert found.traits == ("alpha", "grey")
    assert (pixels(found) == 255).all()


def test_16_bit_grey_keeps_its_range() -> None:
    """0 to 65535 becomes 0 to 255; Pillow's own conversion would make nearly all of it white."""
    wide = np.linspace(0, 65535, 256).round().astype(np.uint16)
    image = Image.fromarray(np.tile(wide, (20, 1)))
    found = decode(saved(image, "PNG"))
    assert found.traits == ("16-bit", "grey")
    assert pixels(found)[3, :, 1].tolist() == list(range(256))


def test_16_bit_grey_with_a_transparent_level_lies_over_white() -> None:
    """The one level that a 16-bit grey PNG may call transparent becomes white."""
    levels = np.tile(np.array([20_000, 40_000], np.uint16), (20, 10))
    found = decode(saved(Image.fromarray(levels), "PNG", transparency=20_000))
    assert found.traits == ("16-bit", "alpha", "grey")
    assert pixels(found)[3, :2, 0].tolist() == [255, round(40_000 / 257)]


def test_16_bit_pgm_keeps_its_range() -> None:
    """Portable greymaps with two bytes a pixel are read alike."""
    wide = np.linspace(0, 65535, 256).round().astype(">u2")
    content = b"P5\n256 20\n65535\n" + np.tile(wide, (20, 1)).tobytes()
    found = decode(content)
    assert found.traits == ("16-bit", "grey")
    assert pixels(found)[3, :, 1].tolist() == list(range(256))


def test_16_bit_colour_keeps_its_range() -> None:
    """Of two bytes for each colour the higher one counts."""
    wide = np.full((20, 20, 3), (65535, 32896, 0), ">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    header = struct.pack(">IIBBBBB", 20, 20, 16, 2, 0, 0, 0)
    found = decode(png(header, (b"IDAT", zlib.compress(rows))))
    assert found.traits == ("16-bit",)
    assert abs(pixels(found)[4, 4] - [255, 128, 0]).max() <= 1


def test_cmyk_as_adobe_writes_it() -> None:
    """Adobe's CMYK JPEGs hold inverted inks; the colours come out right."""
    image = picture().convert("CMYK")
    content = saved(image, "JPEG", quality=98)
    assert b"Adobe" in content
    found = decode(content)
    assert found.traits == ("CMYK",)
    assert same(found, image, within=12)


def test_cmyk_tiff() -> None:
    """CMYK in other formats is never inverted."""
    image = picture().convert("CMYK")
    assert same(decode(saved(image, "TIFF")), image)


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_of_a_film_counts(format_name: str) -> None:
    """Of an animated file the first frame is taken, and the file is counted."""
    frames = [Image.new("RGB", (32, 20), colour) for colour in ("red", "blue", "green")]
    options = {"lossless": True} if format_name == "WEBP" else {}
    content = saved(frames[0], format_name, save_all=True, append_images=frames[1:], **options)
    found = decode(content)
    assert "animated" in found.traits
    assert (pixels(found) == [255, 0, 0]).all()


def test_a_still_gif_is_not_animated() -> None:
    """One frame is no film."""
    assert decode(saved(picture().quantize(8), "GIF")).traits == ("palette",)


def test_two_views_of_a_camera_are_no_film() -> None:
    """A multi-picture JPEG gives its first picture, and may be called .jpg."""
    content = saved(picture(), "MPO", save_all=True, append_images=[picture(seed=2)])
    found = decode(content)
    assert (found.format, found.traits) == ("MPO", ())
    assert same(found, picture(), within=30)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "TIFF", "JPEG"])
def test_every_exif_turn_is_undone(orientation: int, format_name: str) -> None:
    """All eight orientations come out upright, with width and height of the upright picture."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format_name == "WEBP" else {}
    content = saved(picture(), format_name, exif=exif, **options)
    found = decode(content)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert same(found, upright)
    assert (found.width, found.height) == upright.size == found.image.size
    assert upright.size == ((64, 48) if orientation < 5 else (48, 64))
    if format_name == "JPEG":
        assert found.plain == (orientation == 1)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_means_nothing_is_ignored(orientation: int) -> None:
    """Numbers beyond the eight leave the picture as it lies."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert decode(saved(picture(), "JPEG", exif=exif)).plain


def test_broken_exif_does_not_cost_the_photo() -> None:
    """Metadata that cannot be read are counted, and the picture is used."""
    content = saved(picture(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0" + b"\x12\x01\x03" * 9)
    assert same(decode(content), picture(), within=30)


def test_a_warning_of_the_decoder_is_counted() -> None:
    """What Pillow warns about (here an animation of no frames) is a trait."""
    rows = b"".join(b"\0" + bytes(20) for _ in range(20))
    header = struct.pack(">IIBBBBB", 20, 20, 8, 0, 0, 0, 0)
    content = png(header, (b"acTL", bytes(8)), (b"IDAT", zlib.compress(rows)))
    assert decode(content).traits == ("grey", "odd metadata")


def test_nothing_of_the_metadata_is_left() -> None:
    """Comments, profiles and places of the original do not travel on."""
    content = saved(picture(), "JPEG", comment=b"secret place", icc_profile=b"profile")
    assert b"secret" not in saved(decode(content).image, "JPEG")


@pytest.mark.parametrize("side", [40, 100, 101, 200, 399, 400, 5000])
def test_draft_leaves_at_least_the_pixels_wanted(side: int) -> None:
    """The decoder's scale is the smallest whose shorter side is not below the wanted one."""
    content = saved(picture(601, 803), "JPEG")
    found = decode(content, shorter=side)
    assert (found.width, found.height) == (601, 803)
    allowed = [scale for scale in (1, 2, 4, 8) if scale == 1 or 601 // scale >= side]
    assert found.image.size == (-(-601 // max(allowed)), -(-803 // max(allowed)))


def test_a_thumbnail_is_decoded_only_of_a_photo_that_passes_through() -> None:
    """Only an upright RGB JPEG within the size is decoded below it, and that in grey."""
    turned = Image.Exif()
    turned[0x0112] = 3
    cases = {
        saved(picture(320, 240), "JPEG"): 60,
        saved(picture(320, 240), "JPEG", exif=turned): 240,
        saved(picture(320, 240, "L"), "JPEG"): 240,
        saved(picture(320, 240), "PNG"): 240,
        saved(picture(320, 241), "JPEG"): 241,
        saved(picture(960, 480), "JPEG"): 240,
    }
    for content, expected in cases.items():
        found = decode(content, shorter=240, thumbnail=60)
        assert found.image.height == expected
        assert found.image.mode == ("L" if expected == 60 else "RGB")


def test_a_smaller_scale_is_the_same_picture() -> None:
    """Decoded at a quarter of the scale, a JPEG is near to the whole picture averaged in boxes."""
    content = saved(picture(640, 480), "JPEG", quality=95)
    small = decode(content, shorter=100)
    full = decode(content)
    expected = full.image.resize(small.image.size, Image.Resampling.BOX)
    assert small.image.size == (160, 120)
    assert same(small, expected, within=3)


def originals() -> list[bytes]:
    """Return one small file of each kind."""
    kinds = [saved(picture(), name) for name in EXTENSIONS if name != "GIF"]
    film = [picture(seed=seed).quantize(16) for seed in range(3)]
    return [
        *kinds,
        saved(picture(), "JPEG", progressive=True),
        saved(picture().convert("CMYK"), "JPEG"),
        saved(picture().quantize(16), "PNG", transparency=0),
        saved(picture(), "TIFF", compression="tiff_lzw"),
        saved(film[0], "GIF", save_all=True, append_images=film[1:]),
    ]


def mutated(content: bytes, draw: np.random.Generator) -> bytes:
    """Return a file damaged in one of six ways."""
    data = bytearray(content)
    a, b = sorted(draw.integers(0, len(data), 2).tolist())
    match draw.integers(0, 6):
        case 0:
            return bytes(data[:b])
        case 1:
            for place in draw.integers(0, len(data), 8):
                data[place] ^= 1 << int(draw.integers(0, 8))
        case 2:
            data[a : a + 50] = bytes(len(data[a : a + 50]))
        case 3:
            del data[a:b]
        case 4:
            data[:16] = draw.bytes(16)
        case 5:
            data[8:64] = bytes(byte ^ int(draw.integers(0, 2)) * 255 for byte in data[8:64])
    return bytes(data)


def test_damaged_files_decode_or_have_a_named_problem() -> None:
    """Of 600 files damaged at random none brings the decoder down, and each detail is one line."""
    draw = derive(7, "mutations")
    files = originals()
    problems = []
    for number in range(600):
        content = mutated(files[number % len(files)], draw)
        try:
            assert decode(content, shorter=20).image.mode == "RGB"
        except Undecodable as error:
            problems.append(error)
    assert {"truncated", "corrupt", "not an image"} <= {error.problem for error in problems}
    assert {error.problem for error in problems} <= PROBLEMS
    details = [error.detail for error in problems]
    assert details == [" ".join(detail.split()) for detail in details]
    assert not re.search(r"0x[0-9a-f]{6}", " ".join(details))


def test_a_decoder_that_repeats_itself_is_quoted_once() -> None:
    """Of a TIFF with a profile of 30 MB the detail has each complaint of libtiff once."""
    content = saved(picture(), "TIFF", icc_profile=bytes(30_000_000))
    with pytest.raises(Undecodable) as caught:
        decode(content)
    assert caught.value.detail.count("tiff2vips: Failed to allocate memory") == 1
    assert len(caught.value.detail) < 400
