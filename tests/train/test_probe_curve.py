"""The errors of probes that were fitted on parts of the images."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.stats.learning_curve import CURVE_SHARES
from stages.train.discriminant import fit_probe
from stages.train.linear_probe import FOLDS, assign_folds, out_of_fold
from stages.train.probe_curve import probe_curve, thin_out

RNG = np.random.default_rng(0)
TARGETS = np.tile(np.arange(4), 40)
GROUPS = np.arange(160)
FEATURES = RNG.standard_normal((160, 20)).astype(np.float32)
FEATURES[GROUPS, TARGETS] += 2


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=60),
    st.sampled_from([0.01, 0.125, 0.25, 0.5, 0.9, 1.0]),
)
def test_a_share_of_every_class_stays(targets: list[int], share: float) -> None:
    """Of each class the share stays, rounded up, so at least one image; those first in order."""
    numbers = np.array(targets)
    order = np.random.default_rng(1).permutation(len(numbers))
    stays = thin_out(numbers, order, share)
    for number in np.unique(numbers):
        of_class = numbers == number
        assert stays[of_class].sum() == np.ceil(share * of_class.sum())
        gone = order[of_class & ~stays]
        assert not gone.size or order[of_class & stays].max() < gone.min()


def test_a_smaller_share_is_part_of_a_larger() -> None:
    """The images of each share are among those of the next."""
    order = RNG.permutation(160)
    shares = [thin_out(TARGETS, order, share) for share in CURVE_SHARES]
    for smaller, larger in pairwise(shares):
        assert not (smaller & ~larger).any()


def test_a_group_stays_or_goes_as_a_whole() -> None:
    """Of eight groups of five images half stay with all of theirs; of nine, one is cut."""
    for groups, cut in ((8, 0), (9, 1)):
        group_of_row = RNG.permutation(np.repeat(np.arange(groups), 5))
        order = RNG.permutation(groups)[group_of_row]
        stays = thin_out(np.zeros(len(order), int), order, 0.5)
        sizes = np.bincount(group_of_row, weights=stays)
        assert np.sum((sizes > 0) & (sizes < 5)) == cut


def test_photos_of_bursts_do_not_hide_that_others_would_help() -> None:
    """With five shots of each thing a small share has fewer things, and so errs much more."""
    rng = np.random.default_rng(4)
    things = np.tile(np.arange(3), 50)
    features = rng.standard_normal((150, 10))
    features[np.arange(150), things] += 2.0
    shots = np.repeat(np.arange(150), 5)
    noisy = features[shots] + 0.1 * rng.standard_normal((750, 10))
    errors = probe_curve(noisy, things[shots], shots, np.random.default_rng(1)).mean(axis=1)
    assert errors[0] > 1.5 * errors[-1]


def test_the_whole_share_is_the_probe_out_of_fold() -> None:
    """The last row has wrong what the baseline's own probabilities have wrong."""
    wrong = probe_curve(FEATURES, TARGETS, GROUPS, np.random.default_rng(1))
    answers, _ = out_of_fold(FEATURES, TARGETS, GROUPS, 4)
    assert wrong.shape == (len(CURVE_SHARES), 160)
    assert (wrong[-1] == ~answers.right(TARGETS)).all()


def test_each_row_is_a_probe_of_its_share() -> None:
    """A loop over folds, with images taken class by class, gives the same."""
    wrong = probe_curve(FEATURES, TARGETS, GROUPS, np.random.default_rng(1))
    order = np.random.default_rng(1).permutation(160)
    folds = assign_folds(TARGETS, GROUPS)
    for row, share in enumerate(CURVE_SHARES):
        for fold in range(FOLDS):
            part = []
            for number in range(4):
                own = [n for n in range(160) if folds[n] != fold and TARGETS[n] == number]
                own.sort(key=lambda image: int(order[image]))
                part += own[: int(np.ceil(share * len(own)))]
            rows = np.sort(part)
            predicted = fit_probe(FEATURES[rows], TARGETS[rows]).predict(FEATURES[folds == fold])
            assert (wrong[row, folds == fold] == (predicted != TARGETS[folds == fold])).all()


def test_more_images_help() -> None:
    """Of features with little signal the probe errs less, the more images it was fitted on."""
    rng = np.random.default_rng(2)
    targets = np.tile(np.arange(3), 200)
    features = rng.standard_normal((600, 30))
    features[np.arange(600), targets] += 1.5
    wrong = probe_curve(features, targets, np.arange(600), rng).mean(axis=1)
    assert wrong[0] > 1.1 * wrong[-1]


def test_the_same_seed_gives_the_same_curve() -> None:
    """The images that stay depend on the generator alone."""
    first = probe_curve(FEATURES, TARGETS, GROUPS, np.random.default_rng(3))
    assert (first == probe_curve(FEATURES, TARGETS, GROUPS, np.random.default_rng(3))).all()


@pytest.mark.parametrize("images", [1, 2])
def test_hardly_any_images(images: int) -> None:
    """With one image there is nothing to fit on and it counts as wrong; two are no failure."""
    wrong = probe_curve(FEATURES[:images], TARGETS[:images], GROUPS[:images], RNG)
    assert wrong.all()
