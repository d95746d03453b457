"""The sample is what the README says, faults included, and the same everywhere."""

import io
import os
import platform
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, UnidentifiedImageError
from sklearn.datasets import load_digits

from stages.base.seed import derive
from stages.sample.digits import (
    DIGIT_NAMES,
    SAMPLE_COUNT,
    SAMPLE_SEED,
    SampleFile,
    file_content,
    planted_faults,
    sample_files,
    write_sample,
)

SCANS = load_digits()
ORDER = derive(SAMPLE_SEED, "scans").permutation(len(SCANS.target))


def label(path: str) -> str:
    """Return the class that a file name states."""
    return path.partition("_")[0]


def truth(photo: SampleFile) -> str:
    """Return the class that scikit-learn gives the scan."""
    return DIGIT_NAMES[SCANS.target[ORDER[photo.scan]]]


def content(photo: SampleFile) -> bytes:
    """Return the bytes of a file of the sample."""
    return file_content(photo, SCANS.images[ORDER[photo.scan]])


def opened(photo: SampleFile) -> Image.Image:
    """Return a file of the sample as Pillow opens it."""
    return Image.open(io.BytesIO(content(photo)))


def with_fault(fault: str) -> list[SampleFile]:
    """Return the files of the sample with this fault."""
    return [photo for photo in sample_files() if photo.fault == fault]


def original(copy: SampleFile) -> SampleFile:
    """Return the photograph that a duplicate copies."""
    return next(photo for photo in sample_files() if photo.path == copy.detail)


def test_the_sample_is_a_thousand_photographs_and_eleven_extra_files() -> None:
    """Every running number from 0 to 1010 occurs once, in order, in a name like seven_0412.jpg."""
    paths = [photo.path for photo in sample_files()]
    assert [path.split("_")[1] for path in paths] == [f"{n:04d}.jpg" for n in range(1011)]
    assert {label(path) for path in paths} == set(DIGIT_NAMES)


def test_every_photograph_shows_writing_of_its_own() -> None:
    """The thousand photographs come from a thousand different scans."""
    scans = {photo.scan for photo in sample_files() if photo.scan < SAMPLE_COUNT}
    assert len(scans) == SAMPLE_COUNT


def test_classes_are_about_equal() -> None:
    """Each class has about a hundred files."""
    counts = Counter(label(photo.path) for photo in sample_files())
    assert min(counts.values()) > 80
    assert max(counts.values()) < 120


def test_names_are_true_but_for_the_planted_ten() -> None:
    """A file name says what the picture shows, except for ten, whose true class is on record."""
    wrong = {
        photo.path: truth(photo) for photo in sample_files() if label(photo.path) != truth(photo)
    }
    assert len(wrong) == 10
    assert wrong == {
        path: detail for path, fault, detail in planted_faults() if fault == "wrong label"
    }


def test_planted_lists_every_fault() -> None:
    """The planted faults are the documented ones, in the documented number."""
    assert Counter(fault for _, fault, _ in planted_faults()) == {
        "wrong label": 10,
        "near duplicate": 6,
        "exact duplicate": 1,
        "truncated": 1,
        "gif named .jpg": 1,
        "sideways": 1,
        "text named .jpg": 1,
    }


def test_copies_have_their_original_s_class_and_no_other_fault() -> None:
    """Duplicates are of different sound photographs, under another number of the same class."""
    copies = with_fault("near duplicate") + with_fault("exact duplicate")
    originals = [original(copy) for copy in copies]
    assert len(set(originals)) == len(copies)
    for copy, source in zip(copies, originals, strict=True):
        assert source.fault == ""
        assert label(source.path) == label(copy.path)
        assert source.path != copy.path


@pytest.mark.parametrize("number", [0, 1, 500, 999])
def test_photographs_are_upright_rgb_jpegs_of_320_to_900_pixels(number: int) -> None:
    """A sound file is an RGB JPEG in the promised size with nothing in its EXIF."""
    image = opened(sample_files()[number])
    image.load()
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert all(320 <= side <= 900 for side in image.size)
    assert not image.getexif()


def test_a_near_duplicate_is_the_same_picture_smaller() -> None:
    """A near duplicate has 90 % of the size of its original, and nearly the same pixels."""
    copy = with_fault("near duplicate")[0]
    image = opened(copy)
    source = opened(original(copy))
    assert image.size == ImageOps.scale(source, 0.9).size
    difference = np.asarray(source.resize(image.size), float) - np.asarray(image)
    assert np.abs(difference).mean() < 6


def test_the_exact_duplicate_has_its_original_s_bytes() -> None:
    """The exact duplicate differs from its original in nothing but the name."""
    (copy,) = with_fault("exact duplicate")
    assert content(copy) == content(original(copy))


def test_the_truncated_file_opens_but_does_not_load() -> None:
    """The cut JPEG still has a header, and fails when its pixels are read."""
    (photo,) = with_fault("truncated")
    image = opened(photo)
    assert image.format == "JPEG"
    with pytest.raises(OSError, match="truncated"):
        image.load()


def test_the_gif_named_jpg_is_a_gif_that_loads() -> None:
    """The GIF has a wrong name and a sound picture."""
    (photo,) = with_fault("gif named .jpg")
    image = opened(photo)
    assert image.format == "GIF"
    assert image.convert("RGB").size == image.size


def test_the_sideways_photo_is_upright_by_its_orientation() -> None:
    """Stored pixels lie on their side; EXIF orientation 6 brings them back."""
    (photo,) = with_fault("sideways")
    upright = opened(replace(photo, fault=""))
    stored = opened(photo)
    assert stored.getexif()[0x0112] == 6
    assert stored.size == upright.size[::-1]
    turned = ImageOps.exif_transpose(stored)
    assert np.abs(np.asarray(turned, float) - np.asarray(upright)).mean() < 4


def test_the_text_named_jpg_is_no_picture() -> None:
    """The text file cannot be opened as an image."""
    (photo,) = with_fault("text named .jpg")
    with pytest.raises(UnidentifiedImageError):
        opened(photo)


@pytest.mark.parametrize("count", [0, 1, 12])
def test_a_part_of_the_sample_is_that_part_of_the_whole(count: int) -> None:
    """With a count, the sample is its first photographs, their copies, and the broken files."""
    part = sample_files(count)
    assert [photo for photo in sample_files() if photo in part] == part
    numbered = [photo for photo in part if int(photo.path[-8:-4]) < SAMPLE_COUNT]
    assert [photo.scan for photo in numbered] == list(range(count))
    assert all(photo.scan < count or photo.scan >= SAMPLE_COUNT for photo in part)


def test_neither_count_nor_workers_change_a_byte(tmp_path: Path) -> None:
    """One process or two, one photograph or three: each file is the same."""
    write_sample(tmp_path / "one", 1, workers=1)
    assert write_sample(tmp_path / "three", 3, workers=2) == 7
    assert len(list((tmp_path / "three").iterdir())) == 7
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "three" / path.name).read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names x86 features")
def test_a_simpler_processor_draws_the_same_bytes() -> None:
    """Without the vector instructions of newer processors, the photographs are the same."""
    code = (
        "import sys; from hashlib import sha256; from tests.sample.test_digits import *;"
        "sys.stdout.write(sha256(b''.join(content(p) for p in sample_files()[:40:2])).hexdigest())"
    )
    plain = os.environ | {
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 X86_V3 X86_V4",
        "OPENBLAS_CORETYPE": "Nehalem",
    }
    there = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=plain, capture_output=True, check=True
    )
    here = sha256(b"".join(content(photo) for photo in sample_files()[:40:2])).hexdigest()
    assert there.stdout.decode() == here
