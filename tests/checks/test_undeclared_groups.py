"""Names count as groups where pictures say so, and are left alone where they do not."""

import numpy as np
import pandas as pd
import pytest

from stages.checks.undeclared_groups import find_named_groups, judge_names, rows_in_runs
from tests.checks.example_images import named_photos


def test_people_are_found_by_their_names() -> None:
    """Photos of 20 people are found, with a regex that catches each one's name."""
    images = named_photos(20, 6, 90)
    found = find_named_groups(images)
    assert found is not None
    assert found.groups == 20
    assert found.nearer > 0.9
    caught = images["path"].str.extract(found.regex)[0]
    assert caught.tolist() == images["path"].str[:3].tolist()


@pytest.mark.parametrize("seed", range(20))
def test_names_without_meaning_are_left_alone(seed: int) -> None:
    """Where the pictures of a name are no more alike than others, nothing is found."""
    assert find_named_groups(named_photos(20, 6, 256, seed)) is None


def test_random_names_are_half_the_time_nearer() -> None:
    """Over 100 random divisions the share is a half, and its deviations are those of chance."""
    images = named_photos(40, 5, 256)
    draw = np.random.default_rng(3)
    judged = [
        judge_names(images, [str(name) for name in draw.integers(0, 30, len(images))])
        for _ in range(100)
    ]
    _, nearer, deviations = np.array(judged).T
    assert nearer.mean() == pytest.approx(0.5, abs=0.01)
    assert deviations.std() < 1.3
    assert np.abs(deviations).max() < 4


def test_the_coarsest_part_is_taken() -> None:
    """Of a person and a day the person is named, since the days of one person look alike too."""
    images = named_photos(20, 6, 90)
    day = images["path"].str.replace("_", "_d").str.replace(".jpg", "_7.jpg")
    images["path"] = day.where(images.index % 2 == 0, day.str.replace("_d", "_e"))
    found = find_named_groups(images)
    assert found is not None
    assert found.groups == 20


@pytest.mark.parametrize(
    "paths",
    [
        [f"cat_{n}.jpg" for n in range(40)],  # a name for each photo
        [f"{n}.jpg" for n in range(40)],  # one word
        ["a_b.jpg", "a_b_c.jpg"] * 20,  # as many words in no more than half of them
    ],
)
def test_numbers_are_no_groups(paths: list[str]) -> None:
    """Counters, single words and names of different lengths are no parts to judge."""
    images = named_photos(10, 4, 90).assign(path=paths)
    assert find_named_groups(images) is None


def test_a_few_names_do_not_suffice() -> None:
    """With nine names nothing is said, and an empty or blank set has none."""
    assert find_named_groups(named_photos(9, 6, 90)) is None
    empty = pd.DataFrame({"path": [], "label": [], "phash": []}, dtype="str")
    assert find_named_groups(empty) is None
    assert find_named_groups(named_photos(20, 6, 90).assign(phash="")) is None


def test_of_many_photos_runs_of_neighbours_are_taken() -> None:
    """Up to `most` rows are all taken; of more, runs from the first to the last, each row once."""
    assert rows_in_runs(0, 6, 3).tolist() == []
    assert rows_in_runs(6, 6, 3).tolist() == [0, 1, 2, 3, 4, 5]
    assert rows_in_runs(7, 6, 3).tolist() == [0, 1, 2, 4, 5, 6]
    assert rows_in_runs(100, 6, 3).tolist() == [0, 1, 2, 97, 98, 99]
