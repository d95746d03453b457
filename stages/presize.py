"""Presize: every photo once to the size that training reads, in a store of a few files.

Reads data/manifest/images.csv and the photos of ingest.images; params section presize.
Writes data/presized/, reports/presize/metrics.json and reports/presize/rejected.csv.
Run: dvc repro presize, or python -m stages.presize. FINETRACK_WORKERS says how many processes,
FINETRACK_EXECUTOR which cluster instead.
"""

from stages.base.environment import prepare_process

prepare_process()

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from stages.base.csv_file import write_csv
from stages.base.entry_point import run_stage
from stages.base.errors import error_list
from stages.base.files import write_json
from stages.base.params import read_section, read_value
from stages.base.parts import PRIVATE_FOLDER
from stages.base.terminal import say
from stages.cluster.cluster import open_workers
from stages.dataset.manifest import read_images
from stages.dataset.packed_folder import open_photos
from stages.images.resize import PresizeParams
from stages.store.writer import write_store

REJECTED = Path("reports/presize/rejected.csv")
# Encoded photos of earlier runs; may be deleted at any time.
ENCODE_CACHE = PRIVATE_FOLDER / "presize"


def main() -> None:
    """Presize all photos of the manifest."""
    params = read_section("presize", PresizeParams)
    folder = read_value("ingest.images", str)
    photos = open_photos(folder)
    images = read_images(Path("data/manifest/images.csv"))

    with open_workers(say, folder) as workers:
        outcomes = write_store(images, photos, Path("data/presized"), ENCODE_CACHE, params, workers)

    stored = outcomes[outcomes["problem"] == ""]
    rejected = outcomes[outcomes["problem"] != ""]
    write_csv(REJECTED, rejected[["path", "problem", "detail"]])
    write_json("reports/presize/metrics.json", _metrics(stored, rejected))
    _refuse_too_many(rejected, len(outcomes), params.max_rejected)
    say(
        f"{len(stored):,} photos presized to {params.size} px "
        f"({stored['passed_through'].sum():,} passed through, {stored['reused'].sum():,} reused, "
        f"{len(rejected):,} rejected: {REJECTED})"
    )


def _metrics(stored: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, object]:
    """Return counts of what the photos are; none depends on what the cache had."""
    contents = stored.drop_duplicates("sha256")
    return {
        "images": len(stored),
        "rejected": len(rejected),
        "problems": _counts(rejected["problem"]),
        "passed_through": int(stored["passed_through"].sum()),
        "traits": _counts(trait for traits in stored["traits"] for trait in traits),
        "bytes_in": int(stored["original_bytes"].sum()),
        "bytes_out": int(contents["length"].sum()),
    }


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _refuse_too_many(rejected: pd.DataFrame, files: int, max_rejected: float) -> None:
    if len(rejected) < files and len(rejected) <= max_rejected * files:
        return
    counts = ", ".join(f"{count} {name}" for name, count in _counts(rejected["problem"]).items())
    raise error_list(
        f"{len(rejected):,} of {files:,} photos cannot be used ({counts}), and "
        f"presize.max_rejected allows {max_rejected * 100:g}%. Mend or remove them, or allow more; "
        f"{REJECTED} lists all:",
        list(rejected["path"] + ": " + rejected["problem"] + " (" + rejected["detail"] + ")"),
    )


if __name__ == "__main__":
    run_stage(main)
