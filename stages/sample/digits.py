"""The sample: a thousand photographs of handwritten digits, with some planted faults.

The handwriting is real: scans of digits by 43 people, from the UCI collection "Optical recognition
of handwritten digits" (E. Alpaydin and C. Kaynak, 1998), as scikit-learn ships them.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from stages.base.files import write_bytes
from stages.base.seed import derive
from stages.sample.camera import photograph
from stages.sample.pen import line_distance

SAMPLE_SEED = 1998  # the sample's own: it is the same for everybody, whatever params.yaml says
SAMPLE_COUNT = 1000
DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_WRONG_LABELS = 10  # photographs whose name says another digit
_DUPLICATES = ("near duplicate",) * 6 + ("exact duplicate",)
_BROKEN_FILES = ("truncated", "gif named .jpg", "sideways", "text named .jpg")


@dataclass(frozen=True, kw_only=True)
class SampleFile:
    """One file of the sample: its name, the scan that it shows, and its planted fault."""

    path: str
    scan: int  # number of the scan, in the sample's own order
    fault: str = ""
    detail: str = ""  # true class of a wrong label, original of a duplicate


def write_sample(folder: Path, count: int = SAMPLE_COUNT, workers: int = -1) -> int:
    """Write the first `count` photographs and the faulty extra files; return how many files.

    A file depends on its own SampleFile alone, so neither `count` nor the number of worker
    processes (-1: one per core) changes a byte.
    """
    photos = sample_files(count)
    scans = _scanned("images")[_order()]
    jobs = (delayed(file_content)(photo, scans[photo.scan]) for photo in photos)
    files = Parallel(n_jobs=workers, return_as="generator")(jobs)
    for photo, content in zip(photos, tqdm(files, "photographs", len(photos)), strict=True):
        write_bytes(folder / photo.path, content)
    return len(photos)


def _scanned(key: Literal["images", "target"]) -> NDArray[Any]:
    """Return the digits (N, 8, 8) that come with scikit-learn, or what each is."""
    # .9 s, which who brings photos does not wait for, nor each process that draws.
    from sklearn.datasets import load_digits  # noqa: PLC0415

    scanned: NDArray[Any] = load_digits()[key]
    return scanned


def planted_faults(count: int = SAMPLE_COUNT) -> list[tuple[str, str, str]]:
    """Return (path, fault, detail) of every planted fault; detail as in SampleFile."""
    return [(photo.path, photo.fault, photo.detail) for photo in sample_files(count) if photo.fault]


def sample_files(count: int = SAMPLE_COUNT) -> list[SampleFile]:
    """Return the files of the sample: `count` numbered from 0, and the extra ones from 1000 on.

    Copies of photographs that `count` leaves out are left out too.
    """
    digits = _scanned("target")[_order()].tolist()
    faults = derive(SAMPLE_SEED, "faults").permutation(SAMPLE_COUNT).tolist()
    photos = [
        SampleFile(path=_path(digits[number], number), scan=number)
        for number in range(SAMPLE_COUNT)
    ]
    for number in faults[:_WRONG_LABELS]:
        others = [digit for digit in range(10) if digit != digits[number]]
        # The name of the draw decides the bytes of the sample, so it stays as it is.
        wrong_digit = int(derive(SAMPLE_SEED, "said", number).choice(others))
        photos[number] = SampleFile(
            path=_path(wrong_digit, number),
            scan=number,
            fault="wrong label",
            detail=DIGIT_NAMES[digits[number]],
        )
    for original, fault in zip(faults[_WRONG_LABELS:], _DUPLICATES, strict=False):
        path = _path(digits[original], len(photos))
        copy = SampleFile(path=path, scan=original, fault=fault, detail=photos[original].path)
        photos.append(copy)
    for fault in _BROKEN_FILES:
        number = len(photos)
        photos.append(SampleFile(path=_path(digits[number], number), scan=number, fault=fault))
    return [photo for photo in photos if photo.scan < count or photo.scan >= SAMPLE_COUNT]


def file_content(photo: SampleFile, scan: NDArray[np.float64]) -> bytes:
    """Return the content of one file; the photograph is drawn from the scan's number alone."""
    rng = derive(SAMPLE_SEED, "photograph", photo.scan)
    image = photograph(line_distance(scan), rng)
    quality = int(rng.integers(82, 96))
    content = _encoded(image, "JPEG", quality=quality)
    match photo.fault:
        case "near duplicate":
            smaller = ImageOps.scale(Image.open(io.BytesIO(content)), 0.9)
            return _encoded(smaller, "JPEG", quality=70)
        case "truncated":
            return content[: len(content) * 6 // 10]
        case "gif named .jpg":
            return _encoded(image, "GIF")
        case "sideways":
            turned = image.transpose(Image.Transpose.ROTATE_90)
            return _encoded(turned, "JPEG", quality=quality, exif=_orientation(6))
        case "text named .jpg":
            return b"Not a photograph, although the name says so.\n"
    return content


def _order() -> NDArray[np.int64]:
    """Return the scans' numbers in scikit-learn, in the order in which the sample uses them."""
    return derive(SAMPLE_SEED, "scans").permutation(1797)


def _path(digit: int, number: int) -> str:
    return f"{DIGIT_NAMES[digit]}_{number:04d}.jpg"


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value  # 6: turn a quarter clockwise to see it upright
    return exif


def _encoded(image: Image.Image, format_name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()
