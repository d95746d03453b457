"""Coverage table and confidence thresholds, against scipy and simulation."""

import numpy as np
import pytest
from scipy.stats import binomtest

from stages.stats.selective import COVERAGE_ROWS, coverage_table, find_threshold, lower_bound


def ranked(images: int, wrong: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return falling confidences, and whether each image is right: all but these rows."""
    right = np.ones(images, bool)
    right[wrong] = False
    return np.linspace(0.999, 0.3, images), right


def test_every_confidence_is_a_row() -> None:
    """The most confident image comes first, and the last row has the plain error rate."""
    confidence, right = ranked(10, [4, 9])
    table = coverage_table(confidence, right)
    assert table["images"].tolist() == list(range(1, 11))
    assert table["errors"].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]
    assert table["coverage"].iloc[-1] == 1
    assert table["error_rate"].iloc[-1] == pytest.approx(0.2)
    ends = binomtest(2, 10).proportion_ci(method="wilson")
    last = table.iloc[-1]
    assert (last["error_low"], last["error_high"]) == pytest.approx((ends.low, ends.high))


def test_the_order_of_the_images_does_not_matter() -> None:
    """The table is sorted by confidence, and counts what has at least this confidence."""
    rng = np.random.default_rng(0)
    confidence = rng.random(50).round(1)
    right = rng.random(50) < 0.8
    order = rng.permutation(50)
    table = coverage_table(confidence, right)
    assert table.equals(coverage_table(confidence[order], right[order]))
    for row in table.to_dict("records"):
        accepted = confidence >= row["threshold"]
        assert (row["images"], row["errors"]) == (accepted.sum(), (~right[accepted]).sum())


def test_a_long_table_is_thinned() -> None:
    """Of 5,000 confidences 200 rows are left, first and last among them."""
    table = coverage_table(*ranked(5000, [7]))
    assert len(table) == COVERAGE_ROWS
    assert table["images"].iloc[0] == 1
    assert table["images"].iloc[-1] == 5000


def test_the_bound_is_clopper_and_pearsons() -> None:
    """One-sided, as scipy has it; without a hit it is zero."""
    for hits, trials in ((58, 60), (60, 60), (1, 9)):
        exact = binomtest(hits, trials, alternative="greater").proportion_ci(0.95, method="exact")
        assert lower_bound(hits, trials, 0.05) == pytest.approx(exact.low)
    assert lower_bound(0, 9, 0.05) == 0


def test_few_images_have_no_threshold() -> None:
    """58 images that are all right do not show 95 %, 59 do; the reason names the fewest."""
    short = find_threshold(*ranked(58, []), 0.95)
    assert short.threshold is None
    assert short.reason == (
        "not reachable with so few images: 59 without a mistake are needed, and 58 are there"
    )
    enough = find_threshold(*ranked(59, []), 0.95)
    assert (enough.images, enough.coverage, enough.accuracy) == (59, 1.0, 1.0)
    assert enough.low is not None
    assert enough.low >= 0.95
    assert find_threshold(*ranked(212, []), 0.99).reason.startswith("not reachable")


def test_a_weak_model_reaches_it_nowhere() -> None:
    """Enough images but too many mistakes: no threshold, and the reason says so."""
    result = find_threshold(*ranked(1000, list(range(0, 1000, 4))), 0.95)
    assert (result.threshold, result.reason) == (None, "not reached at any confidence")


def test_mistakes_at_the_end_set_the_threshold() -> None:
    """A model that errs only when unsure is relied on down to where it begins to err."""
    confidence, right = ranked(1000, list(range(700, 1000, 2)))
    result = find_threshold(confidence, right, 0.95)
    assert result.coverage == pytest.approx(0.7)
    accepted = confidence >= (result.threshold or 0)
    assert result.images == accepted.sum()
    assert result.accuracy == right[accepted].mean()


def test_equal_confidences_are_accepted_together() -> None:
    """Where a third of the images share one confidence, the threshold takes all of them."""
    confidence = np.repeat([0.9, 0.8, 0.7], 100)
    result = find_threshold(confidence, np.ones(300, bool), 0.95)
    assert (result.threshold, result.images) == (0.7, 300)


def test_the_level_is_reached_in_truth() -> None:
    """Over 300 draws of a model, the accuracy above the threshold is below the level in 5 %."""
    rng = np.random.default_rng(0)
    missed = 0
    named = 0
    for _ in range(300):
        confidence = rng.uniform(0.8, 1, 1500)
        result = find_threshold(confidence, rng.random(1500) < confidence, 0.95)
        if result.threshold is not None:
            named += 1
            missed += (1 + result.threshold) / 2 < 0.95  # the true mean above the threshold
    assert named > 100
    assert missed <= 0.05 * 300


def test_the_record_has_every_field_in_order() -> None:
    """As in details.json, where a threshold is named and where none can be."""
    named = find_threshold(*ranked(59, []), 0.95).as_dict()
    assert list(named) == ["threshold", "images", "coverage", "accuracy", "low", "reason"]
    assert (named["images"], named["coverage"], named["reason"]) == (59, 1.0, "")
    unnamed = find_threshold(*ranked(10, []), 0.95).as_dict()
    assert list(unnamed) == list(named)
    assert (unnamed["threshold"], unnamed["accuracy"], unnamed["low"]) == (None, None, None)


def test_too_few_groups_have_no_threshold() -> None:
    """Sixty groups of four reach 95 % without a mistake, twenty of twelve are too few for it."""
    confidence, right = ranked(240, [])
    few = find_threshold(confidence, right, 0.95, np.arange(240) % 20)
    assert few.threshold is None
    assert few.reason == (
        "not reachable with so few groups: 59 of one size without a mistake are needed, and these"
        " are worth 20"
    )
    enough = find_threshold(confidence, right, 0.95, np.arange(240) % 60)
    assert (enough.coverage, enough.reason) == (1, "")
    assert enough.low == pytest.approx(0.05 ** (1 / 60))  # one try alone: the others are too small


def test_mistakes_all_over_the_groups_may_show_more_than_none() -> None:
    """Two thousand images of a hundred groups show 98 % though a hundred images could not."""
    confidence, right = ranked(2000, list(range(1001, 2000, 100)))
    groups = np.arange(2000) % 97
    result = find_threshold(confidence, right, 0.98, groups)
    assert result.threshold is not None
    assert result.low is not None
    assert result.low >= 0.98


def test_images_that_are_groups_of_their_own_are_tried_as_before() -> None:
    """Each try, and so the bound, is that without groups."""
    for images in (40, 58, 59, 300):
        confidence, right = ranked(images, [images - 1])
        plain = find_threshold(confidence, right, 0.9)
        grouped = find_threshold(confidence, right, 0.9, np.arange(images))
        assert (grouped.threshold, grouped.low) == (plain.threshold, plain.low)
