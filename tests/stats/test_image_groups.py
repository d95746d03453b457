"""Image groups: numbered from names, and counted."""

import numpy as np
import pytest

from stages.stats.image_groups import (
    count_groups,
    dense_groups,
    effective_groups,
    number_groups,
    some_groups,
)

PATHS = np.array(["a", "b", "c", "d"])


def test_images_of_one_name_share_a_number() -> None:
    """An image without a name is a group of its own, also where a group has its path as name."""
    groups = number_groups(PATHS, {"a": "anna", "c": "anna", "d": "b"})
    assert groups is not None
    assert groups.tolist() == [0, 1, 0, 2]
    assert count_groups(groups) == 3


@pytest.mark.parametrize("group_of", [{}, {"a": "anna", "b": "ben"}, {"other": "anna"}])
def test_where_none_share_a_group_there_are_none(group_of: dict[str, str]) -> None:
    """Independent images have no groups, whatever their names, and so no images have."""
    assert number_groups(PATHS, group_of) is None
    assert number_groups(PATHS[:0], {"a": "anna"}) is None
    assert count_groups(None) is None
    assert some_groups(None, np.arange(2)) is None


def test_some_rows_keep_their_groups() -> None:
    """Rows are picked by number, mask or slice."""
    groups = np.array([4, 4, 9])
    for rows in (np.array([1, 2]), np.array([False, True, True]), slice(1, 3)):
        assert np.array_equal(np.asarray(some_groups(groups, rows)), [4, 9])


def test_groups_of_one_size_count_each() -> None:
    """A large group beside small ones counts for less: 10 + 1 + 1 images are 144 / 102 groups."""
    assert effective_groups(np.repeat([0, 1, 2], 7)) == pytest.approx(3)
    assert effective_groups(np.repeat([0, 1, 2], [10, 1, 1])) == pytest.approx(144 / 102)
    assert effective_groups(np.zeros(5, int)) == 1


@pytest.mark.parametrize("numbers", [[10**12, 5, 10**12], [9, 0, 9], [2, 1, 2], [1, 0, 1]])
def test_dense_numbers_leave_no_gap(numbers: list[int]) -> None:
    """Numbers far apart or near become 0 and 1, of the same groups; no images have none."""
    assert dense_groups(np.array(numbers)).tolist() == [1, 0, 1]
    assert len(dense_groups(np.zeros(0, int))) == 0


@pytest.mark.parametrize("labels", [[3, 39, 7], [0, 1, 39], [10**12, 4, 9]])
def test_other_numbers_are_the_same_groups(labels: list[int]) -> None:
    """The effective groups do not depend on which numbers the groups have."""
    sizes = [5, 2, 1]
    expected = effective_groups(np.repeat([0, 1, 2], sizes))
    assert effective_groups(np.repeat(labels, sizes)) == pytest.approx(expected)
