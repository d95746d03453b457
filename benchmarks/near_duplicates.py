"""Which changes of a photo are found by its hash, and which of them count as the same picture.

Copies should, and other photos of the same scene should not. The thresholds of same_picture.py were
chosen on the photos at even places of a sorted folder; those at odd places are measured here.
Run: python -m benchmarks.near_duplicates FOLDER [NAME], where FOLDER holds photos (pets, or
data/sample); about a second a photo. Results: benchmarks/results/near_duplicates.json.
"""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps, UnidentifiedImageError

from benchmarks.measure import machine, record
from stages.dataset.hash_groups import NEAR_BITS
from stages.dataset.same_picture import Thumbnail, photo_thumbnail, picture_difference
from stages.images.encode import encode
from stages.images.resize import PresizeParams

PHOTOS = 60
PACKAGES = ["numpy", "scipy", "pillow", "simplejpeg"]
Changed = Iterator[tuple[str, bytes]]


def jpeg(image: Image.Image, quality: int) -> bytes:
    """Return an image as a JPEG."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def exposed(image: Image.Image, draw: np.random.Generator) -> bytes:
    """Return another exposure: other noise of the sensor, up to 4 % lighter or darker."""
    levels = np.asarray(image) * draw.uniform(0.96, 1.04)
    noisy = levels + draw.normal(0, 3, levels.shape)
    return jpeg(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)), 92)


def copies(image: Image.Image) -> Changed:
    """Yield the same picture, saved, reduced, brightened or with a mark."""
    size = np.array(image.size)
    for quality in (30, 50, 70, 90):
        yield f"saved at quality {quality}", jpeg(image, quality)
    for name, share in (("nine tenths", 0.9), ("half", 0.5), ("a third", 1 / 3)):
        width, height = (int(side) for side in size * share)
        yield (
            f"reduced to {name}",
            jpeg(image.resize((width, height), Image.Resampling.LANCZOS), 85),
        )
    for factor in (0.85, 1.15, 1.3):
        yield f"brightness x {factor}", jpeg(ImageEnhance.Brightness(image).enhance(factor), 85)
    yield "contrast x 1.15", jpeg(ImageEnhance.Contrast(image).enhance(1.15), 85)
    yield "sharpened", jpeg(image.filter(ImageFilter.UnsharpMask(2, 60, 2)), 85)
    yield "256 colours", jpeg(image.quantize(256).convert("RGB"), 92)
    for share in (0.01, 0.02, 0.05):
        x, y = (round(side) for side in size * share)
        cut = image.crop((x, y, image.width - x, image.height - y))
        yield f"cut by {share:.0%} on each side", jpeg(cut, 90)
    yield "mirrored", jpeg(ImageOps.mirror(image), 92)
    marked = image.copy()
    place = (0.6 * image.width, 0.93 * image.height)
    font_size = max(8, image.height // 25)
    ImageDraw.Draw(marked).text(place, "2021-05-03 12:33", "orange", font_size=font_size)
    yield "date stamp", jpeg(marked, 88)


def others(image: Image.Image, thing: Image.Image, draw: np.random.Generator) -> Changed:
    """Yield other photos of the scene: with a thing, a crack, other colours, a moment later."""
    yield "exposed again", exposed(image, draw)
    width, height = image.size
    for share in (0.02, 0.03, 0.05, 0.08, 0.12, 0.2):
        side = max(3, int(share * min(image.size)))
        with_thing = image.copy()
        x, y = (int(draw.uniform(0.1, 0.9 - share) * length) for length in image.size)
        with_thing.paste(thing.resize((side, side)), (x, y))
        yield f"with a thing of {share:.0%} of the side", exposed(with_thing, draw)
    steps = np.cumsum(draw.normal(0, 0.04, (8, 2)) + 0.01, axis=0) + draw.uniform(0.2, 0.7, 2)
    line = [(float(x) * width, float(y) * height) for x, y in steps]
    cracked = image.copy()
    ImageDraw.Draw(cracked).line(line, fill=(40, 40, 40), width=2)
    yield "with a hairline of 2 pixels", exposed(cracked, draw)
    hue, saturation, value = image.convert("HSV").split()
    for degrees in (30, 60):
        turned = hue.point([(level + degrees * 256 // 360) % 256 for level in range(256)])
        colours = Image.merge("HSV", (turned, saturation, value)).convert("RGB")
        yield f"hue turned by {degrees} degrees", jpeg(colours, 92)
    yield "red for blue", jpeg(Image.fromarray(np.asarray(image)[..., ::-1].copy()), 92)
    for shift in (1, 2, 4):
        moved = image.crop((shift, shift, width, height))
        yield f"a burst, moved by {shift} pixels", exposed(moved, draw)
    part = image.crop((width // 3, height // 3, width // 3 + width // 4, height // 3 + height // 4))
    moving = image.copy()
    moving.paste(part, (width // 3 + width // 50 + 1, height // 3 + 1))
    yield "a burst, a quarter moves by 2 %", exposed(moving, draw)


def presized(content: bytes, size: int) -> tuple[Thumbnail, str]:
    """Return the thumbnail and the hash of a photo as the store has them."""
    params = PresizeParams(size=size, format="jpeg", quality=92, shards=1, max_rejected=0.0)
    encoded = encode(content, params)
    stored = Image.open(io.BytesIO(encoded.content or content)).convert("RGB")
    return photo_thumbnail(np.asarray(stored)), encoded.phash


def open_photos(folder: Path) -> list[Image.Image]:
    """Return the photos at odd places of a folder, spread over all of it."""
    files = sorted(folder.rglob("*.jpg"))[1::2]
    photos = []
    for file in files[:: max(1, len(files) // PHOTOS)][:PHOTOS]:
        try:
            photos.append(Image.open(file).convert("RGB"))
        except (UnidentifiedImageError, OSError):
            continue
    return photos


def main() -> None:
    """Measure a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("name", nargs="?", default="pets")
    parser.add_argument("--size", type=int, default=460)
    options = parser.parse_args()
    photos = open_photos(options.photos)
    rows: dict[str, list[tuple[bool, bool]]] = {}
    for number, photo in enumerate(photos):
        draw = np.random.default_rng(number)
        one, hash_of_one = presized(jpeg(photo, 95), options.size)
        changes = [*copies(photo), *others(photo, photos[number - 1], draw)]
        for kind, content in changes:
            other, hash_of_other = presized(content, options.size)
            bits = (int(hash_of_one, 16) ^ int(hash_of_other, 16)).bit_count()
            near = bits <= NEAR_BITS
            same = near and picture_difference(one, other) <= 1
            rows.setdefault(kind, []).append((near, same))
    figures = {
        kind: {
            "near by the hash, %": round(100 * sum(near for near, _ in pairs) / len(pairs)),
            "the same picture, %": round(100 * sum(same for _, same in pairs) / len(pairs)),
            "n": len(pairs),
        }
        for kind, pairs in rows.items()
    }
    part = f"{options.name} at {options.size} pixels"
    record("near_duplicates", part, machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
