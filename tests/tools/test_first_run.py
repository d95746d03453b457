"""How long the first run takes is said by what was timed, and by what of it is known."""

import json
from pathlib import Path

import pytest

from stages.tools.first_run import (
    LARGEST_TIMED,
    SMALLEST_TIMED,
    first_run_line,
    training_seconds,
)

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "recipes.json"


def timed_sets() -> dict[str, tuple[int, float]]:
    """Return set -> its photos, and the seconds of probe and training, of each set timed alone."""
    found = {}
    for name, entry in json.loads(RESULTS.read_text(encoding="utf-8")).items():
        figures = entry["figures"]
        if "default, seconds" not in figures or "," in name:
            continue
        runs = sum(figures["default, recipes"].values())
        validated = figures["default, against the probe"]["images"]  # a fifth in each run
        seconds = figures["default, seconds"]["median"] + figures["probe, seconds"]["median"]
        found[name] = (round(5 * validated / runs), seconds)
    return found


def test_each_timed_set_is_within_the_span() -> None:
    """Every set took at least the least and at most the most, and some come near to both."""
    sets = timed_sets()
    spans = {name: training_seconds(photos) for name, (photos, _) in sets.items()}
    least = min(sets[name][1] / spans[name][0] for name in sets)
    most = max(sets[name][1] / spans[name][1] for name in sets)
    assert 1 <= least < 1.1
    assert 0.9 < most <= 1


def test_the_sizes_that_were_timed_are_as_said() -> None:
    """The smallest and the largest set have so many photos, but for the rounding of a fifth."""
    sizes = [photos for photos, _ in timed_sets().values()]
    assert min(sizes) == SMALLEST_TIMED
    assert abs(max(sizes) - LARGEST_TIMED) < 5


@pytest.mark.parametrize(
    ("photos", "trainings", "words"),
    [
        (400, 1, "of 400 photos takes about 1 to 9 minutes on two cores without a GPU."),
        (200, 6, "takes about 3 to 39 minutes on two cores without a GPU, with 6 trainings."),
        (8, 1, "of 8 photos takes about 1 to 6 minutes on two cores without a GPU; timed were 165"),
        (100_000, 1, "takes about 4 to 11 hours on two cores without a GPU; timed were 165 to"),
    ],
)
def test_minutes_are_a_span_that_grows_with_photos_and_trainings(
    photos: int, trainings: int, words: str
) -> None:
    """The line has minutes or hours, the trainings, and beyond what was timed says so."""
    assert words in first_run_line(photos, trainings)
