"""Coverage against error, and the confidence that can be relied on."""

import numpy as np
import pytest
from scipy.stats import binomtest

from stages.stats.selective import ROWS, coverage_table, find_threshold, lower_bound


def ranked(images: int, wrong: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return falling confidences, and whether each image is right: all but these places."""
    right = np.ones(images, bool)
    right[wrong] = False
    return np.linspace(0.999, 0.3, images), right


def test_every_confidence_is_a_row() -> None:
    """The surest image alone comes first, and at the end all images with the plain error rate."""
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
    """The table is sorted by confidence, and counts what is at least so sure."""
    rng = np.random.default_rng(0)
    confidence, right = rng.random(50).round(1), rng.random(50) < 0.8
    turn = rng.permutation(50)
    table = coverage_table(confidence, right)
    assert table.equals(coverage_table(confidence[turn], right[turn]))
    for row in table.to_dict("records"):
        taken = confidence >= row["threshold"]
        assert (row["images"], row["errors"]) == (taken.sum(), (~right[taken]).sum())


def test_a_long_table_is_thinned() -> None:
    """Of 5,000 confidences some hundred rows are kept, first and last among them."""
    table = coverage_table(*ranked(5000, [7]))
    assert len(table) == ROWS
    assert table["images"].iloc[0] == 1
    assert table["images"].iloc[-1] == 5000


def test_the_bound_is_clopper_and_pearsons() -> None:
    """One-sided, as scipy has it; without a hit it is zero."""
    for hits, of in ((58, 60), (60, 60), (1, 9)):
        exact = binomtest(hits, of, alternative="greater").proportion_ci(0.95, method="exact")
        assert lower_bound(hits, of, 0.05) == pytest.approx(exact.low)
    assert lower_bound(0, 9, 0.05) == 0


def test_few_images_can_show_nothing() -> None:
    """58 images that are all right do not show 95 %, 59 do; the least is named."""
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
    found = find_threshold(*ranked(1000, list(range(0, 1000, 4))), 0.95)
    assert (found.threshold, found.reason) == (None, "not reached at any confidence")


def test_mistakes_at_the_end_set_the_threshold() -> None:
    """A model that errs only when unsure is relied on down to where it begins to err."""
    confidence, right = ranked(1000, list(range(700, 1000, 2)))
    found = find_threshold(confidence, right, 0.95)
    assert found.coverage == pytest.approx(0.7)
    taken = confidence >= (found.threshold or 0)
    assert found.images == taken.sum()
    assert found.accuracy == right[taken].mean()


def test_equal_confidences_are_taken_together() -> None:
    """Where a third of the images share one confidence, the threshold takes all of them."""
    confidence = np.repeat([0.9, 0.8, 0.7], 100)
    found = find_threshold(confidence, np.ones(300, bool), 0.95)
    assert (found.threshold, found.images) == (0.7, 300)


def test_the_promise_is_kept() -> None:
    """Over 300 draws of a model, the accuracy above the threshold is below the level in 5 %."""
    rng = np.random.default_rng(0)
    broken = named = 0
    for _ in range(300):
        confidence = rng.uniform(0.8, 1, 1500)
        found = find_threshold(confidence, rng.random(1500) < confidence, 0.95)
        if found.threshold is not None:
            named += 1
            broken += (1 + found.threshold) / 2 < 0.95  # the true mean above the threshold
    assert named > 100
    assert broken <= 0.05 * 300
