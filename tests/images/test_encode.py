"""The store has a photo's own pixels where they are small enough, else one resampled copy."""

import ast
import inspect
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.base.seed import derive
from stages.images.decode import Undecodable
from stages.images.encode import encode, encoder_key
from stages.images.jpeg_segments import without_metadata
from stages.images.phash import phash
from stages.images.resize import PresizeParams

PARAMS = PresizeParams(size=40, format="jpeg", quality=92, shards=16, max_rejected=0.05)
RAW = PARAMS.model_copy(update={"format": "raw"})


def picture(width: int, height: int) -> Image.Image:
    """Return a random picture with structure at several scales, as photos have."""
    draw = derive(1, "picture")
    total = np.zeros((height, width, 3))
    for cells in (2, 4, 8, 16, 32):
        coarse = Image.fromarray(draw.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        total += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / cells
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def saved(image: Image.Image, format_name: str = "JPEG", **options: object) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("size", [(40, 40), (60, 40), (40, 900), (30, 20), (5000, 16)])
def test_a_small_plain_jpeg_passes_through(size: tuple[int, int]) -> None:
    """Nothing is done to an upright RGB JPEG whose shorter side is not above the size."""
    found = encode(saved(picture(*size)), PARAMS)
    assert found.content is None
    assert (found.width, found.height) == size


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(saved(picture(60, 41)), id="one pixel too large"),
        pytest.param(saved(picture(60, 40).convert("L")), id="grey"),
        pytest.param(saved(picture(60, 40).convert("CMYK")), id="CMYK"),
        pytest.param(saved(picture(60, 40), "PNG"), id="PNG"),
    ],
)
def test_everything_else_is_encoded_anew(content: bytes) -> None:
    """The copy is an RGB JPEG of the presized size."""
    found = encode(content, PARAMS)
    assert found.content is not None
    image = Image.open(io.BytesIO(found.content))
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert image.size == (found.width, found.height)
    assert min(image.size) == 40


def test_a_turned_jpeg_is_encoded_anew_and_upright() -> None:
    """An EXIF turn is carried out, and gone from the copy."""
    exif = Image.Exif()
    exif[0x0112] = 6
    found = encode(saved(picture(60, 40), exif=exif), PARAMS)
    assert found.content is not None
    assert (found.width, found.height) == (40, 60)
    assert b"Exif" not in found.content
    assert found.traits == ("EXIF turn",)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("size", [(60, 40), (600, 400)])
@pytest.mark.parametrize("params", [PARAMS, RAW], ids=["jpeg", "raw"])
def test_no_place_is_stored(format_name: str, size: tuple[int, int], params: PresizeParams) -> None:
    """What is stored of a photo with EXIF says nothing of where it was taken."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[29] = "2024:01:02"
    exif[0x010E] = "at home"
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>at home</x:xmpmeta>"
    content = saved(picture(*size), format_name, exif=exif, xmp=xmp)
    assert b"at home" in content
    found = encode(content, params)
    assert (found.content is None) == (format_name == "JPEG" and size[1] == 40 and params is PARAMS)
    stored = without_metadata(content) if found.content is None else found.content
    image = Image.open(io.BytesIO(stored))
    assert not image.getexif()
    assert not {"exif", "xmp", "comment", "icc_profile", "photoshop"} & set(image.info)
    assert b"home" not in stored
    assert b"2024" not in stored


def test_raw_is_a_ppm_of_the_exact_pixels() -> None:
    """Raw holds every pixel after a short header, for small plain JPEGs too."""
    content = saved(picture(60, 40))
    found = encode(content, RAW)
    assert found.content is not None
    assert found.content.startswith(b"P6\n60 40\n255\n")
    pixels = np.frombuffer(found.content[-60 * 40 * 3 :], np.uint8).reshape(40, 60, 3)
    assert np.array_equal(pixels, np.asarray(Image.open(io.BytesIO(content))))


def test_a_large_jpeg_is_near_to_a_resample_of_all_pixels() -> None:
    """Decoding at a smaller scale first gives nearly the same picture as resampling all pixels."""
    original = picture(640, 480)
    found = encode(saved(original, quality=95), RAW)
    assert found.content is not None
    expected = np.asarray(original.resize((53, 40), Image.Resampling.LANCZOS)).astype(int)
    pixels = np.frombuffer(found.content[-53 * 40 * 3 :], np.uint8).reshape(40, 53, 3)
    assert abs(pixels - expected).mean() < 2


def test_the_hash_is_that_of_the_presized_picture() -> None:
    """A photo encoded anew has the hash of its pixels, one that passes through nearly the same."""
    for width in (60, 600):
        content = saved(picture(width, width * 2 // 3))
        params = PARAMS.model_copy(update={"size": width * 2 // 3})
        expected = phash(Image.open(io.BytesIO(content)))
        raw = params.model_copy(update={"format": "raw"})
        assert encode(content, raw).phash == expected
        passed = encode(content, params)
        assert passed.content is None
        assert (int(passed.phash, 16) ^ int(expected, 16)).bit_count() <= 12


def test_raw_of_a_small_jpeg_has_all_its_pixels() -> None:
    """With format raw a small JPEG is decoded whole, not as a thumbnail."""
    content = saved(picture(600, 400))
    found = encode(content, RAW.model_copy(update={"size": 500}))
    assert found.content is not None
    assert (found.width, found.height) == (600, 400)
    pixels = np.frombuffer(found.content[-600 * 400 * 3 :], np.uint8).reshape(400, 600, 3)
    assert np.array_equal(pixels, np.asarray(Image.open(io.BytesIO(content))))


def test_a_small_jpeg_cut_short_does_not_pass() -> None:
    """A small JPEG is decoded although its own bytes would be stored."""
    content = saved(picture(60, 40))
    with pytest.raises(Undecodable, match="truncated"):
        encode(content[: len(content) * 2 // 3], PARAMS)


def test_a_strip_longer_than_a_jpeg_can_be_is_stored() -> None:
    """A picture of 70,000 pixels is shortened, not refused by the encoder."""
    found = encode(saved(Image.new("RGB", (70_000, 32), "red"), "PNG"), PARAMS)
    assert (found.width, found.height) == (65_500, 30)


def test_the_key_is_of_every_module_that_has_a_part() -> None:
    """The key is of the whole room, since encode imports all of it, itself or through another."""
    modules: set[str] = set()
    queue = ["stages.images.encode"]
    while queue:
        name = queue.pop()
        modules.add(name)
        source = inspect.getsource(sys.modules[name])
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
        imported = {node.module for node in nodes if node.module}
        queue += {module for module in imported if module.startswith("stages.images.")} - modules
    assert len(modules) > 3
    room = {
        f"stages.images.{file.stem}"
        for file in Path(inspect.getfile(encode)).parent.glob("[!_]*.py")
    }
    assert room == modules


def test_the_key_changes_with_what_changes_the_bytes() -> None:
    """Size, format and quality make another key; shards and the limit of rejects do not."""
    others = [
        PARAMS.model_copy(update={"size": 41}),
        PARAMS.model_copy(update={"quality": 91}),
        RAW,
    ]
    assert len({encoder_key(params) for params in [PARAMS, *others]}) == 4
    same = PARAMS.model_copy(update={"shards": 3, "max_rejected": 0.9})
    assert encoder_key(same) == encoder_key(PARAMS)
    assert encoder_key(RAW.model_copy(update={"quality": 50})) == encoder_key(RAW)
