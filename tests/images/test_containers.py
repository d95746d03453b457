"""A file must be as long as its header says, where pixels could be meant by the rest."""

import pytest

from stages.images.containers import check_length
from stages.images.decode import Undecodable, decode
from tests.images.image_files import file_of, smooth

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
JUNK = b"\r\njunk of a transfer"


@pytest.mark.parametrize("format_name", FORMATS)
def test_whole_files_pass(format_name: str) -> None:
    """No writer of ours states a wrong length."""
    for mode in ("RGB", "L"):
        assert not check_length(file_of(smooth(63, 47, mode), format_name))


@pytest.mark.parametrize("format_name", ["BMP", "PPM"])
def test_bytes_between_pixels_are_damage(format_name: str) -> None:
    """A file that was copied as text, with 13 10 for 10, is refused; cut short it is truncated."""
    image = smooth(120, 90)
    content = file_of(image, format_name)
    header, pixels = content[:60], content[60:]
    assert b"\n" in pixels
    with pytest.raises(Undecodable, match="more than its header states") as caught:
        decode(header + pixels.replace(b"\n", b"\r\n"))
    assert caught.value.problem == "corrupt"
    with pytest.raises(Undecodable) as caught:
        decode(content[:-200])
    assert caught.value.problem == "truncated"


@pytest.mark.parametrize("format_name", ["BMP", "PPM"])
def test_zeros_behind_the_pixels_are_padding(format_name: str) -> None:
    """Blocks of a device, or of an archive, harm nothing."""
    content = file_of(smooth(), format_name)
    check_length(content + bytes(512))
    assert decode(content + bytes(512)).width == 64


def test_several_pictures_in_a_ppm_are_no_damage() -> None:
    """A PPM may hold more pictures, or end in a blank; the first is read."""
    content = file_of(smooth(), "PPM")
    assert not check_length(content + content)
    assert not check_length(content + b"\n")
    comment = b"P5 # 9 x 9\n16 16\n# depth\n65535\n" + bytes(512)
    assert not check_length(comment)


@pytest.mark.parametrize("format_name", ["AVIF", "JPEG2000", "WEBP"])
def test_bytes_behind_compressed_data_are_counted(format_name: str) -> None:
    """What follows a whole container is a trait; a container that states more is cut short."""
    content = file_of(smooth(), format_name)
    assert check_length(content + JUNK)
    assert "odd data" in decode(content + JUNK).traits
    with pytest.raises(EOFError, match="bytes are missing"):
        check_length(content[:-9])


def test_a_box_of_64_bits_and_one_up_to_the_end() -> None:
    """Both long forms of a box's length are understood."""
    start = b"\0\0\0\x10ftypavif\0\0\0\0"
    assert not check_length(start + b"\0\0\0\1mdat" + (20).to_bytes(8, "big") + b"data")
    assert not check_length(start + b"\0\0\0\0mdat" + bytes(99))


def test_a_header_that_states_nothing_passes() -> None:
    """Run-length coded and old BMPs, and other files that begin alike, are left to the decoder."""
    assert not check_length(b"BM" + bytes(100))
    assert not check_length(b"P6 what")
    assert not check_length(b"")
