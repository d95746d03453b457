"""Which validation images are common, and why the others are not."""

import shutil
from pathlib import Path

import pytest

from stages.compare.data_changes import data_changes
from stages.compare.pairing import REASONS, pair
from tests.compare.example_history import Past, outcomes

BEFORE = {
    "same.jpg": ("1", "cat", "valid"),
    "old.jpg": ("2", "dog", "valid"),  # is called new.jpg after
    "label.jpg": ("3", "cat", "valid"),
    "content.jpg": ("4", "cat", "valid"),
    "gone.jpg": ("5", "dog", "valid"),
    "moved.jpg": ("6", "dog", "valid"),
    "repeats.jpg": ("7", "dog", "valid"),
    "rotten.jpg": ("8", "dog", "valid"),
    "dropped.jpg": ("9", "dog", "valid"),
    "train.jpg": ("10", "dog", "train"),
    "before.jpg": ("11", "dog", "train"),  # is called after.jpg after, and validates
}
AFTER = {
    "same.jpg": ("1", "cat", "valid"),
    "new.jpg": ("2", "dog", "valid"),
    "label.jpg": ("3", "dog", "valid"),
    "content.jpg": ("44", "cat", "valid"),
    "moved.jpg": ("6", "dog", "train"),
    "repeats.jpg": ("7", "dog", "excluded"),
    "rotten.jpg": ("8", "dog", "valid"),
    "dropped.jpg": ("9", "", "valid"),
    "train.jpg": ("10", "dog", "valid"),
    "added.jpg": ("12", "cat", "valid"),
    "after.jpg": ("11", "dog", "valid"),
}


def validated(photos, rejected=()):
    """Return outcomes of the photos in validation, all recognised."""
    rows = [
        (path, label, label)
        for path, (_, label, split) in photos.items()
        if split == "valid" and label and path not in rejected
    ]
    return outcomes(rows)


@pytest.fixture
def past(tmp_path: Path) -> Past:
    """Return a repository with all that can happen to a photo, between v1 and v2."""
    past = Past(tmp_path / "repo")
    past.run(validated(BEFORE), BEFORE)
    past.commit("v1")
    past.run(validated(AFTER, ["rotten.jpg"]), AFTER, rejected=["rotten.jpg"])
    past.commit("v2")
    return past


def test_images_are_paired_by_path_and_by_content(past: Past) -> None:
    """Common are those under the same label, also where the file was renamed."""
    common = pair(past.snapshot("v1"), past.snapshot("v2")).common
    assert common.to_dict("records") == [
        {"base": "old.jpg", "other": "new.jpg", "actual": "dog"},
        {"base": "same.jpg", "other": "same.jpg", "actual": "cat"},
    ]


def test_every_other_image_has_its_reason(past: Past) -> None:
    """Each image that only one side validates on is told, with the reason and the side."""
    apart = pair(past.snapshot("v1"), past.snapshot("v2")).apart
    assert {row.path: (row.side, row.reason) for row in apart.itertuples()} == {
        "label.jpg": ("both", "relabelled"),
        "content.jpg": ("both", "replaced"),
        "gone.jpg": ("base", "removed"),
        "moved.jpg": ("base", "moved"),
        "repeats.jpg": ("base", "excluded"),
        "rotten.jpg": ("base", "rejected"),
        "dropped.jpg": ("base", "unlabelled"),
        "train.jpg": ("other", "moved"),
        "added.jpg": ("other", "added"),
        "after.jpg": ("other", "moved"),
    }
    assert set(apart["reason"]) | {"unknown"} == set(REASONS)


def test_the_other_way_round_added_is_removed(past: Past) -> None:
    """Comparing backwards pairs the same images and turns the reasons around."""
    forth = pair(past.snapshot("v1"), past.snapshot("v2"))
    back = pair(past.snapshot("v2"), past.snapshot("v1"))
    assert set(back.common["base"]) == set(forth.common["other"])
    turned = {"added": "removed", "removed": "added"}
    expected = sorted(turned.get(reason, reason) for reason in forth.apart["reason"])
    assert sorted(back.apart["reason"]) == expected


def test_without_lists_the_reasons_are_unknown(past: Past) -> None:
    """Outcomes alone still pair by path and label; why others are missing nobody can say."""
    shutil.rmtree(past.root / ".dvc")
    found = pair(past.snapshot("v1"), past.snapshot("v2"))
    assert found.common["other"].tolist() == ["content.jpg", "same.jpg"]
    assert set(found.apart["reason"]) == {"relabelled", "unknown"}


def test_a_side_without_outcomes_has_nothing_in_common(past: Past) -> None:
    """When a revision has no outcomes, no image is paired."""
    past.run(None, AFTER)
    (past.root / "reports/fine_tune/outcomes.csv").unlink()
    past.commit("v3")
    found = pair(past.snapshot("v1"), past.snapshot("v3"))
    assert found.common.empty
    assert found.counts() == {}


def test_changes_of_the_data_are_counted_by_class(past: Past) -> None:
    """Added, removed and relabelled images stand by their class; renamed ones are not new."""
    changes = data_changes(past.snapshot("v1"), past.snapshot("v2"))
    assert changes.counts() == {
        "added": 1,
        "removed": 1,
        "relabelled": 1,
        "unlabelled": 1,
        "replaced": 1,
        "renamed": 2,
    }
    assert changes.by_class() == {
        "cat": {"added": 1},
        "dog": {"removed": 1, "relabelled": 1, "unlabelled": 1},
    }
    back = data_changes(past.snapshot("v2"), past.snapshot("v1"))
    assert back.by_class()["dog"]["labelled"] == 1


def test_a_content_that_is_there_twice_renames_nobody(tmp_path: Path) -> None:
    """Of two copies nobody knows which one became which, so they are removed and added."""
    past = Past(tmp_path / "repo")
    past.run(None, {"a.jpg": ("1", "cat", "valid"), "b.jpg": ("1", "cat", "valid")})
    past.commit("v1")
    past.run(None, {"c.jpg": ("1", "cat", "valid"), "d.jpg": ("1", "cat", "valid")})
    past.commit("v2")
    assert data_changes(past.snapshot("v1"), past.snapshot("v2")).counts() == {
        "added": 2,
        "removed": 2,
    }


def test_without_lists_changes_of_the_data_are_not_known(past: Past) -> None:
    """Where the cache lacks the lists, None says so instead of a zero."""
    shutil.rmtree(past.root / ".dvc")
    assert data_changes(past.snapshot("v1"), past.snapshot("v2")) is None
