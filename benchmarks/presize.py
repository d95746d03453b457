"""What ingest and presize cost a photo, against fastai and against what cannot be avoided.

Parts: large (4000 x 3000), pets (500 x 375, which pass through), ingest. How the cost grows with
the number of photos is in presize_growth.py.
Run: python -m benchmarks.presize [part ...] [--photos FOLDER], where FOLDER holds the photos that
`pets` measures instead of generated ones. Results: benchmarks/results/presize.json.
"""

import argparse
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from simplejpeg import decode_jpeg

from benchmarks.measure import figure, machine, ratio, record, rounds
from benchmarks.photos import LARGE, PETS, fill, picture, project
from stages import ingest
from stages.dataset.folder_listing import list_files
from stages.images.encode import HASH_THUMBNAIL
from stages.images.phash import phash
from stages.images.resize import PresizeParams, resize
from stages.store.writer import write_store

try:
    from fastai.vision.utils import resize_images
except ImportError:
    resize_images = None

PARAMS = PresizeParams(size=460, format="jpeg", quality=92, shards=16, max_rejected=0.05)
PACKAGES = ["pillow", "simplejpeg", "pyvips-binary", "numpy", "scipy", "joblib", "dvc", "fastai"]


def manifest(photos: Path) -> pd.DataFrame:
    """Return path and sha256 of the photos in a folder."""
    files = sorted(photos.iterdir())
    rows = [(file.name, hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]
    return pd.DataFrame(rows, columns=["path", "sha256"], dtype="str")


def against_fastai(
    work: Path, longest: dict[str, int], bare: dict[str, Callable[[bytes], object]]
) -> dict[str, list[float]]:
    """Return the seconds a photo on one core: ours, fastai's by longest side, and bare work."""
    photos, images = work / "photos", manifest(work / "photos")
    contents = [file.read_bytes() for file in sorted(photos.iterdir())]

    def ours() -> None:
        for folder in ("store", "private"):
            shutil.rmtree(work / folder, ignore_errors=True)
        problems = write_store(images, photos, work / "store", work / "private", PARAMS, 1)
        assert (problems["problem"] == "").all()

    def fastai(most: int) -> None:
        shutil.rmtree(work / "fastai", ignore_errors=True)
        resize_images(photos, max_workers=0, max_size=most, dest=work / "fastai")

    def bare_work(work_on: Callable[[bytes], object]) -> None:
        for content in contents:
            work_on(content)

    contenders: dict[str, Callable[[], object]] = {"ours": ours}
    if resize_images:
        contenders |= {name: partial(fastai, most) for name, most in longest.items()}
    contenders |= {name: partial(bare_work, work_on) for name, work_on in bare.items()}
    rounds(contenders, 1)  # once for the caches
    seconds = rounds(contenders, 5)
    return {name: [s / len(images) for s in times] for name, times in seconds.items()}


def _jpeg(image: Image.Image) -> None:
    image.save(io.BytesIO(), "JPEG", quality=PARAMS.quality, subsampling="4:4:4")


def large(work: Path, _: Path | None) -> dict[str, Any]:
    """Photos of 12 megapixels; the limit is to decode at a quarter and to encode 613 x 460.

    With the resampling between them it is `work`: what is left is to read, check, hash and store.
    48 photos, so that what a run costs besides (folders, lock, index) is spread as in a real one.
    """
    fill(work / "photos", [picture(n, LARGE, 90) for n in range(12)], 48)
    presized = Image.open(io.BytesIO(picture(99, (613, 460), 95))).convert("RGB")

    def limit(content: bytes) -> None:
        decode_jpeg(content, min_height=PARAMS.size, min_width=PARAMS.size)
        _jpeg(presized)

    def whole(content: bytes) -> None:
        pixels = decode_jpeg(content, min_height=PARAMS.size, min_width=PARAMS.size)
        _jpeg(resize(pixels, presized.size))

    seconds = against_fastai(work, {"fastai": 613}, {"limit": limit, "work": whole})
    figures = {f"seconds a photo, {name}": figure(times) for name, times in seconds.items()}
    figures["limit / ours"] = ratio(seconds["limit"], seconds["ours"], "at least .8")
    figures["work / ours"] = ratio(seconds["work"], seconds["ours"])
    if "fastai" in seconds:
        figures["fastai / ours"] = ratio(seconds["fastai"], seconds["ours"], "at least 2")
    return figures


def pets(work: Path, photos: Path | None) -> dict[str, Any]:
    """Photos that pass through; fastai bounds the longer side, by 460 it resizes, by 640 it copies.

    `proof` is the entropy decoding that shows a photo whole, at the scale that presize takes;
    `duty` adds what a store of checked photos without duplicates cannot do without: to read, to
    write, and both hashes.
    """
    if photos:
        (work / "photos").mkdir()
        for file in sorted(photos.iterdir()):
            with Image.open(file) as image:
                if image.format == "JPEG" and image.mode == "RGB" and min(image.size) <= 460:
                    shutil.copy(file, work / "photos")
    else:
        fill(work / "photos", [picture(n, PETS, 96) for n in range(60)], 600)

    def plain(content: bytes) -> None:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        _jpeg(image.resize((image.width * 9 // 10, image.height * 9 // 10), 1))

    def proof(content: bytes) -> np.ndarray:
        side = HASH_THUMBNAIL
        pixels: np.ndarray = decode_jpeg(content, "GRAY", min_height=side, min_width=side)
        return pixels

    def duty(content: bytes) -> None:
        stored.seek(0)
        stored.write(content)
        stored.seek(0)
        hashlib.sha256(stored.read(len(content))).hexdigest()
        phash(Image.fromarray(proof(content)[:, :, 0]))

    longest = {"fastai at 460": 460, "fastai copying": 640}
    with (work / "stored").open("w+b", buffering=0) as stored:
        seconds = against_fastai(work, longest, {"plain": plain, "proof": proof, "duty": duty})
    sizes = [file.stat().st_size for file in (work / "photos").iterdir()]
    figures = {f"seconds a photo, {name}": figure(times) for name, times in seconds.items()}
    figures["bytes a photo"] = figure([float(np.mean(sizes))])
    for name in (*longest, "plain"):
        if name in seconds:
            target = "at least 5" if name == "fastai at 460" else ""
            figures[f"{name} / ours"] = ratio(seconds[name], seconds["ours"], target)
            figures[f"{name} / proof"] = ratio(seconds[name], seconds["proof"])
            figures[f"{name} / duty"] = ratio(seconds[name], seconds["duty"])
    figures["proof / ours"] = ratio(seconds["proof"], seconds["ours"])
    return figures


def read_and_hash(work: Path, _: Path | None) -> dict[str, Any]:
    """Ingest, without the start of Python, against reading and hashing the files in threads."""
    fill(work / "photos", [picture(n, PETS, 96) for n in range(60)], 7390)
    project(work, 460)
    files = [str(work / "photos" / path) for path in list_files(work / "photos")[0]]

    def digest(paths: list[str]) -> None:
        for file in paths:
            with Path(file).open("rb", buffering=0) as content:
                hashlib.sha256(content.read()).hexdigest()

    def bare() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(digest, [files[at : at + 32] for at in range(0, len(files), 32)]))

    os.environ["FINETRACK_WORKERS"] = "2"
    with chdir(work):
        rounds({"ingest": ingest.main, "bare": bare}, 1)
        seconds = rounds({"ingest": ingest.main, "bare": bare}, 15)
    figures: dict[str, Any] = {
        f"seconds a file, {name}": figure([time / len(files) for time in times])
        for name, times in seconds.items()
    }
    return figures | {"ingest / bare": ratio(seconds["ingest"], seconds["bare"], "at most 1.5")}


PARTS = {"large": large, "pets": pets, "ingest": read_and_hash}


def main() -> None:
    """Measure the parts asked for, each in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", choices=[[], *PARTS])
    parser.add_argument("--photos", type=Path)
    chosen = parser.parse_args()
    if resize_images is None:
        print("fastai is not installed, so its rows are left out: pip install fastai==2.8.12")
    for part in chosen.part or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            figures = PARTS[part](Path(folder), chosen.photos)
        name = f"{part}, given photos" if chosen.photos else part
        record("presize", name, machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
