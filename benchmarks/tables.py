"""What CSV costs where Parquet would do: the two largest tables of a million photos.

The store's index (nine columns, of which two are hashes) and the labels (four columns), written
and read. Seconds are those of the processor. Parquet is pyarrow's, as pandas has it by default.
Run: python -m benchmarks.tables [--rounds N], in an environment that has pyarrow too.
Results: results/tables.json.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.growth import MILLION, rounded
from benchmarks.measure import figure, machine, record
from stages.base.csv_file import read_text_csv, write_csv
from stages.store.reader import INDEX_COLUMNS

PACKAGES = ["pandas", "pyarrow", "numpy"]


def tables() -> dict[str, pd.DataFrame]:
    """Return the tables, made up."""
    draw = np.random.default_rng(0)
    numbers = range(MILLION)
    paths = [f"class {number % 100:02}/{number:07}.jpg" for number in numbers]
    index = {
        "path": paths,
        "sha256": hexadecimal(draw, 32),
        "shard": [f"shard-{number % 1000:04}.tar" for number in numbers],
        "offset": draw.integers(0, 10**7, MILLION),
        "length": draw.integers(10**4, 10**5, MILLION),
        "width": 320,
        "height": 427,
        "phash": hexadecimal(draw, 32),
        "crc32": hexadecimal(draw, 4),
    }
    labels = {"path": paths, "label": [path[:8] for path in paths], "source": "folder", "split": ""}
    return {"index": pd.DataFrame(index)[INDEX_COLUMNS], "labels": pd.DataFrame(labels)}


def hexadecimal(draw: np.random.Generator, length: int) -> list[str]:
    """Return a million random texts of so many bytes in hex digits."""
    return [bytes(row).hex() for row in draw.integers(0, 256, (MILLION, length), np.uint8)]


def seconds(work: Callable[[], object], rounds: int) -> list[float]:
    """Return what the processor took for some work, each time."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return taken


def main() -> None:
    """Measure both tables in both formats."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        for name, table in tables().items():
            comma = Path(folder, f"{name}.csv")
            parquet = Path(folder, f"{name}.parquet")
            work: dict[str, Callable[[], object]] = {
                "CSV, written": partial(write_csv, comma, table),
                "CSV, read": partial(read_text_csv, comma),
                "Parquet, written": partial(table.to_parquet, parquet),
                "Parquet, read": partial(pd.read_parquet, parquet),
            }
            figures: dict[str, object] = {
                f"{what}, processor seconds": figure(seconds(one, rounds))
                for what, one in work.items()
            }
            figures["CSV, MB"] = rounded(comma.stat().st_size / 1e6)
            figures["Parquet, MB"] = rounded(parquet.stat().st_size / 1e6)
            record("tables", name, machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
