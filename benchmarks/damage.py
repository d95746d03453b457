"""Damage: of damaged photos in 17 encodings, how many are accepted although visibly wrong.

450 damaged copies of one photo in each encoding: 150 have 8 bits flipped, 150 a run of 60 bytes
zeroed, and 150 lost bytes, half of them all bytes from a place on and half 1 to 500 bytes within.
Places are drawn evenly over the file. Visibly wrong: more than 1 % of the pixels are off by more
than 32 of 255 levels, or the size differs. What is accepted and not wrong is accepted right: the
damage lies in metadata, in later frames or in a few pixels.
Run: python -m benchmarks.damage [--copies N] [--part NAME]. Results: results/damage.json.
An older checkout: PYTHONPATH=FOLDER python benchmarks/damage.py; the results are written there.
"""

import argparse
import io
import warnings
from collections import Counter
from collections.abc import Iterator

import numpy as np
from PIL import Image

from benchmarks.measure import machine, record
from benchmarks.photos import picture
from stages.images.decode import Undecodable, decode

PACKAGES = ["pillow", "simplejpeg", "pyvips", "pyvips-binary", "numpy"]
SIZE = (320, 240)
COPIES = 450
KINDS = ("bits", "zeros", "lost")
# At most so many percent accepted and wrong.
TARGETS = {"PNG RGB": 0, "PNG palette": 0, "TIFF deflate": 0, "TIFF JPEG": 15}


def saved(image: Image.Image, format_name: str, **options: object) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def encodings() -> dict[str, bytes]:
    """Return a photo in each encoding."""
    photos = [Image.open(io.BytesIO(picture(n, SIZE, 95))).convert("RGB") for n in range(3)]
    photo = photos[0]
    frames = [frame.quantize(256) for frame in photos]
    jpeg2000 = {"quality_mode": "rates", "quality_layers": [8], "irreversible": True}
    return {
        "PNG RGB": saved(photo, "PNG"),
        "PNG palette": saved(frames[0], "PNG"),
        "JPEG baseline": saved(photo, "JPEG", quality=90),
        "JPEG progressive": saved(photo, "JPEG", quality=90, progressive=True),
        "JPEG restart": saved(photo, "JPEG", quality=90, restart_marker_rows=1),
        "GIF": saved(frames[0], "GIF"),
        "GIF animated": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "TIFF raw": saved(photo, "TIFF"),
        "TIFF LZW": saved(photo, "TIFF", compression="tiff_lzw"),
        "TIFF deflate": saved(photo, "TIFF", compression="tiff_adobe_deflate"),
        "TIFF JPEG": saved(photo, "TIFF", compression="jpeg", quality=90),
        "BMP": saved(photo, "BMP"),
        "PPM": saved(photo, "PPM"),
        "JPEG2000": saved(photo, "JPEG2000", **jpeg2000),
        "WebP lossy": saved(photo, "WEBP", quality=85),
        "WebP lossless": saved(photo, "WEBP", lossless=True),
        "AVIF": saved(photo, "AVIF", quality=75),
    }


def damaged(content: bytes, copies: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield so many damaged copies of a file, of the three kinds in turn."""
    for number in range(copies):
        draw = np.random.default_rng([seed, number])
        place = int(draw.integers(0, len(content)))
        match KINDS[number % 3]:
            case "bits":
                data = np.frombuffer(content, np.uint8).copy()
                for at in draw.integers(0, len(content), 8):
                    data[at] ^= 1 << int(draw.integers(0, 8))
                yield "bits", data.tobytes()
            case "zeros":
                end = min(place + 60, len(content))
                yield "zeros", content[:place] + bytes(end - place) + content[end:]
            case _:
                rest = place + int(draw.integers(1, 501)) if number % 2 else len(content)
                yield "lost", content[:place] + content[rest:]


def pixels(content: bytes) -> np.ndarray:
    """Return a decoded picture as signed numbers."""
    return np.asarray(decode(content).image).astype(np.int16)


def visibly_off(found: np.ndarray, right: np.ndarray) -> bool:
    """Return whether more than 1 % of the pixels are off by more than 32 levels."""
    return bool((abs(found - right).max(axis=2) > 32).mean() > 0.01)


def outcomes(content: bytes, copies: int) -> Counter[str]:
    """Return how many damaged copies of a file are refused, accepted right and accepted wrong."""
    right = pixels(content)
    counts: Counter[str] = Counter()
    for kind, copy in damaged(content, copies):
        try:
            found = pixels(copy)
        except Undecodable:
            counts["refused"] += 1
            continue
        off = found.shape != right.shape or visibly_off(found, right)
        counts["accepted wrong" if off else "accepted right"] += 1
        counts[f"wrong by {kind}"] += off
    return counts


def main() -> None:
    """Damage every encoding, and record the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, default=COPIES)
    parser.add_argument("--part", default="damaged copies")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    figures = {}
    for name, content in encodings().items():
        counts = outcomes(content, options.copies)
        wrong = counts["accepted wrong"]
        figures[name] = {
            "accepted right": counts["accepted right"],
            "refused": counts["refused"],
            "accepted wrong": wrong,
            **{f"wrong by {kind}": counts[f"wrong by {kind}"] for kind in KINDS},
            "wrong, %": round(100 * wrong / options.copies, 1),
            "n": options.copies,
        } | ({"target": f"at most {TARGETS[name]} % wrong"} if name in TARGETS else {})
    record("damage", options.part, machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
