"""Growth: how the cost of a command grows with the number of photos.

Used by other benchmarks.
"""

from collections.abc import Mapping
from math import log

from benchmarks.cost import Cost

MILLION = 1_000_000


def growth(costs: Mapping[int, Cost]) -> dict[str, object]:
    """Return seconds and memory by number of photos, and seconds a photo and of a million.

    The memory of a million is measured, not computed: blocks of rows fill up first, those of
    interpret at 40,000 photos. By what is added up to 32,000 photos interpret would take 3.0 GB,
    and takes 1.9; baseline would take 5.9 GB, and takes 1.6.

    The exponent is that of the seconds without what a start takes: of a + b n^k at three numbers
    of photos, each four times the one before, the two differences are as 4^k to 1.
    """
    *_, small, middle, large = sorted(costs)
    seconds = {count: cost.seconds for count, cost in costs.items()}
    photos = large - middle
    first = max(seconds[middle] - seconds[small], 1e-9)
    last = max(seconds[large] - seconds[middle], 1e-9)
    million = (MILLION - large) / photos
    return {
        "processor seconds": by_number(seconds),
        "memory, MB": by_number({count: cost.memory / 1e6 for count, cost in costs.items()}),
        "milliseconds a photo": rounded(1000 * last / photos),
        "exponent of the seconds": rounded(log(last / first, middle / small)),
        "a million, processor minutes": rounded((seconds[large] + last * million) / 60),
    }


def by_number(values: Mapping[int, float]) -> dict[str, float]:
    """Return values under their numbers of photos."""
    return {f"{count:,}": rounded(value) for count, value in values.items()}


def rounded(value: float) -> float:
    """Return a value with three digits."""
    return float(f"{value:.3g}")
