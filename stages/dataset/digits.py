"""The sample: a thousand photographs of handwritten digits, and a few faults for the report to find.

The handwriting is real: scans of 43 people's digits in the UCI collection "Optical recognition of
handwritten digits" (E. Alpaydin and C. Kaynak, 1998), as scikit-learn ships them.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from PIL import Image, ImageOps
from sklearn.datasets import load_digits
from tqdm import tqdm

from stages.base.files import write_bytes
from stages.base.seed import derive
from stages.dataset.paper import photograph
from stages.dataset.pen import pen_distance

SEED = 1998  # the sample's own: it is the same for everybody, whatever params.yaml says
COUNT = 1000
WRONG = 10
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ORIENTATION = 0x0112  # the EXIF tag


class Photo(NamedTuple):
    """One file of the sample: its name, the drawing it shows, and what is wrong with it."""

    path: str
    drawing: int  # which of the shuffled scans
    fault: str = ""
    detail: str = ""


def write_sample(folder: Path, count: int = COUNT, workers: int = -1) -> int:
    """Write the first `count` photographs and the planted files of the same names; return how many.

    Each file depends on nothing but its own entry in the plan, so neither `count` nor the number
    of workers changes a byte.
    """
    photos = plan(count)
    jobs = (delayed(_file)(photo, scan) for photo, scan in zip(photos, _scans(photos), strict=True))
    files = Parallel(n_jobs=workers, return_as="generator")(jobs)
    for photo, content in tqdm(zip(photos, files, strict=True), "photographs", len(photos)):
        write_bytes(folder / photo.path, content)
    return len(photos)


def planted(count: int = COUNT) -> list[Photo]:
    """Return the files with a planted fault.

    detail: the true class of a wrong label, the original of a duplicate, otherwise empty.
    """
    return [photo for photo in plan(count) if photo.fault]


def plan(count: int = COUNT) -> list[Photo]:
    """Return every file of the sample, in the order of its running numbers."""
    digits = load_digits().target[_shuffled()]
    rng = derive(SEED, "faults")
    picked = [int(number) for number in rng.permutation(COUNT)]
    wrong, copied = picked[:WRONG], picked[WRONG : WRONG + len(COPIES)]
    photos = [Photo(_path(digits[number], number), number) for number in range(COUNT)]
    for number in sorted(wrong):
        truth = int(digits[number])
        other = (truth + int(rng.integers(1, 10))) % 10
        photos[number] = Photo(_path(other, number), number, "wrong label", NAMES[truth])
    extra = []
    for original, fault in zip(copied, COPIES, strict=True):
        path = _path(digits[original], COUNT + len(extra))
        extra.append(Photo(path, original, fault, photos[original].path))
    for fault in BROKEN:
        number = COUNT + len(extra)
        extra.append(Photo(_path(digits[number], number), number, fault))
    return [p for p in photos + extra if p.drawing < count or (count == COUNT)]


def _path(digit: int, number: int) -> str:
    return f"{NAMES[digit]}_{number:04d}.jpg"


def _shuffled() -> NDArray[np.int64]:
    return derive(SEED, "scans").permutation(len(load_digits().target))


def _scans(photos: list[Photo]) -> list[NDArray[np.float64]]:
    scans = load_digits().images[_shuffled()]
    return [scans[photo.drawing] for photo in photos]


def _file(photo: Photo, scan: NDArray[np.float64]) -> bytes:
    """Return the bytes of one file of the plan."""
    rng = derive(SEED, "photograph", photo.drawing)
    image = photograph(pen_distance(scan), rng)
    quality = int(rng.integers(82, 96))
    return SAVE[photo.fault](image, quality)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    return _encoded(image, "JPEG", quality=quality)


def _resaved(image: Image.Image, quality: int) -> bytes:
    first = Image.open(io.BytesIO(_jpeg(image, quality)))
    return _jpeg(ImageOps.scale(first, 0.9), 70)


def _truncated(image: Image.Image, quality: int) -> bytes:
    content = _jpeg(image, quality)
    return content[: len(content) * 6 // 10]


def _gif(image: Image.Image, quality: int) -> bytes:
    return _encoded(image, "GIF")


def _sideways(image: Image.Image, quality: int) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned clockwise for viewing
    lying = image.transpose(Image.Transpose.ROTATE_90)
    return _encoded(lying, "JPEG", quality=quality, exif=exif)


def _text(image: Image.Image, quality: int) -> bytes:
    return b"Not a photograph, although the name says so.\n"


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


COPIES = ("near duplicate",) * 6 + ("exact duplicate",)
BROKEN = ("truncated", "gif named jpg", "sideways", "text named jpg")
SAVE: dict[str, Callable[[Image.Image, int], bytes]] = {
    "": _jpeg,
    "wrong label": _jpeg,
    "near duplicate": _resaved,
    "exact duplicate": _jpeg,
    "truncated": _truncated,
    "gif named jpg": _gif,
    "sideways": _sideways,
    "text named jpg": _text,
}
