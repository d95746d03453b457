"""Of a folder of thousands of damaged photos none is lost in ingest and presize."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages import ingest, presize
from stages.base.files import sha256_bytes
from stages.base.seed import derive
from stages.images.formats import EXTENSIONS
from stages.sample.digits import write_sample
from stages.store.reader import Store

ROOT = Path(__file__).parents[1]
MUTANTS = 2400
PROBLEMS = {"empty", "not an image", "truncated", "corrupt", "bomb", "unsupported mode"}
PROBLEMS |= {"too small", "unsupported JPEG"}


def saved(image: Image.Image, format_name: str, **options: object) -> bytes:
    """Return the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def originals(folder: Path) -> list[bytes]:
    """Return whole files: photos of the sample, and smaller copies of them in every format."""
    write_sample(folder, count=4, workers=1)
    photos = [file.read_bytes() for file in sorted(folder.glob("[!.]*_000?.jpg"))]
    first, *others = [Image.open(io.BytesIO(photo)).resize((120, 90)) for photo in photos]
    grey = first.convert("L")
    alpha = first.convert("RGBA")
    alpha.putalpha(grey)
    turned = Image.Exif()
    turned[0x0112] = 6
    return [
        *photos,
        *(saved(first, name) for name in EXTENSIONS),
        saved(first, "JPEG", progressive=True, exif=turned, icc_profile=bytes(200)),
        saved(first, "JPEG", restart_marker_blocks=5),
        saved(first.convert("CMYK"), "JPEG"),
        saved(grey, "JPEG"),
        saved(alpha, "PNG"),
        saved(alpha, "WEBP", lossless=True),
        saved(first, "TIFF", compression="tiff_lzw"),
        saved(first, "TIFF", compression="jpeg"),
        saved(first, "GIF", save_all=True, append_images=others),
        saved(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "PNG"),
    ]


def damaged(content: bytes, other: bytes, draw: np.random.Generator) -> bytes:
    """Return a file cut, with bits flipped, zeroed, spliced with another, or of a wrong header."""
    data = bytearray(content)
    a, b = sorted(draw.integers(0, len(data), 2).tolist())
    match draw.integers(0, 7):
        case 0:
            return bytes(data[:b])
        case 1 | 2:
            for place in draw.integers(0, len(data), 8 if a % 2 else 1):
                data[place] ^= 1 << int(draw.integers(0, 8))
        case 3:
            data[a : a + 200] = bytes(len(data[a : a + 200]))
        case 4:
            data[a:b] = other[a:b]
        case 5:
            data[:24] = draw.bytes(24)
        case 6:
            data[:200] = other[:200]
    return bytes(data)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Create a project whose photos are the originals and the mutants; return the originals' paths.

    Half of the names end as their content should, the others in .jpg.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FINETRACK_WORKERS", "2")
    content = YAML(typ="safe").load(ROOT / "params.yaml")
    content["ingest"]["images"] = "photos"
    content["presize"].update({"size": 64, "max_rejected": 1.0})
    YAML(typ="safe").dump(content, Path("params.yaml"))
    for name, header in (
        ("labels", "path,label"),
        ("corrections", "path,sha256,action,label,note"),
    ):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / f"data/{name}.csv").write_text(f"{header}\n")
    whole = originals(tmp_path / "sample")
    draw = derive(8, "mutants")
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, file in enumerate(whole):
        (photos / f"whole_{number}.jpg").write_bytes(file)
    for number in range(MUTANTS):
        other = whole[int(draw.integers(len(whole)))]
        mutant = damaged(whole[number % len(whole)], other, draw)
        (photos / f"mutant_{number}.{'jpg' if number % 2 else 'png'}").write_bytes(mutant)
    return [f"whole_{number}.jpg" for number in range(len(whole))]


def hashes() -> dict[str, str]:
    """Return the SHA-256 of every file among the photos."""
    return {file.name: sha256_bytes(file.read_bytes()) for file in Path("photos").iterdir()}


@pytest.mark.slow
def test_2400_damaged_photos_are_all_accounted_for(folder: list[str]) -> None:
    """Each is used or rejected by name, the whole ones are used, and no file is touched."""
    before = hashes()
    ingest.main()
    presize.main()
    assert hashes() == before
    images = pd.read_csv("data/manifest/images.csv")
    assert dict(zip(images["path"], images["sha256"], strict=True)) == before

    store = Store(Path("data/presized"))
    stored = set(store.index["path"])
    rejected = pd.read_csv("reports/presize/rejected.csv", na_filter=False)
    assert stored.isdisjoint(rejected["path"])
    assert stored | set(rejected["path"]) == set(before)
    assert set(folder) <= stored
    assert set(rejected["problem"]) <= PROBLEMS
    assert (rejected["detail"].str.split().str.join(" ") == rejected["detail"]).all()
    assert (rejected["detail"] != "").all()

    for path in stored:
        image = store.image(path)
        assert min(image.shape[:2]) >= 16
        assert image.shape[2] == 3
    metrics = json.loads(Path("reports/presize/metrics.json").read_text())
    assert metrics["images"] + metrics["rejected"] == len(before)
    assert 0.6 < len(rejected) / MUTANTS < 0.9
