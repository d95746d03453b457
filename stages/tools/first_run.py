"""First run: the minutes that it will probably take, by the sets that were timed."""

from stages.base.plural import count_noun

# Seconds of baseline, lr_find and fine_tune together on two cores without a GPU, of 43 sets of 165
# to 1,097 photos (benchmarks/results/recipes.json): at least .15 a photo, and at most 310 and .35 a
# photo. tests/tools/test_first_run.py holds every set to it.
_LEAST_PER_PHOTO = 0.15
_MOST_AT_ALL = 310.0
_MOST_PER_PHOTO = 0.35
# Presizing takes .0015 seconds for a small photo and .047 for one of a camera
# (benchmarks/results/presize.json).
_PRESIZE_PER_PHOTO = 0.05
# For starting nine stages, the page and the export; the sample of 1,008 takes two to six minutes.
_OTHER_STAGES = 60.0
LARGEST_TIMED = 1_097
SMALLEST_TIMED = 165


def training_seconds(photos: int) -> tuple[float, float]:
    """Return the least and the most seconds of baseline, lr_find and fine_tune on two cores."""
    return _LEAST_PER_PHOTO * photos, _MOST_AT_ALL + _MOST_PER_PHOTO * photos


def first_run_line(photos: int, trainings: int = 1) -> str:
    """Return how long the first run is likely to take.

    trainings: the number of models, several with folds.

    >>> first_run_line(1000)
    'The first run of 1,000 photos takes about 2 to 13 minutes on two cores without a GPU.'
    """
    least, most = (seconds * trainings for seconds in training_seconds(photos))
    most += _PRESIZE_PER_PHOTO * photos + _OTHER_STAGES
    span = _span(max(1, round(least / 60)), max(2, round(most / 60)))
    line = f"The first run of {count_noun(photos, 'photo')} takes about {span} on two cores"
    models = f", with {trainings} trainings" if trainings > 1 else ""
    unsure = photos > 2 * LARGEST_TIMED or photos < SMALLEST_TIMED
    timed = f"; timed were {SMALLEST_TIMED} to {LARGEST_TIMED:,} photos" if unsure else ""
    return f"{line} without a GPU{models}{timed}."


def _span(least: int, most: int) -> str:
    """Return minutes as text, in hours where both are many."""
    if least < 120:
        return f"{least:,} to {most:,} minutes"
    return f"{round(least / 60):,} to {round(most / 60):,} hours"
