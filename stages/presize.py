"""Presize: every photo once to the size that training reads, in a store of a few files.

Reads data/manifest/images.csv and the photos under ingest.images; params section presize.
Writes data/presized/, reports/presize/metrics.json and reports/presize/rejected.csv.
Run: dvc repro presize, or python -m stages.presize. FINETRACK_WORKERS says how many processes.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from stages.base.environment import workers
from stages.base.errors import error_list, run_stage
from stages.base.files import write_csv, write_json
from stages.base.params import read_section, read_value
from stages.dataset.manifest import read_images
from stages.images.resize import PresizeParams
from stages.store.writer import write_store

IMAGES = Path("data/manifest/images.csv")
STORE = Path("data/presized")
REPORT = Path("reports/presize")
PRIVATE = Path(".finetrack/presize")  # results kept between runs; may be deleted at any time


def main() -> None:
    """Presize all photos of the manifest."""
    params = read_section("presize", PresizeParams)
    photos = Path(read_value("ingest.images", str))
    images = read_images(IMAGES)

    outcomes = write_store(images, photos, STORE, PRIVATE, params, workers())

    stored, rejected = outcomes[outcomes["problem"] == ""], outcomes[outcomes["problem"] != ""]
    write_csv(REPORT / "rejected.csv", rejected[["path", "problem", "detail"]])
    write_json(REPORT / "metrics.json", _metrics(stored, rejected))
    _refuse_too_many(rejected, len(outcomes), params.max_rejected)
    print(
        f"{len(stored):,} photos presized to {params.size} px "
        f"({stored['passed'].sum():,} passed through, {stored['reused'].sum():,} reused, "
        f"{len(rejected):,} rejected: {REPORT / 'rejected.csv'})"
    )


def _metrics(stored: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, object]:
    """Count what the photos were; nothing here depends on what was made by a run before."""
    kinds = stored.drop_duplicates("sha256")
    return {
        "images": len(stored),
        "rejected": len(rejected),
        "problems": _counts(rejected["problem"]),
        "passed_through": int(stored["passed"].sum()),
        "traits": _counts(trait for traits in stored["traits"] for trait in traits),
        "bytes_in": int(stored["bytes"].sum()),
        "bytes_out": int(kinds["length"].sum()),
    }


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _refuse_too_many(rejected: pd.DataFrame, files: int, most: float) -> None:
    if len(rejected) < files and len(rejected) <= most * files:
        return
    counts = ", ".join(f"{count} {name}" for name, count in _counts(rejected["problem"]).items())
    raise error_list(
        f"{len(rejected):,} of {files:,} photos cannot be used ({counts}), and "
        f"presize.max_rejected allows {most * 100:g}%. Mend or remove them, or allow more; "
        f"{REPORT / 'rejected.csv'} lists all:",
        list(rejected["path"] + ": " + rejected["problem"] + " (" + rejected["detail"] + ")"),
    )


if __name__ == "__main__":
    run_stage(main)
