"""Put photographs to train on into data/sample/: digits made on the spot, Oxford Pets, or none.

Reads the section fetch of params.yaml. Writes data/sample/ and there .made.json, the list of what
it wrote (file name: sha256). It removes only listed files whose bytes are still its own: photos
that you put there, or changed, stay.

Run it with: python -m stages.fetch
"""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pydantic import Field

from stages.base.errors import UserError, run_stage
from stages.base.files import sha256_bytes, write_bytes, write_json
from stages.base.params import Section, read_section
from stages.dataset.digits import write_sample

SAMPLE = Path("data/sample")
PRIVATE = Path(".finetrack")


class FetchParams(Section):
    """Which photographs to fetch."""

    dataset: Literal["digits", "pets", "none"] = Field(description="digits, pets or none")


def main() -> None:
    """Fetch the photographs that params.yaml names."""
    params = read_section("fetch", FetchParams)
    PRIVATE.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=PRIVATE) as scratch:
        if params.dataset == "digits":
            write_sample(Path(scratch))
        folder = download_pets() if params.dataset == "pets" else Path(scratch)
        wanted = {path.name: path for path in sorted(folder.glob("*.jpg"))}
        made = update(SAMPLE, wanted)
    print(f"{SAMPLE} holds {len(wanted)} photographs ({params.dataset}); {made} made now")


def update(sample: Path, wanted: Mapping[str, Path]) -> int:
    """Make the sample hold the wanted files and none that was made earlier; return how many changed.

    The list is written before the files, so that a killed run leaves nothing that is not listed.
    """
    listed = sample / ".made.json"
    earlier = json.loads(listed.read_text()) if listed.exists() else {}
    hashes = {name: sha256_bytes(path.read_bytes()) for name, path in wanted.items()}
    write_json(listed, {**earlier, **hashes})
    for name, expected in earlier.items():
        if name not in wanted and _hash(sample / name) == expected:
            (sample / name).unlink()
    changed = [name for name in wanted if _hash(sample / name) in ("", earlier.get(name))]
    changed = [name for name in changed if _hash(sample / name) != hashes[name]]
    for name in changed:
        write_bytes(sample / name, wanted[name].read_bytes())
    write_json(listed, hashes)
    return len(changed)


def _hash(path: Path) -> str:
    return sha256_bytes(path.read_bytes()) if path.exists() else ""


def download_pets() -> Path:
    """Return the folder of the Oxford-IIIT Pet photos, downloaded through torchvision once."""
    # Here and not above: the digits need not wait three seconds for torch.
    from torchvision.datasets import OxfordIIITPet

    try:
        OxfordIIITPet(str(PRIVATE / "downloads"), download=True)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"Oxford-IIIT Pet cannot be downloaded ({error}); without a network set fetch.dataset "
            "to digits (made on the spot) or none (your own photos)"
        ) from None
    return PRIVATE / "downloads" / "oxford-iiit-pet" / "images"


if __name__ == "__main__":
    run_stage(main)
