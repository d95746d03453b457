"""Fetch: photographs to train on, into data/sample/: digits made on the spot, Oxford Pets, or none.

Reads the section fetch of params.yaml. Writes data/sample/, and in it .made.json, the list of what
it wrote. It replaces and removes only its own files: photos that you put there, or changed, stay.

Run: dvc repro fetch, or python -m stages.fetch. FINETRACK_WORKERS says how many processes.
"""

from stages.base.environment import prepare_process

prepare_process()

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field

from stages.base.entry_point import run_command
from stages.base.environment import workers
from stages.base.errors import UserError
from stages.base.params import Section, read_section
from stages.base.parts import PRIVATE_FOLDER
from stages.base.stage_lock import stage_lock
from stages.base.terminal import say
from stages.sample.digits import write_sample
from stages.sample.owned_files import update_owned_files

SAMPLE_FOLDER = Path("data/sample")
DOWNLOADS = PRIVATE_FOLDER / "downloads"
_SCRATCH = PRIVATE_FOLDER / "sample"  # where the digits are made; the lock makes it this run's own


class FetchParams(Section):
    """Where the photographs come from."""

    dataset: Literal["digits", "pets", "none"] = Field(
        description="photos that are fetched",
        json_schema_extra={
            "digits": "made on the spot",
            "pets": "downloads Oxford-IIIT Pet",
            "none": "you bring photos",
        },
    )


def main() -> None:
    """Fetch the photographs that params.yaml names."""
    params = read_section("fetch", FetchParams)
    with stage_lock(PRIVATE_FOLDER, "fetch"), _scratch_folder() as scratch:
        folder = download_pets(DOWNLOADS) if params.dataset == "pets" else scratch
        if params.dataset == "digits":
            write_sample(folder, workers=workers())
        wanted = {path.name: path for path in folder.glob("[!.]*.jpg")}
        written, changed = update_owned_files(SAMPLE_FOLDER, wanted)
    if changed:
        say(f"Left as you changed them: {', '.join(changed)}")
    if params.dataset == "none":
        say(f"fetch.dataset is none, so {SAMPLE_FOLDER} has no sample; ingest.images names yours")
        return
    say(
        f"{params.dataset}: {len(wanted):,} photographs in {SAMPLE_FOLDER}, {written:,} written now"
    )


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """Make an empty folder, and remove it at the end, or a killed run's at the next start."""
    shutil.rmtree(_SCRATCH, ignore_errors=True)
    _SCRATCH.mkdir(parents=True)
    try:
        yield _SCRATCH
    finally:
        shutil.rmtree(_SCRATCH, ignore_errors=True)


def download_pets(root: Path) -> Path:
    """Return the folder of the Oxford-IIIT Pet photos below `root`, downloading them if need be."""
    # Imported here, since the digits should not have to wait three seconds for torch.
    from torchvision.datasets import OxfordIIITPet  # noqa: PLC0415  # see above

    root.mkdir(parents=True, exist_ok=True)
    try:
        OxfordIIITPet(root, download=True)  # trainval and test come in one folder
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"fetch.dataset: pets could not be downloaded into {root} ({error}). Try again, or set "
            "fetch.dataset to digits (made on the spot, no network) or none (bring your own photos)"
        ) from None
    return root / "oxford-iiit-pet" / "images"


if __name__ == "__main__":
    run_command(main)
